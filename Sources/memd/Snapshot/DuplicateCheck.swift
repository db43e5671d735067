// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Finds out whether one of many texts is there twice, without keeping the texts.
///
/// It remembers 64-bit hashes under a secret seed: that two different texts have the same one does
/// not happen.
///
/// - Complexity: O(1) per text
struct DuplicateCheck {
  private var slots: [UInt64]
  private let mask: Int

  /// For at most `count` texts.
  init(count: Int) {
    var size = 16
    while size < count * 2 { size *= 2 }
    slots = [UInt64](repeating: 0, count: size)
    mask = size - 1
  }

  /// Takes in a text by its hash; false if it was there already.
  mutating func insert(_ hash: UInt64) -> Bool {
    // Zero marks a free slot.
    let hash = hash | 1
    var slot = Int(truncatingIfNeeded: hash >> 20) & mask
    while slots[slot] != 0 {
      if slots[slot] == hash { return false }
      slot = (slot + 1) & mask
    }
    slots[slot] = hash
    return true
  }
}
