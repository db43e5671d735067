// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP
import Testing

@testable import memd

/// The tables of client-side caching against simple models.
@Suite struct TrackingTableTests {
  @Test(arguments: [UInt64](1...8))
  func `the invalidation table knows who holds what`(_ seed: UInt64) {
    var random = RandomGenerator(seed: seed)
    let allocator = Allocator.create()
    let hashSeed = HashSeed(k0: 1, k1: seed)
    let table = InvalidationTable(allocator: allocator, seed: hashSeed)
    var model: [String: Set<UInt32>] = [:]
    var departed: Set<UInt32> = []
    for _ in 0..<4000 {
      let name = String(repeating: "k", count: random.next(below: 20)) + "\(random.next(below: 40))"
      let bytes = Array(name.utf8)
      let key = Key(bytes.rawSpan, seed: hashSeed)
      switch random.next(below: 12) {
      case 0:
        let tracked = table.remove(key)
        let numbers = tracked.map { found in (0..<found.count).map { found[$0] } }
        #expect(numbers == model[name]?.sorted())
        model[name] = nil
        if let tracked { table.free(tracked) }
      case 1: departed.insert(UInt32(random.next(below: 30)))
      default:
        let number = UInt32(random.next(below: 30))
        departed.remove(number)
        let before = model[name] ?? []
        let isFull = !before.isEmpty && before.count & (before.count - 1) == 0
        let comes = !before.contains(number)
        table.insert(key, for: number) { !departed.contains($0) }
        model[name, default: []].insert(number)
        if isFull, comes { model[name]?.subtract(departed) }
      }
    }
    var found: [String: [UInt32]] = [:]
    table.forEach { tracked in
      found[tracked.bytes.text] = (0..<tracked.count).map { tracked[$0] }
    }
    #expect(found == model.mapValues { $0.sorted() }, "seed \(seed)")
    #expect(table.keyCount == model.count)
    #expect(table.itemCount == model.values.reduce(0) { $0 + $1.count })
    var budget = 7
    while !table.drain(budget: &budget) { budget = 7 }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `each key has the same chance to be forgotten`() {
    let allocator = Allocator.create()
    let hashSeed = HashSeed(k0: 1, k1: 2)
    var random = RandomGenerator(seed: 3)
    var counts: [Int] = Array(repeating: 0, count: 20)
    for _ in 0..<1000 {
      let table = InvalidationTable(allocator: allocator, seed: hashSeed)
      for number in 0..<20 {
        let bytes = Array("\(number)".utf8)
        table.insert(Key(bytes.rawSpan, seed: hashSeed), for: 1) { _ in true }
      }
      if let tracked = table.removeRandom(using: &random) {
        counts[Int(tracked.bytes.text) ?? 0] += 1
        table.free(tracked)
      }
      var budget = Int.max
      _ = table.drain(budget: &budget)
    }
    #expect(counts.allSatisfy { $0 > 20 && $0 < 90 }, "\(counts)")
    allocator.destroy()
  }

  @Test func `a key that one client holds costs little`() {
    let allocator = Allocator.create()
    let table = InvalidationTable(allocator: allocator, seed: HashSeed(k0: 1, k1: 2))
    for number in 0..<10_000 {
      let bytes = Array("key:000000\(100_000 + number)".utf8)
      table.insert(Key(bytes.rawSpan, seed: HashSeed(k0: 1, k1: 2)), for: 1) { _ in true }
    }
    #expect(allocator.bytesInUse < 48 * 10_000, "\(allocator.bytesInUse)")
    var budget = Int.max
    _ = table.drain(budget: &budget)
    allocator.destroy()
  }

  @Test(arguments: [UInt64](1...8))
  func `prefixes are found as if each had been compared`(_ seed: UInt64) {
    var random = RandomGenerator(seed: seed)
    func word(_ length: Int) -> [UInt8] {
      (0..<random.next(below: length + 1)).map { _ in
        [UInt8(ascii: "a"), UInt8(ascii: "b"), 0, 255][random.next(below: 4)]
      }
    }
    let server = TestServer()
    let client = Client(
      id: 1, connection: ConnectionID(word: 0), address: "", localAddress: "", now: 0,
      database: server.server.keyspace.databases[0])
    let tracker = Tracker(client: client, number: 1)
    let table = PrefixTable()
    var model: [[UInt8]] = []
    for _ in 0..<2000 {
      switch random.next(below: 4) {
      case 0:
        let prefix = word(6)
        #expect(table.add(tracker, to: prefix) == !model.contains(prefix))
        if !model.contains(prefix) { model.append(prefix) }
      case 1:
        let prefix = model.isEmpty ? word(6) : model[random.next(below: model.count)]
        table.remove(tracker, from: prefix)
        model.removeAll { $0 == prefix }
      default:
        let key = word(9)
        var found: [[UInt8]] = []
        table.visitPrefixes(of: key.rawSpan) { found.append($0.prefix) }
        let expected = model.filter { key.starts(with: $0) }.sorted { $0.count > $1.count }
        #expect(found == expected, "seed \(seed), key \(key)")
      }
      #expect(table.count == model.count)
    }
  }

  @Test func `changes are told once, in order, with their last author`() {
    var changes = ChangedKeys()
    for (key, author) in [("b", 1), ("a", 2), ("ab", 3), ("", 4), ("b", 5), ("a", 0)] {
      let bytes = Array(key.utf8)
      changes.append(bytes.rawSpan, author: author)
    }
    var told: [String] = []
    changes.forEach { key, author in told.append("\(key.text)=\(author)") }
    #expect(told == ["=4", "a=0", "ab=3", "b=5"])
  }
}
