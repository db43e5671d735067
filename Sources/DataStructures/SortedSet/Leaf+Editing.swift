// SPDX-License-Identifier: Apache-2.0

extension Leaf {
  /// Whether a member with this code and key fits without a new shape.
  @inline(__always)
  func hasRoom(for code: MemberCode, _ key: UInt64) -> Bool {
    guard used.trailingOneBitCount < slots, canHold(key) else { return false }
    if !isMixed { return code == self.code }
    return membersOffset &+ memberByteCount &+ code.byteCount <= byteCount
  }

  /// Puts a member, for which there must be room, at a place in the order; returns its slot.
  @inline(__always)
  func insert(_ member: LeafMember, hash: UInt64, key: UInt64, at index: Int) -> Int {
    assert(hasRoom(for: member.code, key))
    let used = used
    let slot = used.trailingOneBitCount
    let order = unsafe order + index
    let count = count
    unsafe (order + 1).update(from: order, count: count &- index)
    unsafe order.pointee = UInt8(truncatingIfNeeded: slot)
    self.count = count &+ 1
    self.used = used | 1 &<< UInt64(slot)
    setKey(slot, key)
    setHash(slot, hash)
    if isMixed { openMixed(slot, member.code) }
    unsafe member.write(to: place(slot))
    return slot
  }

  /// Takes the member in a slot, which is at `index` in the order, out of the leaf.
  @inline(__always)
  func remove(_ slot: Int, at index: Int) {
    assert(self.slot(at: index) == slot)
    let order = unsafe order + index
    let left = count &- 1
    unsafe order.update(from: order + 1, count: left &- index)
    count = left
    used &= ~(1 &<< UInt64(slot))
    if isMixed { closeMixed(slot) }
  }

  /// Gives the member at a place in the order another key, with which it belongs to another place.
  @inline(__always)
  func move(from index: Int, to target: Int, key: UInt64) {
    let order = unsafe order
    let slot = unsafe order[index]
    setKey(Int(slot), key)
    if target > index {
      unsafe (order + index).update(from: order + (index &+ 1), count: target &- index)
    } else {
      unsafe (order + (target &+ 1)).update(from: order + target, count: index &- target)
    }
    unsafe order[target] = slot
  }

  /// Moves the members of a mixed leaf apart for one in a free slot.
  func openMixed(_ slot: Int, _ code: MemberCode) {
    let length = code.byteCount
    let offset = mixedOffset(slot)
    let place = unsafe base + (membersOffset + offset)
    unsafe (place + length).copyMemory(from: place, byteCount: memberByteCount - offset)
    unsafe lengths.storeBytes(of: code.rawValue, toByteOffset: slot, as: UInt8.self)
    memberByteCount += length
  }

  /// Moves the members of a mixed leaf over one that goes.
  private func closeMixed(_ slot: Int) {
    let length = code(slot).byteCount
    let offset = mixedOffset(slot)
    let place = unsafe base + (membersOffset + offset)
    unsafe place.copyMemory(from: place + length, byteCount: memberByteCount - offset - length)
    unsafe lengths.storeBytes(of: 0, toByteOffset: slot, as: UInt8.self)
    memberByteCount -= length
  }
}

extension UInt64 {
  /// Number of bits that are set below the first that is not.
  @inline(__always)
  var trailingOneBitCount: Int { (~self).trailingZeroBitCount }
}
