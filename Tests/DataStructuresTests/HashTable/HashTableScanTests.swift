// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

struct HashTableScanTests {
  @Test func `A scan of a quiet table returns every element once`() {
    let allocator = Allocator.create()
    do {
      let numbers = NumberTable(in: allocator)
      for word in 0..<3000 as Range<UInt64> {
        numbers.insert(word)
        guard word % 271 == 0 else { continue }
        var seen: [UInt64] = []
        var cursor: UInt64 = 0
        repeat { cursor = numbers.table.scan(cursor) { seen.append($0.word) } } while cursor != 0
        #expect(seen.sorted() == Array(0...word))
      }
    }
    allocator.destroy()
  }

  @Test(arguments: 0..<12 as Range<UInt64>)
  func `What is present during a whole scan is returned while the table changes`(seed: UInt64) {
    HashTableScanTests.scan(seed, SixBytes.self)
    HashTableScanTests.scan(seed, SevenBytes.self)
  }

  private static func scan<Width: ReferenceWidth>(_ seed: UInt64, _ width: Width.Type) {
    let allocator = Allocator.create()
    do {
      var generator = RandomGenerator(seed: seed)
      let numbers = NumberTableOf<Width>(in: allocator)
      for word in 0..<300 as Range<UInt64> { numbers.insert(word) }
      // Words below 300 stay; the others come and go in waves between the calls.
      var guests = Set<UInt64>()
      var next: UInt64 = 1000
      var grows = seed % 2 == 0
      for _ in 0..<8 {
        var seen = Set<UInt64>()
        var cursor: UInt64 = 0
        var calls = 0
        repeat {
          cursor = numbers.table.scan(cursor) { seen.insert($0.word) }
          #expect(cursor < 1 << 48)
          calls += 1
          if generator.next(below: 40) == 0 { grows.toggle() }
          for _ in 0..<generator.next(below: 60) {
            if grows && guests.count < 4000 {
              numbers.insert(next)
              guests.insert(next)
              next += 1
            } else if let guest = guests.first {
              guests.remove(guest)
              #expect(numbers.remove(guest))
            }
          }
        } while cursor != 0 && calls < 100_000
        #expect(calls < 100_000, "seed \(seed): the scan does not end")
        for word in 0..<300 as Range<UInt64> where !seen.contains(word) {
          Issue.record("seed \(seed): \(word) was not returned")
        }
      }
      numbers.table.checkInvariants()
    }
    allocator.destroy()
  }

  @Test func `Any cursor is accepted`() {
    let allocator = Allocator.create()
    do {
      let numbers = NumberTable(in: allocator)
      var generator = RandomGenerator(seed: 5)
      for word in 0..<777 as Range<UInt64> { numbers.insert(word) }
      for cursor in [.max, 1 << 63, 1 << 48, 777] + (0..<100).map({ _ in generator.next() }) {
        var current: UInt64 = cursor
        var calls = 0
        repeat {
          current = numbers.table.scan(current) { _ in }
          calls += 1
          #expect(current < 1 << 48)
        } while current != 0
        #expect(calls <= numbers.table.bucketCount)
      }
    }
    allocator.destroy()
  }

  @Test func `Elements can be replaced during a scan`() {
    let allocator = Allocator.create()
    do {
      let numbers = NumberTable(seed: HashSeed(k0: 0, k1: 64), in: allocator)
      for word in 0..<2000 as Range<UInt64> { numbers.insert(word) }
      var cursor: UInt64 = 0
      repeat {
        cursor = numbers.table.scanLocations(cursor) { element in
          element = NumberElement(word: element.word + 64_000)
        }
      } while cursor != 0
      numbers.table.checkInvariants()
      for word in 64_000..<66_000 as Range<UInt64> { #expect(numbers.contains(word)) }
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test(arguments: [3, 100, 777, 1024 * 5])
  func `Every element is drawn with the same probability`(count: Int) {
    HashTableScanTests.draw(count, SixBytes.self)
    HashTableScanTests.draw(count, SevenBytes.self)
  }

  private static func draw<Width: ReferenceWidth>(_ count: Int, _ width: Width.Type) {
    let allocator = Allocator.create()
    do {
      let numbers = NumberTableOf<Width>(in: allocator)
      var generator = RandomGenerator(seed: 2024)
      // Growth and shrinking first, so that the bound on chains is not that of a fresh table.
      for word in 0..<UInt64(3 * count) { numbers.insert(word) }
      for word in UInt64(count)..<UInt64(3 * count) { #expect(numbers.remove(word)) }
      var drawn = [Int](repeating: 0, count: count)
      let draws = 40 * count
      for _ in 0..<draws {
        guard let element = numbers.table.random(using: &generator) else { continue }
        drawn[Int(element.word)] += 1
      }
      // Chi-square with many degrees of freedom is nearly normal: mean f, deviation sqrt(2 f).
      let square = drawn.reduce(0.0) { $0 + (Double($1) - 40) * (Double($1) - 40) / 40 }
      let freedom = Double(count - 1)
      #expect(square < freedom + 5 * (2 * freedom).squareRoot() + 5)
      #expect(drawn.reduce(0, +) == draws)
    }
    allocator.destroy()
  }
}
