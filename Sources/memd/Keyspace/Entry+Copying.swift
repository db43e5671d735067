// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

extension Entry {
  /// A copy of value and deadline under another key, with nothing in common with this entry.
  ///
  /// - Complexity: O(size of the value)
  func copied(to key: RawSpan, allocator: Allocator, seed: HashSeed) -> Entry {
    let copy: Entry
    let header = self.header
    if header.isString {
      copy = copiedString(to: key, allocator: allocator)
    } else if CollectionEncoding.isPacked(header.encoding) {
      copy = copiedPacked(to: key, allocator: allocator)
    } else {
      copy = Entry.make(
        key: key, type: header.type, encoding: header.encoding,
        word: copiedCollection(allocator, seed: seed), hasDeadline: header.hasDeadline,
        allocator: allocator)
    }
    if header.hasDeadline { copy.deadline = deadline }
    return copy
  }

  /// A copy of packed bytes; behind the new key if they fit there.
  func copiedPacked(to key: RawSpan, allocator: Allocator) -> Entry {
    Entry.make(
      key: key, type: header.type, packed: packedBytes, as: header.collectionEncoding,
      hasDeadline: header.hasDeadline, allocator: allocator)
  }

  /// A copy of a string in the encoding that it has.
  private func copiedString(to key: RawSpan, allocator: Allocator) -> Entry {
    let value = StringValue(self)
    if let integer = value.integer {
      return Entry.make(
        key: key, string: .integer(integer), hasDeadline: header.hasDeadline,
        allocator: allocator)
    }
    let bytes = value.stored
    let copy = Entry.make(
      key: key, string: .bytes(bytes), hasDeadline: header.hasDeadline, allocator: allocator)
    // What OBJECT ENCODING calls raw, because it was changed in place, stays raw however short.
    if value.encoding != .embedded, copy.header.isEmbedded {
      copy.header.encoding = StringEncoding.embeddedRaw.rawValue
    }
    return copy
  }
}
