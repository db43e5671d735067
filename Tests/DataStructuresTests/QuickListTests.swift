// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

/// A list and the array that it must equal.
private struct ListModel: ~Copyable {
  var list: QuickList
  var dropped: QuickList
  var model: [[UInt8]] = []
  var limit: QuickListLimit
  var generator: RandomGenerator

  init(_ allocator: Allocator, limit: QuickListLimit, seed: UInt64) {
    list = QuickList(allocator: allocator)
    dropped = QuickList(allocator: allocator)
    self.limit = limit
    generator = RandomGenerator(seed: seed)
  }

  /// All elements, read from the front.
  static func texts(_ list: borrowing QuickList) -> [[UInt8]] {
    var scratch = DecimalScratch()
    var result: [[UInt8]] = []
    var cursor = list.first
    while let current = cursor {
      result.append(current.text(&scratch).copied)
      cursor = current.next
    }
    return result
  }

  /// All elements, read from the end, in their order.
  static func textsFromEnd(_ list: borrowing QuickList) -> [[UInt8]] {
    var scratch = DecimalScratch()
    var result: [[UInt8]] = []
    var cursor = list.last
    while let current = cursor {
      result.append(current.text(&scratch).copied)
      cursor = current.previous
    }
    return result.reversed()
  }

  mutating func text() -> [UInt8] {
    let number = generator.next(below: 100_000)
    switch generator.next(below: 6) {
    case 0: return Array(String(number).utf8)
    case 1: return [UInt8](repeating: 120, count: generator.next(below: 80))
    case 2: return [UInt8](repeating: 121, count: generator.next(below: 300))
    default: return Array("item-\(number)".utf8)
    }
  }

  /// One random change; pushes and pops at the ends are as frequent as all others together.
  mutating func change(largest: Int) {
    let text = text()
    let kind = model.count > largest ? 5 + generator.next(below: 7) : generator.next(below: 11)
    switch kind {
    case 0, 1:
      list.pushBack(text.octets, limit: limit)
      model.append(text)
    case 2, 3:
      list.pushFront(text.octets, limit: limit)
      model.insert(text, at: 0)
    case 5 where !model.isEmpty:
      list.removeFirst()
      model.removeFirst()
    case 6 where !model.isEmpty:
      list.removeLast()
      model.removeLast()
    case 11: removeRange()
    default: changeInside(kind, text)
    }
  }

  private mutating func changeInside(_ kind: Int, _ text: [UInt8]) {
    guard !model.isEmpty else { return }
    let index = generator.next(below: model.count)
    guard let cursor = list.cursor(at: index) else { return }
    switch kind {
    case 4, 7:
      list.insert(text.octets, before: cursor, limit: limit)
      model.insert(text, at: index)
    case 8:
      list.insert(text.octets, after: cursor, limit: limit)
      model.insert(text, at: index + 1)
    case 9:
      list.replace(at: cursor, with: text.octets, limit: limit)
      model[index] = text
    default:
      let forwards = generator.next(below: 2) == 0
      let neighbour = forwards ? list.remove(at: cursor) : list.removeBackwards(at: cursor)
      model.remove(at: index)
      let expected = forwards ? index : index - 1
      var scratch = DecimalScratch()
      let found = neighbour?.text(&scratch).copied
      #expect(found == (model.indices.contains(expected) ? model[expected] : nil))
    }
  }

  private mutating func removeRange() {
    let start = generator.next(below: model.count)
    let count = generator.next(below: min(60, model.count - start) + 1)
    list.removeRange(from: start, count: count, into: &dropped)
    model.removeSubrange(start..<start + count)
  }

  mutating func free() {
    var budget = Int.max
    let isDone = list.drain(budget: &budget) && dropped.drain(budget: &budget)
    #expect(isDone)
  }
}

struct QuickListTests {
  /// Drains a list as far as the budget goes.
  private static func drained(_ list: inout QuickList, _ budget: inout Int) -> Bool {
    list.drain(budget: &budget)
  }

  @Test(
    arguments: [
      (0, 3), (1, 1), (2, 16), (3, -1), (4, -2), (5, 100), (6, 5), (7, -1),
    ] as [(UInt64, Int)])
  func `Changes do to a list what they do to an array`(seed: UInt64, size: Int) {
    let allocator = Allocator.create()
    var limit = QuickListLimit(listMaxListpackSize: size, packedThreshold: size > 4 ? 200 : 0)
    if seed > 4 { limit.byteCountMax = 400 }
    var test = ListModel(allocator, limit: limit, seed: seed)
    for step in 0..<2500 {
      test.change(largest: seed % 2 == 0 ? 100 : 400)
      #expect(test.list.count == test.model.count)
      guard step % 16 == 0 else { continue }
      test.list.checkInvariants()
      #expect(ListModel.texts(test.list) == test.model, "seed \(seed) step \(step)")
      #expect(ListModel.textsFromEnd(test.list) == test.model, "seed \(seed) step \(step)")
    }
    let copy = test.list.copy()
    copy.checkInvariants()
    #expect(ListModel.texts(copy) == test.model)
    var second = copy
    var budget = Int.max
    #expect(QuickListTests.drained(&second, &budget) == true)
    #expect(test.list.allocatedSize(samples: 0) <= allocator.bytesInUse)
    test.free()
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `Elements are found by index from both ends`() {
    let allocator = Allocator.create()
    var list = QuickList(allocator: allocator)
    let limit = QuickListLimit(listMaxListpackSize: 7)
    for number in 0..<1000 { list.pushBack(Array(String(number).utf8).octets, limit: limit) }
    #expect(list.nodeCount == 143)
    for index in [0, 1, 6, 7, 499, 500, 993, 994, 999] {
      #expect(list.cursor(at: index)?.integer == index)
      #expect(list.cursor(at: index - 1000)?.integer == index)
    }
    #expect(list.cursor(at: 1000) == nil && list.cursor(at: -1001) == nil)
    #expect(list.cursor(at: .max) == nil && list.cursor(at: .min) == nil)
    var budget = 80
    #expect(QuickListTests.drained(&list, &budget) == false)
    #expect(budget <= 0 && list.nodeCount == 133)
    list.checkInvariants()
    budget = .max
    #expect(QuickListTests.drained(&list, &budget) == true)
    allocator.destroy()
  }

  @Test func `Text above the limit stands alone`() {
    let allocator = Allocator.create()
    var list = QuickList(allocator: allocator)
    let limit = QuickListLimit(listMaxListpackSize: -1)
    let large = [UInt8](repeating: 120, count: 4097)
    list.pushBack([1].octets, limit: limit)
    list.pushBack(large.octets, limit: limit)
    list.pushBack([2].octets, limit: limit)
    #expect(list.nodeCount == 3)
    #expect(list.head?.isPlain == false && list.head?.next?.isPlain == true)
    #expect(ListModel.texts(list) == [[1], large, [2]])
    if let middle = list.cursor(at: 1) { list.replace(at: middle, with: [3].octets, limit: limit) }
    #expect(list.nodeCount == 1)
    #expect(ListModel.texts(list) == [[1], [3], [2]])
    list.checkInvariants()
    var budget = Int.max
    #expect(QuickListTests.drained(&list, &budget) == true)
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test(arguments: [true, false])
  func `An item of 16 bytes costs 18 and a half`(inFront: Bool) {
    let allocator = Allocator.create()
    var list = QuickList(allocator: allocator)
    let limit = QuickListLimit(listMaxListpackSize: -2)
    let count = 50_000
    let text = Array("sixteen bytes...".utf8)
    for _ in 0..<count {
      if inFront {
        list.pushFront(text.octets, limit: limit)
      } else {
        list.pushBack(text.octets, limit: limit)
      }
    }
    #expect(Double(allocator.bytesInUse) / Double(count) < 18.5)
    #expect(list.allocatedSize(samples: 0) == allocator.bytesInUse)
    #expect(abs(list.allocatedSize(samples: 5) - allocator.bytesInUse) < allocator.bytesInUse / 20)
    var budget = Int.max
    #expect(QuickListTests.drained(&list, &budget) == true)
    allocator.destroy()
  }

  @Test func `Whole listpacks and single texts are taken over as nodes`() {
    let allocator = Allocator.create()
    var list = QuickList(allocator: allocator)
    var block = ListpackBlock(allocator: allocator)
    list.pushBack(entriesOf: block.listpack)
    #expect(list.count == 0)
    for number in 0..<10 { block.append(integer: number) }
    list.pushBack(entriesOf: block.listpack)
    list.pushBack(plain: [65].octets)
    list.checkInvariants()
    #expect(list.count == 11 && list.nodeCount == 2)
    #expect(list.head?.listpack.allBytes.copied == block.listpack.allBytes.copied)
    #expect(list.tail?.plainText.copied == [65])
    block.free()
    var budget = Int.max
    #expect(QuickListTests.drained(&list, &budget) == true)
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test(arguments: [
    (-1, 4096, Int.max, 4096), (-2, 8192, .max, 8192), (-5, 65536, .max, 65536),
    (-6, 65536, .max, 65536), (.min, 65536, .max, 65536), (0, 8192, 1, 8192),
    (5, 8192, 5, 8192), (.max, 8192, 32767, 8192),
  ])
  func `list-max-listpack-size means bytes or entries`(
    size: Int, bytes: Int, entries: Int, alone: Int
  ) {
    let limit = QuickListLimit(listMaxListpackSize: size)
    #expect(limit.byteCountMax == bytes && limit.entryCountMax == entries)
    #expect(limit.packedTextMax == alone)
  }
}
