// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

extension Entry {
  /// A copy of value and deadline under another key, with nothing in common with this entry; nil
  /// if the type can't be copied.
  ///
  /// - Complexity: O(size of the value)
  func copied(to key: RawSpan, allocator: Allocator) -> Entry? {
    let copy: Entry
    switch header.type {
    case .string: copy = copiedString(to: key, allocator: allocator)
    case .list, .set, .sortedSet, .hash, .stream: return nil
    }
    if header.hasDeadline { copy.deadline = deadline }
    return copy
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
