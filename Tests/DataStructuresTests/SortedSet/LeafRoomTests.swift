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
}
