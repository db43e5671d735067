// SPDX-License-Identifier: Apache-2.0

import DataStructures

extension Entry {
  /// Frees the entry and its value at once, however large it is.
  ///
  /// - Complexity: O(elements); `Database.discard` leaves what is large for later.
  func free(_ allocator: Allocator) {
    var budget = Int.max
    if let rest = freeValue(allocator, budget: &budget) {
      assertionFailure("\(rest.type) was freed without a limit, and something is left")
    }
    freeShell(allocator)
  }

  /// Frees the value, of a large form at most `budget` elements, and returns what is left of it.
  ///
  /// The entry itself stays: its owner calls `freeShell` in any case.
  func freeValue(_ allocator: Allocator, budget: inout Int) -> UnlinkedValue? {
    let header = self.header
    if header.isEmbedded { return nil }
    if header.isString {
      if header.encoding == StringEncoding.block.rawValue {
        StringBlock(word: valueWord).free(allocator)
      }
      return nil
    }
    if CollectionEncoding.isPacked(header.encoding) {
      PackedBlock(word: valueWord).free(allocator)
      return nil
    }
    let value = UnlinkedValue(
      type: header.type, encoding: header.encoding, word: valueWord)
    return value.free(allocator, budget: &budget) ? nil : value
  }
}

/// The large form of a collection whose key is gone, or what is left of it.
struct UnlinkedValue {
  let type: Entry.ValueType
  let encoding: UInt8
  let word: UInt64

  /// Frees at most `budget` elements, counting it down; true when nothing is left.
  func free(_ allocator: Allocator, budget: inout Int) -> Bool {
    switch type {
    case .string: true
    case .list:
      ListValue.free(encoding: encoding, word: word, budget: &budget, allocator: allocator)
    case .set:
      SetValue.free(encoding: encoding, word: word, budget: &budget, allocator: allocator)
    case .sortedSet:
      SortedSetValue.free(encoding: encoding, word: word, budget: &budget, allocator: allocator)
    case .hash:
      HashValue.free(encoding: encoding, word: word, budget: &budget, allocator: allocator)
    case .stream:
      StreamValue.free(encoding: encoding, word: word, budget: &budget, allocator: allocator)
    }
  }
}
