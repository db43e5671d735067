// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

/// An intset in a block of malloc's.
@safe
private final class HeapIntSet: IntSetOwner {
  private var start = UnsafeMutableRawPointer.allocate(
    byteCount: IntSet.emptyByteCount, alignment: 8)
  private var byteCount = IntSet.emptyByteCount

  init() { unsafe IntSet.writeEmpty(to: start) }

  deinit { unsafe start.deallocate() }

  var intset: IntSet { unsafe IntSet(start) }

  func resize(to count: Int) {
    let new = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 8)
    unsafe new.copyMemory(from: start, byteCount: min(byteCount, count))
    unsafe start.deallocate()
    unsafe start = new
    byteCount = count
  }

  var bytes: [UInt8] { unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: byteCount)) }
  var integers: [Int] { (0..<intset.count).map { intset[$0] } }
}

@Suite struct IntSetTests {
  private func isValid(_ bytes: [UInt8]) -> Bool { IntSet.isValid(bytes.rawSpan) }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `integers ascend, none twice, whatever comes and goes`(seed: UInt64) {
    var random = RandomGenerator(seed: seed)
    var set = HeapIntSet()
    var model: Set<Int> = []
    for step in 0..<1500 {
      let width = UInt64([8, 15, 16, 31, 32, 63][min(5, step / 250)])
      let value = Int(truncatingIfNeeded: Int64(bitPattern: random.next()) >> Int64(63 - width))
      let place = "seed \(seed), step \(step), \(value)"
      #expect((set.intset.find(value) != nil) == model.contains(value), "\(place)")
      if random.next(below: 3) > 0 {
        #expect(set.insert(integer: value) == model.insert(value).inserted, "\(place)")
      } else if let victim = model.randomElement(using: &random) {
        guard let index = set.intset.find(victim) else {
          Issue.record("\(place): \(victim) is gone")
          return
        }
        set.removeInteger(at: index)
        model.remove(victim)
      }
      set.intset.checkInvariants()
      #expect(set.intset.byteCount == set.bytes.count, "\(place)")
    }
    #expect(set.integers == model.sorted())
    #expect(isValid(set.bytes))
  }

  @Test func `the bytes are those of other servers`() {
    var set = HeapIntSet()
    for value in [5, -1] { _ = set.insert(integer: value) }
    #expect(set.bytes == [2, 0, 0, 0, 2, 0, 0, 0, 0xFF, 0xFF, 5, 0])
    _ = set.insert(integer: 32768)
    #expect(
      set.bytes == [
        4, 0, 0, 0, 3, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 5, 0, 0, 0, 0, 0x80, 0, 0,
      ])
    _ = set.insert(integer: .min)
    #expect(set.intset.width == 8)
    #expect(set.integers == [.min, -1, 5, 32768])
    #expect(set.intset.find(.max) == nil)
  }

  @Test func `foreign bytes are believed only if they are right in every respect`() {
    var set = HeapIntSet()
    for value in [1, 2, 70000] { _ = set.insert(integer: value) }
    let good = set.bytes
    #expect(isValid(good))
    for (index, byte) in [(0, 3), (0, 8), (4, 2), (4, 4), (7, 0xFF), (8, 9), (19, 0x80)] {
      var bad = good
      bad[index] = UInt8(byte)
      #expect(!isValid(bad), "\(index)")
    }
    for count in 0..<good.count { #expect(!isValid(Array(good.prefix(count)))) }
    #expect(!isValid(good + [0]))
    #expect(!isValid([2, 0, 0, 0, 0, 0, 0, 0]))
  }
}
