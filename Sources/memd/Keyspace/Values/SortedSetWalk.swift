// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A member of a sorted set in either form, with its score; valid until the keyspace changes.
struct ScoredMember {
  /// The element of a large set; unused for a packed one.
  private let element: SortedSetElement
  /// The listpack of a packed set.
  private let listpack: Listpack?
  /// Where the member stands in the listpack.
  private let position: Int
  let score: Double

  @inline(__always)
  init(_ element: SortedSetElement) {
    self.init(element, score: element.score)
  }

  /// An element whose score is known.
  @inline(__always)
  init(_ element: SortedSetElement, score: Double) {
    self.element = element
    self.score = score
    listpack = nil
    position = 0
  }

  @inline(__always)
  init(_ set: PackedSortedSet, at position: Int) {
    element = SortedSetElement(word: 0)
    listpack = set.listpack
    self.position = position
    score = set.score(at: position)
  }

  /// The member's bytes; an integer's digits are written into `scratch`.
  @inline(__always)
  @_lifetime(&scratch)
  func text(_ scratch: inout DecimalScratch) -> RawSpan {
    if let listpack { return listpack.text(at: position, &scratch) }
    let span = element.member
    return unsafe _overrideLifetime(span, mutating: &scratch)
  }

  /// The member where the set keeps it, perhaps as an integer.
  @inline(__always)
  var stored: StoredText {
    guard let listpack else { return StoredText(element.member) }
    return StoredText(listpack, at: position)
  }

  /// Length of the member in bytes.
  var byteCount: Int { listpack?.textCount(at: position) ?? element.memberByteCount }
}

/// Goes over adjacent members of a sorted set, up or down; valid until the keyspace changes.
struct SortedSetWalk {
  private let value: SortedSetValue
  private let isLarge: Bool
  private let isReversed: Bool
  /// The next member of a large set.
  private var place: SortedSet.Position?
  /// The next member of a packed set.
  private var position: Int?
  /// Number of members still to come.
  private(set) var remaining: Int

  /// Members from `rank` on; with `isReversed` downwards. Both numbers must lie within the set.
  @inline(__always)
  init(_ value: SortedSetValue, from rank: Int, count: Int, isReversed: Bool = false) {
    self.value = value
    self.isReversed = isReversed
    isLarge = value.isLarge
    remaining = count
    guard count > 0 else { return }
    if isLarge {
      place = value.large.pointee.position(rank: rank)
    } else {
      position = value.packed.position(rank: rank)
    }
  }

  /// The next member; nil at the end.
  @inline(__always)
  mutating func next() -> ScoredMember? {
    guard remaining > 0 else { return nil }
    remaining &-= 1
    if isLarge {
      guard let place else { return nil }
      let set = value.large
      let member = ScoredMember(
        set.pointee.element(at: place), score: set.pointee.score(at: place))
      if remaining > 0 {
        self.place = isReversed ? set.pointee.previous(place) : set.pointee.next(place)
      }
      return member
    }
    guard let position else { return nil }
    let packed = value.packed
    if remaining > 0 {
      self.position = isReversed ? packed.previous(position) : packed.next(position)
    }
    return ScoredMember(packed, at: position)
  }
}
