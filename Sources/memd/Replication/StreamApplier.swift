// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// Why a leader's stream can't be applied any further.
enum StreamFailure: Error, Equatable {
  /// The bytes are no commands.
  case protocolError(offset: Int)
  /// A command of the stream was refused: this dataset is another one than the leader's.
  case refused(offset: Int, command: [UInt8], error: [UInt8])

  /// For the log.
  var text: String {
    switch self {
    case .protocolError(let offset): return "what comes at offset \(offset) is no command"
    case .refused(let offset, let command, let error):
      let words = ByteText(DirectiveText.trimmed(error[...])).logText
      return "'\(ByteText(command).logText)' at offset \(offset) was answered by '\(words)'"
    }
  }
}

/// Executes a leader's stream of effects.
///
/// The stream has been admitted where it comes from: here no memory limit, no rule, no pause and no
/// state of the server stands against it, and it never sees a key as expired. Its commands run in
/// batches as clients' do. A transaction runs as a whole once all of it is there. Replies go
/// nowhere; an error among them is the end of the link.
final class StreamApplier {
  private let server: Server
  /// Who sends the stream, as CLIENT LIST shows it.
  private(set) var client: Client
  /// Bytes of the stream that have been applied: up to the last command or transaction.
  private(set) var offset: Int
  private(set) var failure: StreamFailure?
  private let limits: RequestLimits
  private let passesOver: ((StreamFailure) -> Bool)?
  /// Whether what has been applied goes into the server's own stream, byte by byte.
  var forwards: Bool
  private let input = InputBuffer(capacity: 16 << 10)
  private let batch = Batch()
  /// Bytes of the input, which begins with MULTI then, in which its end was looked for in vain.
  private var searchedByteCount = 0

  /// - Parameters:
  ///   - offset: of the dataset that the server has.
  ///   - limits: of what the stream may hold.
  ///   - forwards: whether what has been applied goes into the server's own stream as it came.
  ///   - passesOver: asked whether to go on behind a command that was refused; nil: never.
  init(
    server: Server, offset: Int = 0, limits: RequestLimits = RequestLimits(),
    forwards: Bool = false,
    passesOver: ((StreamFailure) -> Bool)? = nil
  ) {
    self.server = server
    self.offset = offset
    self.limits = limits
    self.forwards = forwards
    self.passesOver = passesOver
    client = Client(
      id: server.clients.nextID(), connection: .none, address: "", localAddress: "",
      now: server.moment.milliseconds, database: server.keyspace.databases[0])
    client.flags.insert(.leader)
  }

  /// The database that the stream has selected.
  var database: Int {
    get { client.database.number }
    set { client.database = server.keyspace.databases[newValue] }
  }

  /// The stream comes by another connection from here on; nothing of the last may be left.
  func come(from sender: Client) {
    precondition(batch.count == 0, "a request refers to who sent it")
    sender.flags.insert(.leader)
    sender.database = client.database
    client = sender
  }

  /// What has come of a command that is incomplete is not wanted any more.
  func forgetIncomplete() {
    input.consumed += input.remaining
    position = 0
    searchedByteCount = 0
    batch.removeAll()
  }

  /// Applies all complete commands; what is incomplete waits for the next bytes.
  ///
  /// - Throws: why the stream has ended; it can't go on then.
  func apply(_ bytes: RawSpan) throws(StreamFailure) {
    unsafe bytes.withUnsafeBytes { unsafe input.append($0) }
    try apply(received: 0)
  }

  /// Room for the next `count` bytes of the stream.
  func room(atLeast count: Int) -> UnsafeMutableRawBufferPointer {
    let room = unsafe input.room(atLeast: count)
    return unsafe UnsafeMutableRawBufferPointer(rebasing: room[..<count])
  }

  /// Applies all complete commands, when so many bytes more have been put into the room.
  ///
  /// - Throws: why the stream has ended; it can't go on then.
  func apply(received count: Int) throws(StreamFailure) {
    input.received(count)
    if let failure { throw failure }
    let mode = server.moment.expiryMode
    let wasMuted = server.effects.isMuted
    server.moment.expiryMode = .ignore
    server.effects.isMuted = true
    defer {
      server.effects.isMuted = wasMuted
      server.moment.expiryMode = mode
    }
    do throws(StreamFailure) {
      try applyInput()
    } catch {
      failure = error
      throw error
    }
  }

  private func applyInput() throws(StreamFailure) {
    while let word = try readRequests() {
      if word == .begin {
        discardLast()
        position = requestStart
        try run()
        guard try applyTransaction() else { return }
      } else if batch.isFull {
        try run()
      }
    }
    try run()
  }

  // MARK: - Reading

  /// What a request of the stream means for those around it.
  private enum Word {
    case command, begin, end
  }

  /// Where the request that is read next begins.
  private var position = 0
  /// Where the request that was read last begins.
  private var requestStart = 0
  /// Where the first request of the batch begins.
  private var batchStart = 0

  /// Reads requests into the batch until it holds so many, or one isn't a plain command; nil if
  /// there are no more complete ones.
  private func readRequests(upTo count: Int = Batch.capacity) throws(StreamFailure) -> Word? {
    let buffer = unsafe input.bytes
    let database = BorrowedDatabase(client.database)
    var next = position
    defer { position = next }
    while next < buffer.count {
      let start = next
      let firstSlice = batch.slices.count
      var parser = RequestParser()
      let outcome = unsafe parser.next(
        in: buffer, position: &next, limits: limits, slices: &batch.slices)
      switch outcome {
      case .request:
        let base = unsafe UnsafeRawPointer(buffer.baseAddress.unsafelyUnwrapped + start)
        let arguments = unsafe Arguments(
          base: base, slices: batch.slices.base + firstSlice,
          count: batch.slices.count - firstSlice)
        requestStart = start
        if batch.count == 0 { batchStart = start }
        unsafe batch.append(
          Batch.Request(
            client: .passUnretained(client), database: database, base: base,
            firstSlice: firstSlice, argumentCount: arguments.count, rawCount: next - start,
            command: server.commands.find(arguments)))
        let word = word(of: arguments)
        if word != .command || batch.count >= count { return word }
      case .empty: continue
      case .incomplete:
        batch.slices.truncate(to: firstSlice)
        next = start
        return nil
      case .failure: throw .protocolError(offset: offset + start)
      }
    }
    return nil
  }

  private func word(of arguments: Arguments) -> Word {
    guard arguments.count == 1 else { return .command }
    return switch Keyword(folding: arguments[0]) {
    case Keyword("multi"): .begin
    case Keyword("exec"): .end
    default: .command
    }
  }

  /// Takes the request that was read last back out of the batch.
  private func discardLast() { batch.removeLast() }

  // MARK: - Running

  /// Executes what has been read, and lets go of its bytes.
  ///
  /// - Parameter endsUnits: false within a transaction, which is one unit.
  private func run(endsUnits: Bool = true) throws(StreamFailure) {
    guard batch.count > 0 else { return consume() }
    var first = 0
    while true {
      let outcome = server.runStream(batch, from: first, of: client, endsUnits: endsUnits)
      guard let failed = outcome.failedAt else { break }
      let before = (0..<failed).reduce(0) { $0 + batch[$1].rawCount }
      let command = batch.arguments(of: batch[failed])[0].extracting(first: 128).copied
      let failure = StreamFailure.refused(
        offset: offset + batchStart + before, command: command, error: outcome.error)
      guard passesOver?(failure) == true else { throw failure }
      if endsUnits { server.endUnit() }
      first = failed + 1
    }
    batch.removeAll()
    if endsUnits { consume() }
  }

  /// All up to `position` has been applied.
  private func consume() {
    guard position > 0 else { return }
    if forwards {
      let bytes = unsafe UnsafeRawBufferPointer(rebasing: input.bytes[..<position])
      unsafe server.effects.stream.append(RawSpan(_unsafeBytes: bytes))
    }
    offset += position
    input.consumed += position
    position = 0
    searchedByteCount = 0
  }

  /// Applies the transaction with whose MULTI the input begins; false if its end isn't there yet,
  /// and then nothing of it has been applied.
  private func applyTransaction() throws(StreamFailure) -> Bool {
    guard try hasWholeTransaction() else { return false }
    _ = try readRequests()
    discardLast()
    while let word = try readRequests() {
      if word == .end {
        discardLast()
        try run(endsUnits: false)
        server.endUnit()
        consume()
        return true
      }
      if batch.isFull { try run(endsUnits: false) }
    }
    return false
  }

  /// Whether EXEC is there for the MULTI at `position`, which is 0 and stays so.
  private func hasWholeTransaction() throws(StreamFailure) -> Bool {
    defer { position = 0 }
    position = searchedByteCount
    while let word = try readRequests(upTo: 1) {
      discardLast()
      if word == .end { return true }
      searchedByteCount = position
    }
    return false
  }
}
