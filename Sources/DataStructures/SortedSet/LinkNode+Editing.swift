// SPDX-License-Identifier: Apache-2.0

extension LinkNode {
  /// Writes the key of a link.
  @inline(__always)
  func setKey(_ slot: Int, _ key: LinkKey) {
    unsafe scores[slot] = key.score
    unsafe prefixes[slot] = key.prefix
  }

  /// The key of a link.
  func key(_ slot: Int) -> LinkKey { unsafe LinkKey(scores[slot], prefixes[slot]) }

  /// Puts a link to `child` into a slot; the node must have room.
  func insert(_ child: LinkChild, _ key: LinkKey, count number: Int, at slot: Int) {
    let tail = count - slot
    assert(tail >= 0 && count < capacity)
    unsafe (scores + slot + 1).update(from: scores + slot, count: tail)
    unsafe (prefixes + slot + 1).update(from: prefixes + slot, count: tail)
    unsafe (targets + slot + 1).update(from: targets + slot, count: tail)
    unsafe (counts + slot + 1).update(from: counts + slot, count: tail)
    setKey(slot, key)
    unsafe targets[slot] = child.address
    unsafe counts[slot] = UInt32(truncatingIfNeeded: number)
    count += 1
    child.setPlace(self, slot)
  }

  /// Takes a link out.
  func remove(_ slot: Int) {
    let tail = count - slot - 1
    unsafe (scores + slot).update(from: scores + slot + 1, count: tail)
    unsafe (prefixes + slot).update(from: prefixes + slot + 1, count: tail)
    unsafe (targets + slot).update(from: targets + slot + 1, count: tail)
    unsafe (counts + slot).update(from: counts + slot + 1, count: tail)
    count -= 1
    unsafe scores[count] = .infinity
  }

  /// Moves the links from `slot` on behind those of `other`, which has room; returns the number of
  /// members behind them.
  @discardableResult
  func moveLinks(from slot: Int, to other: LinkNode) -> Int {
    let (number, target) = (count - slot, other.count)
    unsafe (other.scores + target).update(from: scores + slot, count: number)
    unsafe (other.prefixes + target).update(from: prefixes + slot, count: number)
    unsafe (other.targets + target).update(from: targets + slot, count: number)
    unsafe (other.counts + target).update(from: counts + slot, count: number)
    other.count += number
    count = slot
    unsafe (scores + slot).update(repeating: .infinity, count: number)
    var moved = 0
    for slot in target..<target + number {
      other.target(slot).setPlace(other, slot)
      moved += other.elementCount(slot)
    }
    return moved
  }
}
