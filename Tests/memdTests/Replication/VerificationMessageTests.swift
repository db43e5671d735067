// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// What leaders say of their keys: the text of it, and whether equal data have equal digests.
@Suite struct VerificationMessageTests {
  private typealias Item = VerificationMessage.Item
  private typealias State = VerificationMessage.State

  private let message = VerificationMessage(
    number: 300, round: 7, beginsRound: true, endsRound: true, keyCount: 123_456_789,
    items: [
      Item(
        name: KeyName(database: 0, key: "s"),
        state: State(type: .string, elementCount: 3, part: .whole, digest: 0xDEAD_BEEF)),
      Item(
        name: KeyName(database: 15, key: ByteText([0, 13, 10, 255])), isFirst: false,
        state: State(
          type: .list, deadline: -1, elementCount: .max, part: .range(start: 1 << 40, count: 256),
          digest: 0)),
      Item(
        name: KeyName(database: 1, key: ""),
        state: State(
          type: .stream, deadline: .max, elementCount: 9,
          part: .entries(from: StreamID(.max, 5), count: 2), digest: .max)),
      Item(
        name: KeyName(database: 2, key: "h"),
        state: State(
          type: .hash, elementCount: 900, part: .named(["a", "", "c c"]), digest: 1)),
      Item(name: KeyName(database: 3, key: "gone")),
    ])

  private func read(_ bytes: [UInt8]) -> VerificationMessage? {
    VerificationMessage(bytes.rawSpan)
  }

  private func readNames(_ bytes: [UInt8]) -> [KeyName]? { KeyName.read(bytes.rawSpan) }

  private func readCounts(_ bytes: [UInt8]) -> VerificationFindings.Counts? {
    VerificationFindings.Counts(bytes.rawSpan)
  }

  @Test func `a message says what was put into it`() {
    #expect(read(message.text.bytes) == message)
    let empty = VerificationMessage(number: 1, round: 1, keyCount: 0)
    #expect(read(empty.text.bytes) == empty)
    let names = message.items.map(\.name)
    #expect(readNames(KeyName.text(of: names).bytes) == names)
  }

  @Test func `what is cut, changed or made up is read as something or nothing, and never stops`() {
    let bytes = message.text.bytes
    // All items but the last, and then a part of it, are no message.
    for count in 0..<bytes.count {
      let part = read(Array(bytes[..<count]))
      #expect((part?.items.count ?? 0) < message.items.count)
    }
    let server = TestServer(follows: false)
    server.run("SET s abc")
    server.run("RPUSH h a b c")
    var findings = VerificationFindings()
    var generator = SeededGenerator(seed: 5)
    var readCount = 0
    for _ in 0..<20_000 {
      var changed = bytes
      for _ in 0...generator.number(in: 0...3) {
        let index = Int(generator.number(in: 13...Int64(changed.count - 1)))
        switch generator.number(in: 0...3) {
        case 0: changed[index] = UInt8(generator.number(in: 0...255))
        case 1: changed[index] ^= 1 << UInt8(generator.number(in: 0...7))
        case 2: changed.insert(UInt8(generator.number(in: 0...1) * 255), at: index)
        default: changed.removeSubrange(index..<min(changed.count, index + 3))
        }
      }
      if let message = read(changed) {
        readCount += 1
        _ = findings.compare(message, with: server.server.keyspace, at: 0)
        _ = findings.nextQuestions(in: server.server.keyspace)
      }
      _ = readNames(changed)
      _ = readCounts(changed)
    }
    #expect(readCount > 1000)
  }

  @Test(arguments: [
    "", "memd-verify", "memd-verify:3\u{1}\u{1}\u{0}\u{0}", "memd-verify:2", "memd-verify:2\u{1}",
    // Flags that there are not; a number without an end.
    "memd-verify:2\u{1}\u{1}\u{4}\u{0}",
    "memd-verify:2" + String(repeating: "\u{7f}\u{80}", count: 9),
    // A name longer than the message, a type and a kind that there are not.
    "memd-verify:2\u{1}\u{1}\u{0}\u{0}\u{0}\u{0}\u{7f}a",
    "memd-verify:2\u{1}\u{1}\u{0}\u{0}\u{6}\u{0}\u{1}a\u{1}aaaa",
    "memd-verify:2\u{1}\u{1}\u{0}\u{0}\u{7e}\u{0}\u{1}a\u{1}aaaa",
    "memd-verify:2\u{1}\u{1}\u{0}\u{0}\u{0}\u{0}\u{1}a\u{1}aaa",
  ]) func `what is no message is none`(text: String) {
    #expect(read(Array(text.utf8)) == nil)
  }

  @Test func `a message that is too long is none`() {
    var long = message
    for _ in 0..<3000 { long.items += message.items }
    #expect(long.text.count > VerificationMessage.byteCountMax)
    #expect(read(long.text.bytes) == nil)
  }

  @Test func `followers tell three numbers`() {
    var counts = VerificationFindings.Counts()
    counts.keysChecked = 5
    counts.keysDiffering = 1
    counts.rounds = 2
    #expect(counts.text == "5 1 2")
    #expect(readCounts(Array("5 1 2".utf8)) == counts)
    for text in ["", "5 1", "5 1 2 3", "5 -1 2", "a b c", "5  1 2", "99999999999999999999 1 1"] {
      #expect(readCounts(Array(text.utf8)) == nil, "\(text)")
    }
  }

  // MARK: - Digests

  /// The digest of a key as a whole, and its parts as they are sent.
  private func digests(_ server: TestServer, _ key: ByteText) -> [UInt32]? {
    guard let entry = server.server.keyspace.entry(of: KeyName(database: 0, key: key)) else {
      return nil
    }
    guard var position = ValuePart.start(of: entry) else {
      return [ValueDigest(of: .whole, in: entry).short]
    }
    var digests: [UInt32] = []
    while let (part, next) = ValuePart.part(of: entry, at: position) {
      digests.append(ValueDigest(of: part, in: entry).short)
      guard let next else { return digests }
      position = next
    }
    return nil
  }

  @Test(arguments: [
    ("SADD k 1 2 3", "SADD k 3 2 x 1|SREM k x"),
    ("SADD k 1 b", "SADD k b 1"),
    ("HSET k a 1 b 2", "HSET k b 2 a 1"),
    ("HSET k a 1", "CONFIG SET hash-max-listpack-entries 0|HSET k a 1"),
    ("RPUSH k 1 b", "CONFIG SET list-max-listpack-size 1|RPUSH k 1 b"),
    ("ZADD k 0 a 1.5 b", "CONFIG SET zset-max-listpack-entries 0|ZADD k -0.0 a 1.5 b"),
    ("SET k 12345", "SET k 1234|APPEND k 5"),
    (
      "XADD k 1-1 a b|XADD k 1-2 a b",
      "CONFIG SET stream-node-max-entries 1|XADD k 1-1 a b|XADD k 1-2 a b"
    ),
    ("PFADD k a b", "PFADD k a b|PFCOUNT k"),
  ]) func `equal values have equal digests, however they are stored`(one: String, other: String) {
    let servers = [one, other].map { lines in
      let server = TestServer(follows: false)
      for line in lines.split(separator: "|") { server.run(String(line)) }
      return server
    }
    let expected = digests(servers[0], "k")
    #expect(expected != nil)
    #expect(digests(servers[1], "k") == expected)
  }

  @Test(arguments: [
    ("SET k a", "SET k b"), ("SET k ''", "SET k 0"), ("RPUSH k a b", "RPUSH k b a"),
    ("RPUSH k ab c", "RPUSH k a bc"), ("SADD k a b", "SADD k a c"),
    ("HSET k a b", "HSET k b a"), ("HSET k a b", "HSET k a b|HEXPIRE k 100 FIELDS 1 a"),
    ("ZADD k 1 a 2 b", "ZADD k 1 b 2 a"), ("ZADD k 1 a", "ZADD k 1.0000000000000002 a"),
    ("XADD k 1-1 a b", "XADD k 1-2 a b"), ("XADD k 1-1 a b", "XADD k 1-1 a c"),
    ("XADD k 1-1 a b", "XADD k 1-1 a b|XGROUP CREATE k g 0"),
    ("PFADD k a", "PFADD k b"),
  ]) func `different values have different digests`(one: String, other: String) {
    let all = [one, other].map { lines in
      let server = TestServer(follows: false)
      for line in lines.split(separator: "|") { server.run(String(line)) }
      return digests(server, "k")
    }
    #expect(all[0] != nil)
    #expect(all[0] != all[1])
  }

  @Test(arguments: [
    "SETRANGE k 199999 x", "RPUSH k", "SADD k", "ZADD k", "HSET k", "XADD k",
  ]) func `every part of a large value counts`(command: String) {
    let server = TestServer(follows: false)
    let words = command.split(separator: " ").map(String.init)
    for index in 0..<1000 where words[0] != "SETRANGE" {
      switch words[0] {
      case "ZADD": server.run("\(command) \(index) m\(index)")
      case "HSET": server.run("\(command) m\(index) v")
      case "XADD": server.run("\(command) \(index + 1)-0 f v\(index)")
      default: server.run("\(command) m\(index)")
      }
    }
    if words[0] == "SETRANGE" { server.run(command) }
    let before = digests(server, "k")
    #expect(before?.count ?? 0 >= 4, "\(before?.count ?? 0) parts")
    for change in 0..<10 {
      let index = change * 97 + 5
      switch words[0] {
      case "SETRANGE": server.run("SETRANGE k \(index * 190) y")
      case "RPUSH": server.run("LSET k \(index) other")
      case "SADD": server.run("SREM k m\(index)")
      case "ZADD": server.run("ZADD k \(index).5 m\(index)")
      case "HSET": server.run("HSET k m\(index) other")
      default: server.run("XDEL k \(index + 1)-0")
      }
      let after = digests(server, "k")
      // Names of a set are not the same ones any more; the number of members says so.
      if words[0] != "SADD" { #expect(after != before, "\(command) \(index)") }
    }
  }
}
