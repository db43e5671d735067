// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// Packed values whose headers contradict their bytes, in every form that a payload may have.
@Suite struct PackedHeaderTests {
  private static let bad = Reply.error("ERR Bad data format")

  private static func makeServer() -> TestServer {
    TestServer(follows: false) { $0.enableDebugCommand = .yes }
  }

  @Test func `a ziplist that says three entries and holds two is refused`() {
    let payload: [UInt8] = [
      0x0e, 0x01, 0x13, 0x13, 0x00, 0x00, 0x00, 0x0e, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x02,
      0x61, 0x00, 0x04, 0x02, 0x62, 0x00, 0xff, 0x09, 0x00, 0x4d, 0xe2, 0x0a, 0x2f, 0x08, 0x25,
      0xdf, 0x91,
    ]
    #expect(Self.makeServer().restore("k", "0", payload) == Self.bad)
  }

  @Test(arguments: PackedForm.all)
  func `every form is taken as it should be and refused with any wrong number`(form: PackedForm) {
    let server = Self.makeServer()
    #expect(server.restore("right", "0", form.payload(form.packed.bytes)) == .ok, "\(form.name)")
    let right = server.run("DEBUG DIGEST-VALUE right")
    for (bytes, what) in form.mutations {
      let reply = server.restore("wrong", "0", form.payload(bytes), "REPLACE")
      #expect(reply == Self.bad, "\(form.name): \(what)")
      #expect(server.run("EXISTS wrong") == 0)
    }
    for bytes in form.equals {
      #expect(server.restore("equal", "0", form.payload(bytes), "REPLACE") == .ok, "\(form.name)")
      #expect(server.run("DEBUG DIGEST-VALUE equal") == right)
    }
  }

  @Test(arguments: PackedForm.all)
  func `the loader of files refuses the same`(form: PackedForm) {
    for (bytes, what) in form.mutations.prefix(12) {
      let server = Self.makeServer()
      server.keepLog()
      let payload = form.payload(bytes)
      let head = Array("REDIS0012".utf8) + [payload[0], 1, 107]
      let file = head + payload.dropFirst().dropLast(10) + [0xff]
      let sum = CRC64.of(file.rawSpan)
      let tail = (0..<8).map { UInt8(truncatingIfNeeded: sum >> UInt64(8 * $0)) }
      server.disk.setContent(file + tail, of: "dump.rdb")
      server.server.loadAtStart { Issue.record("\(form.name): \(what)") }
      server.settle()
      #expect(server.logText.contains("Fatal error loading the DB"), "\(form.name): \(what)")
    }
  }

  @Test(
    .enabled(if: ReferenceServer.path != nil, "redis-server is not installed"),
    arguments: PackedForm.all.filter(\.isKnownToRedis70))
  func `redis-server takes and refuses the same`(form: PackedForm) throws {
    let reference = try #require(ReferenceServer(["--sanitize-dump-payload", "yes"]))
    func restore(_ bytes: [UInt8]) -> Reply {
      let words = ["RESTORE", "k", "0"].map { Array($0.utf8) } + [form.payload(bytes)]
      return reference.run(octets: words + [Array("REPLACE".utf8)])
    }
    #expect(restore(form.packed.bytes) == .ok, "\(form.name)")
    for (bytes, what) in form.mutations {
      let reply = restore(bytes)
      // It counts neither live entries nor deleted ones, and looks at no order: memd does.
      if form.name.hasPrefix("stream"), reply == .ok { continue }
      #expect(reply == Self.bad, "\(form.name): \(what)")
    }
    for bytes in form.equals { #expect(restore(bytes) == .ok, "\(form.name)") }
  }

  @Test func `any other byte of any form is refused or makes a whole value`() {
    let server = Self.makeServer()
    for form in PackedForm.all {
      for index in form.packed.bytes.indices {
        for flip in [UInt8(1), 2, 0x10, 0x40, 0x80, 0xff] {
          var bytes = form.packed.bytes
          bytes[index] ^= flip
          guard server.restore("k", "0", form.payload(bytes), "REPLACE") == .ok else { continue }
          // What was taken can be read, counted, written and read again.
          let digest = server.run("DEBUG DIGEST-VALUE k")
          #expect(server.restore("copy", "0", server.dump("k"), "REPLACE") == .ok)
          #expect(server.run("DEBUG DIGEST-VALUE copy") == digest, "\(form.name) \(index) \(flip)")
        }
      }
    }
  }
}

/// Bytes, and where in them stands what must agree with the rest.
struct PackedBytes {
  private(set) var bytes: [UInt8] = []
  /// Offsets of bytes that can have one value only.
  private(set) var fixed: [Int] = []

  /// Appends bytes that say how the others are to be read.
  mutating func fix(_ more: [UInt8]) {
    fixed += bytes.count..<(bytes.count + more.count)
    bytes += more
  }

  /// Appends bytes that could be others.
  mutating func add(_ more: [UInt8]) { bytes += more }

  static func little(_ value: Int, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  // MARK: - Forms

  /// A ziplist of short texts.
  static func ziplist(_ texts: [String]) -> PackedBytes {
    var sizes: [Int] = []
    for text in texts { sizes.append(2 + text.utf8.count) }
    var packed = PackedBytes()
    let total = 11 + sizes.reduce(0, +)
    packed.fix(little(total, 4))
    packed.fix(little(total - 1 - (sizes.last ?? 0), 4))
    packed.fix(little(texts.count, 2))
    for (index, text) in texts.enumerated() {
      packed.fix([index == 0 ? 0 : UInt8(sizes[index - 1]), UInt8(text.utf8.count)])
      packed.add(Array(text.utf8))
    }
    packed.fix([0xff])
    return packed
  }

  /// A listpack of short texts; numbers of up to seven bits may be others.
  static func listpack(_ items: [Item]) -> PackedBytes {
    var inner = PackedBytes()
    for item in items {
      switch item {
      case .text(let text):
        inner.fix([0x80 | UInt8(text.utf8.count)])
        inner.add(Array(text.utf8))
        inner.fix([UInt8(1 + text.utf8.count)])
      case .number(let number):
        inner.add([UInt8(number)])
        inner.fix([1])
      case .fixed(let number): inner.fix([UInt8(number), 1])
      case .deadline(let deadline):
        inner.add([0xf4] + little(deadline, 8))
        inner.fix([9])
      }
    }
    var packed = PackedBytes()
    packed.fix(little(7 + inner.bytes.count, 4) + little(items.count, 2))
    packed.append(inner)
    packed.fix([0xff])
    return packed
  }

  enum Item {
    case text(String)
    case number(Int)
    /// A number that must agree with others.
    case fixed(Int)
    case deadline(Int)
  }

  private mutating func append(_ other: PackedBytes) {
    fixed += other.fixed.map { $0 + bytes.count }
    bytes += other.bytes
  }

  /// A zipmap with one unused byte behind each value.
  static func zipmap(_ pairs: [(String, String)]) -> PackedBytes {
    var packed = PackedBytes()
    packed.fix([UInt8(pairs.count)])
    for (name, value) in pairs {
      packed.fix([UInt8(name.utf8.count)])
      packed.add(Array(name.utf8))
      packed.fix([UInt8(value.utf8.count), 1])
      packed.add(Array(value.utf8) + [0])
    }
    packed.fix([0xff])
    return packed
  }

  /// An intset of 16-bit numbers.
  static func intset(_ numbers: [Int]) -> PackedBytes {
    var packed = PackedBytes()
    packed.fix(little(2, 4) + little(numbers.count, 4))
    for number in numbers { packed.add(little(number, 2)) }
    return packed
  }
}

/// One way in which a value is packed.
struct PackedForm: Sendable, CustomTestStringConvertible {
  let name: String
  let isKnownToRedis70: Bool
  let version: UInt8
  let packed: PackedBytes
  /// What stands in front of the packed bytes and behind them.
  var head: [UInt8]
  var tail: [UInt8] = []
  /// Other values with whole headers: one with something twice, one in the wrong order.
  var contradictions: [[UInt8]] = []
  /// The same value with other bytes.
  var equals: [[UInt8]] = []

  var testDescription: String { name }

  func payload(_ bytes: [UInt8]) -> [UInt8] {
    let length: [UInt8] = bytes.count < 64 ? [UInt8(bytes.count)] : [0x40, UInt8(bytes.count)]
    return RestoreTests.sealed(head + length + bytes + tail, version: version)
  }

  /// Every byte that can have one value only, with others.
  var mutations: [(bytes: [UInt8], what: String)] {
    var all = contradictions.enumerated().map { ($1, "contradiction \($0)") }
    for offset in packed.fixed {
      let right = packed.bytes[offset]
      var values: [UInt8] = [right ^ 1, right &+ 1, right &- 1, right ^ 0x80, 0x7f]
      // These say "not known" where they stand for a count.
      if !name.hasPrefix("zipmap") { values += [0, 0xfe, 0xff] }
      for value in values where value != right {
        var bytes = packed.bytes
        bytes[offset] = value
        if equals.contains(bytes) { continue }
        all.append((bytes, "byte \(offset) is \(value)"))
      }
    }
    return all
  }
}
