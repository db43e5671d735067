// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

struct HashTableTests {
  @Test func `An empty table owns no memory and finds nothing`() {
    let allocator = Allocator.create()
    do {
      let numbers = NumberTable(in: allocator)
      var generator = RandomGenerator(seed: 1)
      #expect(allocator.bytesInUse == 0)
      #expect(!numbers.contains(7))
      #expect(!numbers.remove(7))
      let cursor = numbers.table.scan(12345) { _ in Issue.record("visited") }
      #expect(cursor == 0)
      let element = numbers.table.random(using: &generator)
      #expect(element == nil)
      let isDrained = numbers.table.drain(upTo: 1) { _ in }
      #expect(isDrained)
      numbers.table.checkInvariants()
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `A table of six elements is one bucket and a directory`() {
    let allocator = Allocator.create()
    do {
      let numbers = NumberTable(in: allocator)
      for word in 1...6 as ClosedRange<UInt64> { numbers.insert(word) }
      #expect(numbers.table.bucketCount == 1)
      #expect(allocator.bytesInUse == 64 + 32)
      numbers.table.checkInvariants()
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `Buckets made beforehand are not split by what comes`() {
    let allocator = Allocator.create()
    do {
      let numbers = NumberTable(in: allocator)
      var steps = 1
      while !numbers.table.reserve(5000, atMost: 100) { steps += 1 }
      let bucketCount = numbers.table.bucketCount
      #expect(steps == (bucketCount + 99) / 100)
      for word in 1...5000 as ClosedRange<UInt64> { numbers.insert(word) }
      #expect(numbers.table.bucketCount == bucketCount)
      #expect(bucketCount == (5000 * 4 + 26) / 27)
      numbers.table.checkInvariants()
      // Elements would have to move.
      let isEnough = numbers.table.reserve(50_000, atMost: 1)
      #expect(isEnough)
      #expect(numbers.table.bucketCount == bucketCount)
      for word in 1...5000 as ClosedRange<UInt64> { #expect(numbers.remove(word)) }
      numbers.table.checkInvariants()
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test(arguments: [
    HashSeed(k0: 1, k1: 2), HashSeed(k0: 0, k1: 1), HashSeed(k0: 0, k1: 3),
    HashSeed(k0: 0, k1: 1000),
  ])
  func `Random insertions and removals agree with a set`(seed: HashSeed) {
    HashTableTests.compareWithSet(seed, 0, SixBytes.self)
    // Words that fill the reference up to its highest bit.
    HashTableTests.compareWithSet(seed, (1 << 48) - 3000, SixBytes.self)
    HashTableTests.compareWithSet(seed, 0, SevenBytes.self)
    HashTableTests.compareWithSet(seed, (1 << 56) - 3000, SevenBytes.self)
  }

  private static func compareWithSet<Width: ReferenceWidth>(
    _ seed: HashSeed, _ least: UInt64, _ width: Width.Type
  ) {
    let allocator = Allocator.create()
    for run in 0..<6 as Range<UInt64> {
      var generator = RandomGenerator(seed: run)
      let numbers = NumberTableOf<Width>(seed: seed, in: allocator)
      var model = Set<UInt64>()
      let range = [20, 300, 2000][Int(run % 3)]
      for step in 0..<3000 {
        // Phases in which one kind prevails make the table grow and shrink.
        let grows = (step / 700) % 2 == 0
        let word = least + UInt64(generator.next(below: range))
        let inserts = generator.next(below: 10) < (grows ? 8 : 2)
        if inserts {
          if model.insert(word).inserted { numbers.insert(word) }
        } else {
          #expect(numbers.remove(word) == (model.remove(word) != nil), "run \(run) step \(step)")
        }
        if step % 97 == 0 { numbers.table.checkInvariants() }
        let probe = least + UInt64(generator.next(below: range))
        #expect(numbers.contains(probe) == model.contains(probe), "run \(run) step \(step)")
      }
      #expect(numbers.table.count == model.count)
      var visited: [UInt64] = []
      numbers.table.forEach { visited.append($0.word) }
      #expect(visited.count == model.count && Set(visited) == model, "run \(run)")
      for word in model { #expect(numbers.remove(word)) }
      numbers.table.checkInvariants()
      #expect(numbers.table.count == 0 && numbers.table.childBucketCount == 0)
      #expect(numbers.table.bucketCount <= 2)
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `Buckets follow the count up and down`() {
    let allocator = Allocator.create()
    do {
      let numbers = NumberTable(in: allocator)
      for word in 0..<40_000 as Range<UInt64> {
        numbers.insert(word)
        // The fewest that are meant for 6.75 elements each.
        #expect(numbers.table.bucketCount == (4 * Int(word + 1) + 26) / 27)
      }
      numbers.table.checkInvariants()
      let full = allocator.bytesInUse
      #expect(full < 40_000 * 13)
      for word in 0..<39_000 as Range<UInt64> { #expect(numbers.remove(word)) }
      numbers.table.checkInvariants()
      #expect(numbers.table.bucketCount <= 1000 * 4 / 27 + 3)
      #expect(allocator.bytesInUse < full / 20)
      for word in 39_000..<40_000 as Range<UInt64> { #expect(numbers.contains(word)) }
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `Insertion and removal in turn at the border don't split and merge each time`() {
    let allocator = Allocator.create()
    do {
      let numbers = NumberTable(in: allocator)
      for word in 0..<82 as Range<UInt64> { numbers.insert(word) }
      let buckets = numbers.table.bucketCount
      for _ in 0..<10 {
        #expect(numbers.remove(81))
        #expect(numbers.table.bucketCount == buckets)
        numbers.insert(81)
        #expect(numbers.table.bucketCount == buckets)
      }
    }
    allocator.destroy()
  }

  @Test func `Disabled resizing keeps the buckets, and the table catches up afterwards`() {
    let allocator = Allocator.create()
    do {
      let numbers = NumberTable(in: allocator)
      numbers.table.resizingEnabled = false
      for word in 0..<1000 as Range<UInt64> { numbers.insert(word) }
      #expect(numbers.table.bucketCount == 1)
      #expect(numbers.table.statistics().longestChain == 1000)
      numbers.table.checkInvariants()
      numbers.table.resizingEnabled = true
      for word in 1000..<1100 as Range<UInt64> { numbers.insert(word) }
      #expect(numbers.table.bucketCount == 163)
      numbers.table.checkInvariants()
      numbers.table.resizingEnabled = false
      for word in 0..<1095 as Range<UInt64> { #expect(numbers.remove(word)) }
      #expect(numbers.table.bucketCount == 163)
      numbers.table.resizingEnabled = true
      for word in 1095..<1100 as Range<UInt64> { #expect(numbers.remove(word)) }
      #expect(numbers.table.bucketCount == 143)
      numbers.table.checkInvariants()
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `Replacing changes the element at a place and nothing else`() throws {
    let allocator = Allocator.create()
    do {
      // All keys in one chain, and replaced ones have the same bad hash.
      let numbers = NumberTable(seed: HashSeed(k0: 0, k1: 1), in: allocator)
      for word in 0..<50 as Range<UInt64> { numbers.insert(word) }
      var location: HashTable<NumberElement>.Location?
      NumberElement.withKey(33) { location = numbers.table.locate($0, hash: 0) }
      let place = try #require(location)
      #expect(numbers.table.element(at: place).word == 33)
      numbers.table.replace(at: place, with: NumberElement(word: 1033))
      #expect(!numbers.contains(33) && numbers.contains(1033))
      for word in 0..<50 as Range<UInt64> where word != 33 { #expect(numbers.contains(word)) }
      numbers.table.checkInvariants()
    }
    allocator.destroy()
  }

  @Test func `Draining hands out every element once, in slices, and returns the memory`() {
    let allocator = Allocator.create()
    do {
      let numbers = NumberTable(in: allocator)
      for word in 0..<5000 as Range<UInt64> { numbers.insert(word) }
      var seen: [UInt64] = []
      var slices = 1
      while !numbers.table.drain(upTo: 100, visit: { seen.append($0.word) }) {
        slices += 1
        #expect(numbers.table.count == 5000 - seen.count)
      }
      #expect(seen.count == 5000 && Set(seen).count == 5000)
      #expect(slices >= 50 && slices < 70)
      #expect(allocator.bytesInUse == 0)
      numbers.insert(3)
      #expect(numbers.contains(3) && numbers.table.count == 1)
      numbers.table.checkInvariants()
      numbers.table.removeAll()
      #expect(numbers.table.count == 0)
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `A table dropped with mapped segments and children takes its bytes out of the books`()
  {
    let allocator = Allocator.create()
    do {
      let numbers = NumberTable(in: allocator)
      for word in 0..<12_000 as Range<UInt64> { numbers.insert(word) }
      #expect(numbers.table.childBucketCount > 0)
      #expect(allocator.bytesInUse >= numbers.table.bucketBytes)
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `The bound on chains covers one that merging did not touch`() {
    let allocator = Allocator.create()
    do {
      // The hash is the word: all multiples of 2^20 share bucket 0, and nothing else is in it.
      let numbers = NumberTable(seed: HashSeed(k0: 0, k1: 1 << 40), in: allocator)
      let others = (1..<700 as Range<UInt64>).filter { $0 % 8 != 0 }
      for word in 0..<24 as Range<UInt64> { numbers.insert(word << 20) }
      for word in others { numbers.insert(word) }
      for word in others.reversed() {
        #expect(numbers.remove(word))
        numbers.table.checkInvariants()
      }
      #expect(numbers.table.statistics().longestChain == 24)
    }
    allocator.destroy()
  }

  @Test func `A thousand tables come and go without a leak`() {
    let allocator = Allocator.create()
    var generator = RandomGenerator(seed: 99)
    for _ in 0..<1000 {
      let numbers = NumberTable(in: allocator)
      for word in 0..<generator.next(below: 200) { numbers.insert(UInt64(word)) }
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }
}
