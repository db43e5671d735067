// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// Snapshots that consist of commands.
@Suite struct CommandSnapshotTests {
  /// The commands that make what a server has.
  static func bytes(of server: TestServer) -> [UInt8] {
    let cut = server.server.beginCut(for: .commands)
    var options = SnapshotOutput.Options()
    options.format = .commands
    let output = SnapshotOutput(disk: server.disk, temporary: "commands", options: options)
    output.begin()
    while cut.step() == .running {
      let pieces = cut.takeReady()
      output.write(pieces)
      cut.pool.give(pieces)
    }
    output.write(cut.takeReady())
    cut.end()
    output.finish()
    output.close()
    #expect(output.failure == nil)
    let bytes = server.disk.content(of: "commands") ?? []
    #expect(output.byteCount == bytes.count)
    return bytes
  }

  private static func commands(_ bytes: [UInt8]) -> [[String]] {
    var parser = ReplyParser(bytes)
    var commands: [[String]] = []
    while !parser.isAtEnd, let reply = parser.next() {
      commands.append(reply.elements.map(\.text))
    }
    return commands
  }

  /// Commands as lines.
  private static func lines(_ server: TestServer) -> [String] {
    commands(bytes(of: server)).map { $0.joined(separator: " ") }
  }

  /// Another server, on which all commands have been executed.
  private static func made(of server: TestServer, _ bytes: [UInt8]) throws -> TestServer {
    let other = TestServer(follows: false) { $0.enableDebugCommand = .yes }
    let distance = server.clock.wallMicroseconds() - other.clock.wallMicroseconds()
    other.clock.advance(milliseconds: distance / 1000)
    other.turn()
    try StreamApplier(server: other.server).apply(bytes.rawSpan)
    return other
  }

  /// Checks that commands make the same data; returns their names.
  @discardableResult
  private static func check(_ server: TestServer, _ comment: Comment? = nil) throws -> [String] {
    let bytes = bytes(of: server)
    let other = try made(of: server, bytes)
    #expect(
      DatasetText.of(other.server.keyspace) == DatasetText.of(server.server.keyspace), comment)
    #expect(
      DatasetDigest(other.server.keyspace).text == DatasetDigest(server.server.keyspace).text,
      comment)
    return commands(bytes).map { $0[0] }
  }

  // MARK: - What is written

  @Test func `small values are one command each, and deadlines come behind`() {
    let server = TestServer(follows: false) { $0.saveRules = [] }
    #expect(Self.lines(server) == [])
    let values = [
      ["SET", "string", "text"], ["SET", "string", ""], ["SET", "integer", "-17"],
      ["RPUSH", "list", "b", "1", "a"], ["SADD", "set", "a"],
      ["SADD", "integers", "-3", "2", "70000"],
      ["ZADD", "zset", "-inf", "m", "-0.5", "b", "2.5", "a", "3", "d", "inf", "c"],
      ["HSET", "hash", "field", "value", "number", "3"],
    ]
    for words in values {
      server.run("FLUSHALL")
      server.run(words)
      let line = words.joined(separator: " ")
      #expect(Self.lines(server) == ["SELECT 0", line])
      server.run("PEXPIREAT \(words[1]) 99999999999999")
      #expect(
        Self.lines(server) == ["SELECT 0", line, "PEXPIREAT \(words[1]) 99999999999999"])
    }
  }

  @Test func `each database is selected in front of its keys`() {
    let server = TestServer(follows: false)
    server.run("SET a 1")
    server.run("SELECT 3")
    server.run("SET b 2")
    #expect(Self.lines(server) == ["SELECT 0", "SET a 1", "SELECT 3", "SET b 2"])
  }

  @Test func `fields with the same deadline get it together`() {
    let server = TestServer(follows: false)
    server.run("HSET h a 1 b 2 c 3 d 4")
    server.run("HPEXPIREAT h 9999999999998 FIELDS 2 c a")
    server.run("HPEXPIREAT h 9999999999999 FIELDS 1 d")
    #expect(
      Self.lines(server) == [
        "SELECT 0", "HSET h c 3 a 1 d 4 b 2", "HPEXPIREAT h 9999999999998 FIELDS 2 c a",
        "HPEXPIREAT h 9999999999999 FIELDS 1 d",
      ])
  }

  @Test func `a stream is its entries, its figures, and its groups`() {
    let server = TestServer(follows: false)
    for line in [
      "XADD s 1-1 a 1", "XADD s 2-1 a 2 b 3", "XADD s 3-1 b 1", "XDEL s 2-1",
      "XGROUP CREATE s g 0", "XGROUP CREATECONSUMER s g idle",
      "XREADGROUP GROUP g alice STREAMS s >",
    ] { server.run(line) }
    let time = server.server.moment.milliseconds
    #expect(
      Self.lines(server) == [
        "SELECT 0", "XADD s 1-1 a 1", "XADD s 3-1 b 1",
        "XSETID s 3-1 ENTRIESADDED 3 MAXDELETEDID 2-1", "XGROUP CREATE s g 3-1 ENTRIESREAD 3",
        "XGROUP CREATECONSUMER s g alice",
        "XCLAIM s g alice 0 1-1 3-1 TIME \(time) RETRYCOUNT 1 JUSTID FORCE",
        "XGROUP CREATECONSUMER s g idle",
      ])
  }

  @Test func `a command has at most 64 elements, or about 64 KB`() throws {
    let server = TestServer(follows: false)
    for start in stride(from: 0, to: 1000, by: 50) {
      let names = (start..<start + 50).map { "m\($0)" }
      server.run(["SADD", "set"] + names)
      server.run(["HSET", "hash"] + names.flatMap { [$0, "v"] })
      server.run(["ZADD", "zset"] + names.flatMap { ["\(start)", $0] })
      server.run(["RPUSH", "list"] + names)
      server.run(["HPEXPIREAT", "hash", "9999999999999", "FIELDS", "50"] + names)
      for name in names { server.run(["XADD", "stream", "*", "f", name]) }
    }
    server.run("XGROUP CREATE stream g 0")
    server.run("XREADGROUP GROUP g c STREAMS stream >")
    let commands = Self.commands(Self.bytes(of: server))
    let most = ["SADD": 64, "HSET": 128, "ZADD": 128, "RPUSH": 64]
    for (name, count) in most.sorted(by: { $0.key < $1.key }) {
      let counts = commands.filter { $0[0] == name }.map { $0.count - 2 }
      #expect(counts.dropLast().allSatisfy { $0 == count } && counts.count == 16, "\(name)")
    }
    #expect(commands.filter { $0[0] == "HPEXPIREAT" }.allSatisfy { $0.count <= 5 + 64 })
    #expect(commands.filter { $0[0] == "XCLAIM" }.map { $0.count - 11 }.max() == 64)
    try Self.check(server)
    server.run("FLUSHALL")
    for index in 0..<40 {
      server.run(["RPUSH", "list", String(repeating: "\(index)", count: 10_000)])
    }
    let lists = Self.commands(Self.bytes(of: server)).dropFirst()
    #expect(lists.count > 5)
    #expect(lists.allSatisfy { $0.reduce(0) { $0 + $1.utf8.count } < 100_000 })
    try Self.check(server)
  }

  // MARK: - What commands make

  @Test func `values of all types, forms and sizes come back`() throws {
    try Self.check(SnapshotTests.filled(), "strings")
    try Self.check(CollectionSnapshotTests.filled(), "collections")
    let server = TestServer(follows: false)
    server.run(["SET", "huge", String(repeating: "x", count: 3_000_001)])
    for length in [0, 1, 200, 70_000, 1 << 20] {
      server.run(["SET", "s\(length)", String(repeating: "x", count: length)])
      server.run(["HSET", "h\(length)", "f", String(repeating: "y", count: length)])
      server.run(["SADD", "u\(length)", String(repeating: "y", count: length)])
      server.run(["ZADD", "z\(length)", "1e300", String(repeating: "y", count: length)])
      server.run(["RPUSH", "l\(length)", String(repeating: "y", count: length), "1"])
      server.run(["XADD", "x\(length)", "*", "f", String(repeating: "y", count: length)])
    }
    let instants = [1, 50_000, 90_000, 99_999_999_999]
    for index in 0..<600 {
      server.run("HSET hash f\(index) \(index)")
      let instant = server.server.moment.milliseconds + Int64(instants[index % 4])
      if index % 5 > 0 { server.run("HPEXPIREAT hash \(instant) FIELDS 1 f\(index)") }
      server.run("ZADD zset \(Double(index) / 7 - 20) \(index)")
    }
    for name in ["hash", "zset", "s70000", "s1048576", "x200"] {
      server.run("PEXPIRE \(name) 900000")
    }
    try Self.check(server)
  }

  /// Streams that are made of commands line by line.
  static let streams: [[String]] = [
    ["XGROUP CREATE s g $ MKSTREAM"],
    ["XADD s MAXLEN 0 5-1 f v"],
    ["XADD s 5-1 f v", "XDEL s 5-1"],
    ["XADD s 5-1 f v", "XDEL s 5-1", "XSETID s 9-9 ENTRIESADDED 100 MAXDELETEDID 7-7"],
    ["XADD s 5-1 f v", "XTRIM s MAXLEN 0", "XSETID s 0-0"],
    ["XADD s 5-1 f v", "XSETID s 18446744073709551615-18446744073709551615"],
    ["XADD s 18446744073709551615-18446744073709551615 f v"],
    [
      "XADD s 1-1 f v", "XADD s 2-1 f v", "XGROUP CREATE s a 0-5 ENTRIESREAD 2",
      "XGROUP CREATE s b 9-0", "XGROUP CREATE s c 1-1 ENTRIESREAD 1",
    ],
    ["XADD s 1-1 f v", "XADD s 2-1 f v", "XSETID s 7-1 ENTRIESADDED 2"],
    // Pending and not there: trimmed, deleted, all of them, between others, in several groups.
    filled + ["XTRIM s MINID 3"],
    filled + ["XDEL s 2-1 4-1 5-1"],
    filled + ["XDEL s 6-1"],
    filled + ["XTRIM s MINID 3", "XDEL s 4-1 6-1"],
    filled + ["XTRIM s MAXLEN 0"],
    filled + ["XDEL s 3-1", "XTRIM s MAXLEN 0"],
    filled + ["XDEL s 3-1", "XSETID s 6-1 ENTRIESADDED 5", "XGROUP SETID s g 6-1 ENTRIESREAD 5"],
    filled + [
      "XTRIM s MINID 3", "XSETID s 6-1 ENTRIESADDED 4", "XGROUP SETID s g 4-1 ENTRIESREAD 2",
    ],
    filled + ["XTRIM s MAXLEN 0", "XADD s 7-1 f v", "XDEL s 7-1"],
    // Given back, in another order and as often as others or not, and not there.
    filled + ["XNACK s g FAIL IDS 3 4-1 2-1 3-1", "XNACK s g FATAL IDS 1 1-1"],
    filled + ["XNACK s g FAIL IDS 3 4-1 2-1 3-1", "XDEL s 2-1", "XNACK s g SILENT IDS 1 5-1"],
    // Delivered at other times, or as often as others or not.
    filled + [
      "XCLAIM s g bob 0 2-1 TIME 5 RETRYCOUNT 1", "XCLAIM s g bob 0 3-1 TIME 6 RETRYCOUNT 1",
      "XCLAIM s g bob 0 4-1 TIME 6 RETRYCOUNT 2", "XCLAIM s g bob 0 5-1 TIME 6 RETRYCOUNT 2",
    ],
  ]

  private static let filled =
    (1...6).map { "XADD s \($0)-1 f \($0) g x" } + [
      "XGROUP CREATE s g 0", "XGROUP CREATE s h 0", "XREADGROUP GROUP g alice COUNT 5 STREAMS s >",
      "XREADGROUP GROUP g bob STREAMS s >", "XREADGROUP GROUP h carol COUNT 2 STREAMS s >",
    ]

  @Test(arguments: streams.indices)
  func `commands make a stream with all that it knows`(index: Int) throws {
    let server = TestServer(follows: false) { $0.streamNodeMaxEntries = 2 }
    server.run("SELECT 2")
    for line in Self.streams[index] { #expect(!server.run(line).isError, "\(line)") }
    let names = try Self.check(server)
    #expect(!names.contains("RESTORE"))
  }

  @Test(arguments: [
    ["XADD s IDMP p a * f v", "XADD s IDMP p b * f v", "XADD s * f v", "XDEL s 1-1"],
    ["XADD s * f v", "XCFGSET s IDMP-MAXSIZE 7", "PEXPIRE s 100000"],
    filled + ["XADD s IDMP p a * f v", "XNACK s g FAIL IDS 1 2-1", "XDEL s 3-1"],
    filled + ["XTRIM s MAXLEN 0", "XSETID s 3-1"],
    filled + ["XTRIM s MAXLEN 0", "XNACK s g FAIL IDS 1 2-1", "XSETID s 3-1"],
  ])
  func `a stream that commands can't make is restored as a whole`(lines: [String]) throws {
    let server = TestServer(follows: false) { $0.streamNodeMaxEntries = 2 }
    for line in lines { #expect(!server.run(line).isError, "\(line)") }
    let names = try Self.check(server)
    #expect(names.filter { $0 != "PEXPIREAT" } == ["SELECT", "RESTORE"])
  }

  @Test func `what only files can bring does not keep commands from being executed`() throws {
    let server = TestServer(follows: false)
    // A field that expires in the year 6429, and an entry without fields.
    let late: [UInt8] = [24, 0, 0, 0, 0, 0, 0x80, 0, 0, 1, 1, 1, 97, 1, 49]
    #expect(server.restore("h", "0", RestoreTests.sealed(late, version: 12)) == .ok)
    let block = PackedBytes.listpack([1, 0, 0, 0, 2, 0, 0, 3].map { .number($0) }).bytes
    var stream: [UInt8] = [19, 1, 16] + StreamPayload.firstID + [UInt8(block.count)] + block
    stream += [1, 1, 1, 1, 1, 0, 0, 1, 0]
    #expect(server.restore("s", "0", RestoreTests.sealed(stream)) == .ok)
    let other = try Self.made(of: server, Self.bytes(of: server))
    #expect(other.run("HPEXPIRETIME h FIELDS 1 a") == [.integer(FieldDeadline.latest)])
    #expect(other.run("XRANGE s - +") == [["1-1", ["x", "y"]]])
  }

  // MARK: - Failures

  @Test func `what goes wrong with the file is told once, and nothing is written after it`() {
    let server = CollectionSnapshotTests.filled()
    server.disk.faults.failsWrite = true
    let cut = server.server.beginCut(for: .commands)
    var options = SnapshotOutput.Options()
    options.format = .commands
    let output = SnapshotOutput(disk: server.disk, temporary: "commands", options: options)
    output.begin()
    while cut.step() == .running { output.write(cut.takeReady()) }
    cut.end()
    output.finish()
    #expect(output.failure != nil)
    output.commit(as: "never")
    output.abandon()
    #expect(server.disk.content(of: "never") == nil)
    #expect(server.disk.content(of: "commands") == nil)
  }
}
