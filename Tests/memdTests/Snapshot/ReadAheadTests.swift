// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

@Suite struct ReadAheadTests {
  private static let size = FilePiece.byteCountMax
  private static let sizes = [0, 1, size - 1, size, size + 1, 4 * size, 4 * size + 77]

  /// A disk with a file, helpers, and a reader of the file if it can be opened.
  private struct Reading {
    let disk = SimulatedDisk()
    let helpers = SimulatedHelpers(
      transport: SimulatedTransport(clock: SimulatedClock(), seed: 1), seed: 1)
    let bytes: [UInt8]

    init(byteCount: Int) {
      var random = RandomGenerator(seed: 7)
      bytes = (0..<byteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      disk.setContent(bytes, of: "file")
    }

    func source(ahead: Bool) throws -> ReadAhead {
      ReadAhead(try disk.open("file", .read), helpers: ahead ? helpers : nil)
    }

    /// Takes pieces until there are no more; says whether all sums were right.
    func rest(of source: ReadAhead, behind read: [UInt8] = []) throws -> ([UInt8], isRight: Bool) {
      var read = read
      var sum = CRC64()
      sum.update(read.rawSpan)
      var isRight = true
      while let piece = try source.next() {
        isRight = isRight && piece.sumBefore == sum.value
        read += piece.bytes(first: piece.byteCount).copied
        sum.update(piece.bytes(first: piece.byteCount))
        source.recycle(piece)
      }
      return (read, isRight)
    }
  }

  @Test(arguments: sizes, [false, true])
  func `the pieces are the file, each with the sum of those before`(count: Int, ahead: Bool) throws
  {
    let reading = Reading(byteCount: count)
    reading.disk.faults.readByteCountMax = 100_000
    let (read, isRight) = try reading.rest(of: reading.source(ahead: ahead))
    #expect(read == reading.bytes && isRight)
  }

  @Test func `a helper reads three pieces ahead and no more`() throws {
    let reading = Reading(byteCount: 9 * Self.size)
    let source = try reading.source(ahead: true)
    #expect(source.isBehind())
    #expect(reading.helpers.pendingCount(in: .snapshot) == 3)
    reading.helpers.drain(.snapshot)
    #expect(!source.isBehind())
    let count = reading.disk.operationCount
    let first = try #require(try source.next())
    _ = try source.next()
    #expect(reading.disk.operationCount == count)
    source.recycle(first)
    #expect(reading.helpers.pendingCount(in: .snapshot) == 2)
    #expect(!source.isBehind())
    _ = try source.next()
    #expect(source.isBehind())
    #expect(reading.helpers.pendingCount(in: .snapshot) == 3)
  }

  @Test func `who stops has the file alone, and may read on`() throws {
    let reading = Reading(byteCount: 6 * Self.size + 5)
    let source = try reading.source(ahead: true)
    let first = try #require(try source.next())
    let begin = first.bytes(first: first.byteCount).copied
    source.recycle(first)
    #expect(reading.helpers.pendingCount(in: .snapshot) == 1)
    source.stop()
    #expect(reading.helpers.pendingCount(in: .snapshot) == 0)
    let (read, isRight) = try reading.rest(of: source, behind: begin)
    #expect(read == reading.bytes && isRight)
    #expect(reading.helpers.pendingCount(in: .snapshot) == 0)
  }

  @Test(arguments: [false, true])
  func `what came before a failure is delivered`(ahead: Bool) throws {
    let reading = Reading(byteCount: 3 * Self.size)
    reading.disk.faults.readByteCountMax = Self.size / 2
    let source = try reading.source(ahead: ahead)
    reading.disk.fail(inOperation: 4)
    var count = 0
    let error = #expect(throws: DiskError.self) {
      while let piece = try source.next() { count += piece.byteCount }
    }
    #expect(error?.cause == .inputOutput)
    #expect(count == 3 * Self.size / 2)
  }

  @Test func `without sums none is computed`() throws {
    let reading = Reading(byteCount: 2 * Self.size)
    let source = try reading.source(ahead: false)
    source.sumsUp = false
    _ = try source.next()
    #expect(try source.next()?.sumBefore == 0)
  }

  @Test func `a number may lie in two pieces`() throws {
    let reading = Reading(byteCount: 2 * Self.size)
    for count in 0...9 {
      let reader = RDBReader(file: try reading.disk.open("file", .read))
      try reader.skip(Self.size - count)
      let place = Self.size - count
      let number = reading.bytes[place..<place + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
      #expect(try reader.littleEndian(UInt64.self) == number)
      #expect(reader.offset == place + 8)
      #expect(reader.checksum() == CRC64.of(Array(reading.bytes[..<(place + 8)]).rawSpan))
    }
  }

  // MARK: - Loading

  /// A server whose snapshot has many pieces, with values across their borders.
  private func filled() -> TestServer {
    let server = TestServer { $0.enableDebugCommand = .yes }
    for number in 0..<250 {
      server.run(["SET", "key:\(number)", String(repeating: "v", count: number * 37 % 9000)])
      server.run("SET n\(number) \(number * 100_003)")
    }
    server.run("SETRANGE large \(3 * Self.size) x")
    server.run("CONFIG SET rdbcompression no")
    server.run("SAVE")
    return server
  }

  private func loading(_ bytes: [UInt8]) -> TestServer {
    let server = TestServer(follows: false) { $0.enableDebugCommand = .yes }
    server.keepLog()
    server.disk.setContent(bytes, of: "dump.rdb")
    return server
  }

  @Test func `a file of many pieces is loaded, and its checksum found right`() {
    let first = filled()
    let bytes = first.disk.content(of: "dump.rdb") ?? []
    #expect(bytes.count > 6 * Self.size)
    let second = loading(bytes)
    var isReady = false
    second.server.loadAtStart { isReady = true }
    second.settle()
    #expect(isReady)
    #expect(second.run("DEBUG DIGEST") == first.run("DEBUG DIGEST"))
    #expect(second.run("DEBUG RELOAD") == .ok)
    #expect(second.run("DEBUG DIGEST") == first.run("DEBUG DIGEST"))
  }

  @Test func `what stands behind an RDB is not in its checksum, nor is the checksum itself`() {
    let bytes = filled().disk.content(of: "dump.rdb") ?? []
    for count in [1, 7, 300_000] {
      let server = loading(bytes + [UInt8](repeating: 9, count: count))
      var isReady = false
      server.server.loadAtStart { isReady = true }
      server.settle()
      #expect(isReady)
    }
  }

  @Test func `the end of a file may stand anywhere in a piece`() {
    let server = TestServer(follows: false) { $0.enableDebugCommand = .yes }
    server.run("CONFIG SET rdbcompression no")
    // The offset of the stream stands in the file: it has as many digits from here on.
    server.run(["SET", "k", String(repeating: "x", count: 1000)])
    func save(valueByteCount: Int) -> Int {
      server.run("DEL k")
      server.run("SETRANGE k \(valueByteCount - 1) x")
      server.run("SAVE")
      return (server.disk.content(of: "dump.rdb") ?? []).count
    }
    let around = save(valueByteCount: 200_000) - 200_000
    for count in Self.size - 1...Self.size + 9 {
      #expect(save(valueByteCount: count - around) == count)
      #expect(server.run("DEBUG RELOAD NOSAVE") == .ok)
      #expect(server.run("STRLEN k") == .integer(count - around))
    }
  }

  @Test func `clients are answered while a helper hangs`() {
    let server = loading(filled().disk.content(of: "dump.rdb") ?? [])
    let helpers = server.server.helpers as? SimulatedHelpers
    helpers?.isStalled = true
    var isReady = false
    server.server.loadAtStart { isReady = true }
    for _ in 0..<5 {
      #expect(server.run("GET n1").isError)
      #expect(server.server.sleepNanoseconds() > 0)
      server.advance(milliseconds: 1000)
    }
    #expect(!isReady)
    helpers?.isStalled = false
    server.settle()
    #expect(isReady)
    #expect(server.run("DBSIZE") == 501)
  }

  @Test func `a damaged file is left alone by the helper before it is closed`() {
    var bytes = filled().disk.content(of: "dump.rdb") ?? []
    bytes[9] = 0xF0
    let server = loading(bytes)
    let helpers = server.server.helpers as? SimulatedHelpers
    helpers?.durationNanoseconds = 10_000_000...20_000_000
    var isLoaded = true
    server.server.startLoading(RDBLoader.Options()) { isLoaded = $0 }
    while server.server.persistence.loading != nil { server.advance(milliseconds: 1) }
    #expect(!isLoaded)
    #expect(server.server.helpers.pendingCount(in: .snapshot) == 0)
  }
}
