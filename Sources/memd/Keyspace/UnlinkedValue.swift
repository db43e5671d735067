// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The large form of a collection whose key is gone, or what is left of it; or the block of a long
/// string.
struct UnlinkedValue {
  let type: Entry.ValueType
  let encoding: UInt8
  let word: UInt64

  /// The form, which belongs to whoever has this value.
  func box<Value: ~Copyable>(of type: Value.Type) -> WritableBox<Value> { WritableBox(owned: word) }

  /// Frees at most `budget` elements, counting it down; true when nothing is left.
  func free(_ allocator: Allocator, budget: inout Int) -> Bool {
    switch type {
    case .string: UnlinkedValue.freeText(word, allocator)
    case .list:
      ListValue.free(self, budget: &budget, allocator)
    case .set:
      SetValue.free(self, budget: &budget, allocator)
    case .sortedSet:
      SortedSetValue.free(self, budget: &budget, allocator)
    case .hash:
      HashValue.free(self, budget: &budget, allocator)
    case .stream:
      StreamValue.free(self, budget: &budget, allocator)
    }
  }

  private static func freeText(_ word: UInt64, _ allocator: Allocator) -> Bool {
    StringBlock(word: word).free(allocator)
    return true
  }
}
