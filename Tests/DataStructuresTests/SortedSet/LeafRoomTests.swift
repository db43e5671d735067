// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import DataStructures

/// Leaves that have fewer members than slots, and then need another shape.
struct LeafRoomTests {
  @Test(arguments: 20...30)
  func `A mixed leaf that grows with many free slots stays within its new block`(count: Int) {
    let allocator = Allocator.create()
    do {
      let model = SortedModel(in: allocator)
      // Scores of eight bytes, members of one and two.
      for number in 0..<count {
        let member = [UInt8](repeating: UInt8(40 + number), count: 1 + number % 2)
        model.put(member, number % 2 == 0 ? 0x1p-1000 * Double(number + 1) : 1e300 - Double(number))
      }
      let slots = model.set.directory.leaf(model.set.head).slots
      for number in (max(slots - 23, 1)..<count).reversed() {
        #expect(model.remove([UInt8](repeating: UInt8(40 + number), count: 1 + number % 2)))
      }
      let leaf = model.set.directory.leaf(model.set.head)
      let room = leaf.byteCount - leaf.membersOffset - leaf.memberByteCount
      #expect(leaf.isMixed && leaf.width == 8 && leaf.slots == slots && room < 127)
      // The new leaf goes to a hole that is just long enough, in front of something else.
      var shape = LeafShape(of: leaf, for: leaf.count + 4)
      shape.memberByteCount = max(shape.memberByteCount, leaf.memberByteCount + room + 1)
      let hole = allocator.allocateRun(shape.byteCount)
      let neighbor = allocator.allocateRun(64)
      unsafe neighbor.base.initializeMemory(as: UInt8.self, repeating: 0xee, count: 64)
      unsafe allocator.deallocateRun(hole.base, byteCount: hole.byteCount)
      model.put([UInt8](repeating: 33, count: room + 1), 7)
      #if !MEMD_MALLOC_ONLY
        let end = model.set.directory.leaf(model.set.head).address + UInt(hole.byteCount)
        unsafe #expect(end == UInt(bitPattern: neighbor.base))
      #endif
      let bytes = unsafe RawSpan(_unsafeStart: neighbor.base, byteCount: 64)
      #expect(bytes.copied == [UInt8](repeating: 0xee, count: 64))
      model.set.checkInvariants()
      #expect(model.forwards == model.items)
      unsafe allocator.deallocateRun(neighbor.base, byteCount: 64)
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `The only member of a leaf whose slots are too many for new scores finds room`() {
    let allocator = Allocator.create()
    do {
      let model = SortedModel(in: allocator)
      func member(_ number: Int) -> [UInt8] {
        Array("\(1000 + number)".utf8) + [UInt8](repeating: 45, count: 68)
      }
      // As many as a leaf has room for as long as their scores take no bytes.
      for number in 0..<52 { model.put(member(number), 1) }
      let slots = model.set.directory.leaf(model.set.head).slots
      #expect(slots == 52)
      // A neighbor with which the leaf could be joined but for the bytes of their scores.
      var score = 1e300
      for number in 52..<72 {
        score = score.nextUp
        model.put(member(number), score)
      }
      for number in 0..<24 { #expect(model.remove(member(number))) }
      for number in 24..<51 {
        score = score.nextUp
        model.put(member(number + 100), score)
        #expect(model.remove(member(number)))
      }
      model.set.checkInvariants()
      model.put(member(999), 2.000_000_1)
      model.set.checkInvariants()
      #expect(model.forwards == model.items)
      #expect(model.backwards == model.items.reversed())
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `A leaf is not split as long as its members have room`() {
    let allocator = Allocator.create()
    do {
      let model = SortedModel(in: allocator)
      func member(_ number: Int) -> [UInt8] {
        Array("\(1000 + number)".utf8) + [UInt8](repeating: 45, count: 96)
      }
      for number in 0..<38 { model.put(member(number), 1) }
      for number in 0..<20 { #expect(model.remove(member(number))) }
      let slots = model.set.directory.leaf(model.set.head).slots
      model.put(member(99), 1e300.nextUp)
      model.set.checkInvariants()
      #expect(model.forwards == model.items)
      // With scores of eight bytes there would be no room for as many slots.
      let bound = model.set.leafNumberBound
      #expect(slots == 38 && bound == 1)
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }
}
