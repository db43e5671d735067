// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

extension Entry {
  /// A copy of value and deadline under another key, with nothing in common with this entry.
  ///
  /// - Complexity: O(size of the value)
  func copied(to key: RawSpan, allocator: Allocator, seed: HashSeed) -> DetachedEntry {
    let header = self.header
    let copy =
      hasLargeForm
      ? DetachedEntry.make(
        key: key, type: header.type, encoding: header.encoding,
        word: copiedCollection(allocator, seed: seed), hasDeadline: header.hasDeadline,
        allocator: allocator)
      : copiedInline(to: key, allocator: allocator)
    if header.hasDeadline { copy.writable.deadline = deadline }
    return copy
  }

  /// A copy of a string or of packed bytes, behind the new key if they fit there; a deadline is to
  /// be filled.
  func copiedInline(to key: RawSpan, allocator: Allocator) -> DetachedEntry {
    if header.isString { return copiedString(to: key, allocator: allocator) }
    return DetachedEntry.make(
      key: key, type: header.type, packed: packedBytes, as: header.collectionEncoding,
      hasDeadline: header.hasDeadline, allocator: allocator)
  }

  /// A copy of a string in the encoding that it has.
  private func copiedString(to key: RawSpan, allocator: Allocator) -> DetachedEntry {
    let value = StringValue(self)
    if let integer = value.integer {
      return DetachedEntry.make(
        key: key, string: .integer(integer), hasDeadline: header.hasDeadline,
        allocator: allocator)
    }
    let bytes = value.stored
    let copy = DetachedEntry.make(
      key: key, string: .bytes(bytes), hasDeadline: header.hasDeadline, allocator: allocator)
    // What OBJECT ENCODING calls raw, because it was changed in place, stays raw however short.
    if value.encoding != .embedded, copy.entry.header.isEmbedded {
      copy.writable.header.encoding = StringEncoding.embeddedRaw.rawValue
    }
    return copy
  }
}
