// SPDX-License-Identifier: Apache-2.0

@testable import DataStructures

// Random changes of one structure each, with everything that its interface offers.

extension RandomGenerator {
  fileprivate mutating func text() -> [UInt8] {
    let number = next(below: 100_000)
    return switch next(below: 5) {
    case 0: Array(String(number).utf8)
    case 1: [UInt8](repeating: 121, count: next(below: 300))
    default: Array("item-\(number)".utf8)
    }
  }
}

struct ListRun: ~Copyable {
  let allocator: Allocator
  var list: QuickList
  var dropped: QuickList
  var random: RandomGenerator
  private let limit: QuickListLimit

  init(_ allocator: Allocator, seed: UInt64) {
    self.allocator = allocator
    list = QuickList(allocator: allocator)
    dropped = QuickList(allocator: allocator)
    random = RandomGenerator(seed: seed)
    var limit = QuickListLimit(
      listMaxListpackSize: seed % 2 == 0 ? 8 : -1, packedThreshold: seed % 3 == 0 ? 200 : 0)
    if seed % 2 == 1 { limit.byteCountMax = 300 }
    self.limit = limit
  }

  var blocks: [BlockShadow.Seen] {
    DataStructuresTests.blocks(list) + DataStructuresTests.blocks(dropped)
  }

  mutating func step() {
    let text = random.text()
    let grows = list.count < 200
    switch random.next(below: grows ? 12 : 8) {
    case 0: if !list.isEmpty { list.removeFirst() }
    case 1: if !list.isEmpty { list.removeLast() }
    case 2: removeRange()
    case 3:
      var budget = random.next(below: 20)
      _ = dropped.drain(budget: &budget)
    case 4, 5, 6, 7: changeInside(text)
    case 8, 9: list.pushFront(text.octets, limit: limit)
    default: list.pushBack(text.octets, limit: limit)
    }
  }

  private mutating func changeInside(_ text: [UInt8]) {
    guard !list.isEmpty, let cursor = list.cursor(at: random.next(below: list.count)) else {
      return list.pushBack(plain: text.octets)
    }
    switch random.next(below: 5) {
    case 0: list.insert(text.octets, before: cursor, limit: limit)
    case 1: list.insert(text.octets, after: cursor, limit: limit)
    case 2: list.replace(at: cursor, with: text.octets, limit: limit)
    case 3: list.remove(at: cursor)
    default: _ = list.removeBackwards(at: cursor)
    }
  }

  private mutating func removeRange() {
    guard list.count > 100 else { return }
    let start = random.next(below: list.count)
    let count = random.next(below: min(60, list.count - start) + 1)
    list.removeRange(from: start, count: count, into: &dropped)
  }

  /// Frees a few nodes; true when none is left.
  mutating func drain() -> Bool {
    var budget = 30
    return list.drain(budget: &budget) && dropped.drain(budget: &budget)
  }
}

struct SortedSetRun: ~Copyable {
  let allocator: Allocator
  var set: SortedSet
  var random: RandomGenerator
  private let seed: HashSeed
  private var cursor: UInt64 = 0

  init(_ allocator: Allocator, seed: UInt64) {
    self.allocator = allocator
    self.seed = HashSeed(k0: 3, k1: seed)
    set = SortedSet(allocator: allocator, seed: self.seed)
    random = RandomGenerator(seed: seed)
  }

  mutating func step(_ step: Int) {
    let member = Array("member:\(random.next(below: 3000))".utf8)
    let hash = SipHash13.hash(member.octets, seed)
    let grows = step % 2000 < 1500
    switch random.next(below: 20) {
    case 0:
      let start = random.next(below: set.count + 1)
      set.removeRange(start..<start + random.next(below: grows ? 4 : 40))
    case 1: set.removeLast(random.next(below: grows ? 3 : 20))
    case 2: moveSome()
    case 3..<(grows ? 4 : 16): set.remove(member.octets, hash: hash)
    default: put(member, hash, step)
    }
  }

  private mutating func put(_ member: [UInt8], _ hash: UInt64, _ step: Int) {
    let score =
      switch random.next(below: 4) {
      case 0: Double(random.next(below: 5))
      case 1: Double(step)
      case 2: -Double(step)
      default: Double(random.next(below: 100_000)) / 7
      }
    if let element = set.find(member.octets, hash: hash) {
      set.update(element, to: random.next(below: 3) == 0 ? element.score + 0.01 : score)
    } else {
      set.insert(member.octets, hash: hash, score: score)
    }
  }

  private mutating func moveSome() {
    _ = allocator.beginCompaction(threshold: 1)
    for _ in 0..<20 { cursor = set.leaveSparseSlabs(cursor) }
    allocator.endCompaction()
  }
}

struct BucketRun: ~Copyable {
  let allocator: Allocator
  var table: HashTable<SetMember>
  var random: RandomGenerator
  private let seed: HashSeed
  private var cursor: UInt64 = 0

  init(_ allocator: Allocator, seed: UInt64) {
    self.allocator = allocator
    self.seed = HashSeed(k0: 7, k1: seed)
    table = HashTable(allocator: allocator, seed: self.seed)
    random = RandomGenerator(seed: seed)
  }

  mutating func step(_ step: Int) {
    let member = Array("member:\(random.next(below: 900))".utf8)
    let hash = SipHash13.hash(member.octets, seed)
    let grows = step % 1000 < 500
    switch random.next(below: 20) {
    case 0: moveSome()
    case 1: table.mergingEnabled = random.next(below: 3) > 0
    case 2..<(grows ? 4 : 17):
      table.remove(member.octets, hash: hash)?.free(allocator)
    default:
      guard let location = table.locate(member.octets, hash: hash) else {
        return table.insert(SetMember(member.octets, allocator: allocator), hash: hash)
      }
      table.willChange(at: location)
      let old = table.element(at: location)
      table.replace(at: location, with: SetMember(member.octets, allocator: allocator))
      old.free(allocator)
    }
  }

  private mutating func moveSome() {
    let allocator = self.allocator
    _ = allocator.beginCompaction(threshold: 1)
    for _ in 0..<20 {
      cursor = table.scanLocations(cursor) { member in
        if let moved = member.movedFromSparseSlab(allocator) { member = moved }
      }
    }
    allocator.endCompaction()
  }
}
