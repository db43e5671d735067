// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A member of a sorted set in either form, with its score; valid until the keyspace changes.
struct ScoredMember {
  /// Where the member is.
  private enum Place {
    case large(SortedSetCursor.Element)
    case packed(Listpack, position: Int)
  }

  private let place: Place
  let score: Double

  @inline(__always)
  init(_ element: SortedSetElement) { self.init(SortedSetCursor.Element(element)) }

  @inline(__always)
  init(_ element: SortedSetCursor.Element) {
    place = .large(element)
    score = element.score
  }

  @inline(__always)
  init(_ set: PackedSortedSet, at position: Int) {
    place = .packed(set.listpack, position: position)
    score = set.score(at: position)
  }

  /// The member's bytes; an integer's digits are written into `scratch`.
  @inline(__always)
  @_lifetime(&scratch)
  func text(_ scratch: inout DecimalScratch) -> RawSpan {
    switch place {
    case .packed(let listpack, let position): return listpack.text(at: position, &scratch)
    case .large(let element):
      let span = element.member
      return unsafe _overrideLifetime(span, mutating: &scratch)
    }
  }

  /// The member where the set keeps it, perhaps as an integer.
  @inline(__always)
  var stored: StoredText {
    switch place {
    case .packed(let listpack, let position): StoredText(listpack, at: position)
    case .large(let element): StoredText(element.member)
    }
  }

  /// Length of the member in bytes.
  var byteCount: Int {
    switch place {
    case .packed(let listpack, let position): listpack.textCount(at: position)
    case .large(let element): element.byteCount
    }
  }
}

/// Goes over adjacent members of a sorted set, up or down; valid until the keyspace changes.
enum SortedSetWalk {
  case large(SortedSetCursor)
  case packed(PackedWalk)

  /// Members from `rank` on; with `isReversed` downwards. Both numbers must lie within the set.
  @inline(__always)
  init(_ value: SortedSetValue, from rank: Int, count: Int, isReversed: Bool = false) {
    if value.isLarge,
      let cursor = SortedSetCursor(
        value.large.pointee, from: rank, count: count, isReversed: isReversed)
    {
      self = .large(cursor)
    } else {
      self = .packed(PackedWalk(value, from: rank, count: count, isReversed: isReversed))
    }
  }

  /// Number of members still to come.
  var remaining: Int {
    switch self {
    case .large(let cursor): cursor.remaining
    case .packed(let walk): walk.remaining
    }
  }

  /// The next member; nil at the end.
  ///
  /// What writes many members asks cursor and packed walk itself.
  mutating func next() -> ScoredMember? {
    switch self {
    case .large(var cursor):
      let element = cursor.next()
      self = .large(cursor)
      return element.map { ScoredMember($0) }
    case .packed(var walk):
      let member = walk.next()
      self = .packed(walk)
      return member
    }
  }
}

/// Goes over adjacent members of a packed set.
struct PackedWalk {
  private let value: SortedSetValue
  private let isReversed: Bool
  /// The next member.
  private var position: Int?
  /// Number of members still to come.
  private(set) var remaining: Int

  /// As for `SortedSetWalk`; a large set may be given if there are no members to come.
  @inline(__always)
  init(_ value: SortedSetValue, from rank: Int, count: Int, isReversed: Bool) {
    self.value = value
    self.isReversed = isReversed
    remaining = count
    position = count > 0 ? value.packed.position(rank: rank) : nil
  }

  /// The next member; nil at the end.
  @inline(__always)
  mutating func next() -> ScoredMember? {
    guard remaining > 0, let position else { return nil }
    remaining &-= 1
    let packed = value.packed
    if remaining > 0 {
      self.position = isReversed ? packed.previous(position) : packed.next(position)
    }
    return ScoredMember(packed, at: position)
  }
}
