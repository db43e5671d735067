// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// From readable sockets to a batch of requests. Bytes are received into an arena, whose contents
// live for one turn; a connection gets a buffer of its own only for what can't be executed in it.

extension Server {
  /// Bytes of requests that one connection may bring into a turn.
  static let requestBytesPerTurn = 64 << 10
  /// Output that one connection may produce in a turn.
  static let replyBytesPerTurn = 1 << 20

  /// Receives what a connection has to say, and puts its requests into the batch.
  func receive(from client: Client) {
    guard !client.isClosing else { return drain(client) }
    // First what has been received already: a connection may end right behind it.
    guard !client.flags.contains(.resumes) else { return }
    if client.input != nil { return receiveMore(from: client) }
    let room = unsafe arenaRoom(Server.requestBytesPerTurn)
    let result = unsafe transport.receive(client.connection, into: room)
    guard let count = received(result, from: client) else { return }
    let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: room[..<count])
    intake.keep(count)
    var parser = RequestParser()
    let consumed = unsafe parse(bytes, of: client, &parser, partial: nil)
    guard consumed < count, !client.isClosing else { return }
    // Not all that was announced: memory grows with what has really arrived.
    let waiting = count - consumed
    let input = InputBuffer(capacity: max(min(parser.bytesNeeded, 2 * waiting), waiting + 512))
    unsafe input.append(UnsafeRawBufferPointer(rebasing: bytes[consumed...]))
    keepProgress(parser, in: input)
    client.input = input
    accountMemory(of: client)
  }

  /// Room in the arena; if there is none left, the batch runs first.
  @inline(__always)
  private func arenaRoom(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    if let room = unsafe intake.room(byteCount) { return unsafe room }
    run(batch)
    intake.reuse()
    guard let room = unsafe intake.room(byteCount) else {
      preconditionFailure("larger than the arena")
    }
    return unsafe room
  }

  /// Receives more of a request that has begun.
  private func receiveMore(from client: Client) {
    guard let input = client.input else { return }
    // Requests that were read from the buffer may still wait in the batch: it must not move.
    if input.consumed > 0 { run(batch) }
    let missing = input.parser.bytesNeeded - input.remaining
    // Enough for a large argument at once, but memory grows with what has really arrived. Nothing
    // is received behind a large argument, so that its buffer can become its value.
    let isLarge = input.parser.bulkLengthPending >= StringBlock.adoptedByteCountMin
    let growth = min(missing, max(input.remaining, 64 << 10))
    var room = unsafe input.room(
      atLeast: isLarge ? growth : max(16 << 10, growth), atMost: isLarge ? missing : .max)
    if isLarge, room.count > missing {
      unsafe room = UnsafeMutableRawBufferPointer(rebasing: room[..<missing])
    }
    let result = unsafe transport.receive(client.connection, into: room)
    guard let count = received(result, from: client) else { return }
    input.received(count)
    if input.remaining > queryBufferLimit(of: client) { return closeForQueryBuffer(client) }
    if configuration.maxMemoryClients != 0 {
      // Before the request runs: at the end of the turn its memory may be nobody's any more.
      accountMemory(of: client)
      evictClients()
      if client.flags.contains(.closed) { return }
    }
    parseInput(of: client)
    accountMemory(of: client)
  }

  /// Bytes of requests that a client may leave unfinished; little before it has authenticated.
  func queryBufferLimit(of client: Client) -> Int {
    let limit = configuration.clientQueryBufferLimit
    return client.mustAuthenticate ? min(limit, 1 << 20) : limit
  }

  /// Parses what waits in the client's own buffer.
  func parseInput(of client: Client) {
    guard let input = client.input, !client.gate.contains(.held) else { return }
    guard input.remaining >= input.parser.bytesNeeded || !input.parser.isInsideRequest else {
      return
    }
    var parser = input.parser
    // The batch's requests point into the buffer: what was read of it stays until the turn ends.
    let consumed = unsafe parse(input.bytes, of: client, &parser, partial: input)
    input.consumed += consumed
    keepProgress(parser, in: input)
    if input.remaining == 0 { retire(input, of: client) }
  }

  /// The buffer is empty: it goes when the requests that lie in it have run.
  private func retire(_ input: InputBuffer, of client: Client) {
    client.input = nil
    if batch.count > 0 { arrivals.add(input) }
  }

  /// Slices of a request that are handed over instead of being copied: else one with a million
  /// arguments, which takes hundreds of turns to arrive, would cost a copy of all in each.
  private static let handedOverSliceCount = 4096

  /// Puts the slices of a request that has begun into the batch's buffer; returns where they begin.
  @inline(never)
  private func takeSlices(of partial: InputBuffer) -> Int {
    guard partial.slices.count > 0 else { return batch.slices.count }
    if partial.slices.count >= Server.handedOverSliceCount {
      run(batch)
      swap(&batch.slices, &partial.slices)
      return 0
    }
    let first = batch.slices.count
    batch.slices.append(contentsOf: partial.slices, from: 0)
    return first
  }

  /// Remembers how far the first incomplete request was read.
  private func keepProgress(_ parser: RequestParser, in input: InputBuffer) {
    input.slices.removeAll()
    if parser.isInsideRequest {
      input.parser = parser
      if intake.partialStart == 0, batch.slices.count >= Server.handedOverSliceCount {
        swap(&batch.slices, &input.slices)
      } else {
        input.slices.append(contentsOf: batch.slices, from: intake.partialStart)
      }
    } else {
      input.parser = RequestParser()
    }
    batch.slices.truncate(to: min(intake.partialStart, batch.slices.count))
  }

  /// Puts the complete requests in `bytes` into the batch, which runs whenever it is full.
  ///
  /// - Returns: how many bytes were consumed. Slices of an incomplete request stay in the batch's
  ///   buffer from `partialStart` on.
  private func parse(
    _ bytes: UnsafeMutableRawBufferPointer, of client: Client, _ parser: inout RequestParser,
    partial: InputBuffer?
  ) -> Int {
    // First, as the batch may run.
    let first = if let partial { takeSlices(of: partial) } else { batch.slices.count }
    var limits = requestLimits(for: client)
    var position = 0
    let repliedBefore = client.reply.count
    intake.partialStart = first
    while position < bytes.count {
      guard mayContinue(client, position: position, repliedBefore: repliedBefore) else { break }
      let start = position
      let outcome = unsafe parser.next(
        in: bytes, position: &position, limits: limits, slices: &batch.slices)
      switch outcome {
      case .request:
        unsafe add(bytes, start: start, end: position, of: client, isCanonical: parser.isCanonical)
        // The batch has run: the client may have authenticated, which changes its limits.
        if batch.count == 0 { limits = requestLimits(for: client) }
      case .empty: break
      case .incomplete: return start
      case .failure(let error):
        run(batch)
        intake.partialStart = 0
        unsafe failProtocol(
          error, client,
          RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: bytes[start...])))
        return bytes.count
      }
      intake.partialStart = batch.slices.count
    }
    return position
  }

  /// False if the rest of the connection's bytes has to wait or is of no use.
  ///
  /// Only output of this turn counts: a client that writes everything before it reads must go on.
  private func mayContinue(_ client: Client, position: Int, repliedBefore: Int) -> Bool {
    if client.gate.contains(.held) { return false }
    if position > Server.requestBytesPerTurn
      || client.reply.count - repliedBefore > Server.replyBytesPerTurn
    {
      resume(client)
      return false
    }
    return true
  }

  /// Adds the request whose slices were appended last.
  @inline(__always)
  private func add(
    _ bytes: UnsafeMutableRawBufferPointer, start: Int, end: Int, of client: Client,
    isCanonical: Bool
  ) {
    guard let buffer = bytes.baseAddress else { return }
    let base = unsafe UnsafeRawPointer(buffer + start)
    let first = intake.partialStart
    let count = batch.slices.count - first
    let arguments = unsafe Arguments(base: base, slices: batch.slices.base + first, count: count)
    let command = commands.find(arguments)
    unsafe batch.append(
      Batch.Request(
        client: .passUnretained(client), database: BorrowedDatabase(client.database), base: base,
        firstSlice: first, argumentCount: count,
        rawCount: isCanonical ? end - start : 0, command: command))
    let flags = command?.flags ?? []
    if batch.isFull || flags.contains(.parserBarrier)
      || (flags.contains(.endsTransaction) && mayRunScripts(client))
    {
      run(batch)
    }
  }

  /// Whether the client's transaction has scripts in it.
  @inline(never)
  private func mayRunScripts(_ client: Client) -> Bool {
    client.transaction.queuedFlags.contains(.runsScripts)
  }

  /// The client goes on in the next turn, before new bytes are received.
  func resume(_ client: Client) {
    guard !client.flags.contains(.resumes) else { return }
    client.flags.insert(.resumes)
    intake.resuming.append(client)
  }

  /// Counts what came; closes the connection at its end, or when it has failed.
  @inline(__always)
  private func received(_ result: IOResult, from client: Client) -> Int? {
    switch result {
    case .bytes(let count):
      statistics.networkInputBytes &+= count
      statistics.readsProcessed &+= 1
      client.inputBytes &+= count
      client.lastInteraction = moment.milliseconds
      return count
    case .wouldBlock: return nil
    case .closed:
      run(batch)
      endInput(of: client)
      return nil
    case .failed:
      run(batch)
      close(client)
      return nil
    }
  }

  /// The client sends no more. It may have closed one direction only: replies still go out.
  private func endInput(of client: Client) {
    guard client.pendingOutput > 0 else { return close(client) }
    transport.watchReadable(client.connection, false)
    closeAfterReply(client)
  }

  /// A client that only waits for its last reply: what it still sends is thrown away.
  private func drain(_ client: Client) {
    let room = unsafe arenaRoom(4096)
    run(batch)
    switch unsafe transport.receive(client.connection, into: room) {
    case .closed: endInput(of: client)
    case .failed: close(client)
    case .bytes, .wouldBlock: break
    }
  }

  private func requestLimits(for client: Client) -> RequestLimits {
    RequestLimits(
      maxArguments: Int(Int32.max), maxBulkLength: configuration.protoMaxBulkLength,
      maxInlineLength: 64 << 10, authenticated: !client.mustAuthenticate)
  }

  /// A request that can't be understood ends the connection, after the replies before it.
  private func failProtocol(
    _ error: ProtocolError, _ client: Client, _ bytes: RawSpan
  ) {
    guard !client.gate.contains(.held) else { return }
    log.verbose(
      "Protocol error (\(error.message.dropFirst(20))) from client: \(clientLine(client).logText)."
        + " Query buffer during protocol error: \(ExcerptText.abridged(bytes))")
    if client.flags.contains(.follower) { return closeASAP(client) }
    metrics.errors.count("ERR")
    statistics.errorReplies += 1
    prepare(client)
    error.write(to: &client.reply)
    closeAfterReply(client)
  }
}
