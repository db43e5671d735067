// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A view on the listpack of a small sorted set: member, score, member, score, in order.
///
/// The order is that of the large form: by score, then by the members' bytes. A pair is named by
/// the position of its member. Everything is a walk over all pairs, which are few.
struct PackedSortedSet {
  let listpack: Listpack

  init(_ listpack: Listpack) { self.listpack = listpack }

  /// Number of members.
  var count: Int { listpack.count / 2 }

  /// Position of the first pair.
  var first: Int? { listpack.first }

  /// Position of the pair behind; nil at the end.
  @inline(__always)
  func next(_ position: Int) -> Int? {
    guard let score = listpack.next(position) else { return nil }
    return listpack.next(score)
  }

  /// Position of the pair before; nil at the start.
  @inline(__always)
  func previous(_ position: Int) -> Int? {
    guard let score = listpack.previous(position) else { return nil }
    return listpack.previous(score)
  }

  /// Position of the pair with `rank` others before it.
  func position(rank: Int) -> Int? { listpack.position(at: rank &* 2) }

  /// Position of a member.
  func find(_ member: RawSpan) -> Int? { listpack.find(member, from: listpack.first, stride: 2) }

  /// The score of the pair at `position`.
  @inline(__always)
  func score(at position: Int) -> Double {
    guard let place = listpack.next(position) else { return 0 }
    if let integer = listpack.integer(at: place) { return Double(integer) }
    return DoubleText.parse(listpack.bytes(at: place)) ?? 0
  }

  /// How the member at `position` sorts against `other`: negative, zero or positive.
  func compare(_ position: Int, _ other: RawSpan) -> Int {
    var scratch = DecimalScratch()
    return listpack.text(at: position, &scratch).compare(other)
  }

  /// Where a pair that is absent belongs: the position of the first one behind it, or the end.
  func place(of member: RawSpan, _ score: Double) -> Int {
    guard var position = listpack.first else { return listpack.end }
    if let last = previous(listpack.end), self.score(at: last) < score { return listpack.end }
    while true {
      let other = self.score(at: position)
      if other > score || other == score && compare(position, member) > 0 { return position }
      guard let next = next(position) else { return listpack.end }
      position = next
    }
  }

  /// True if the pair at `position` keeps its place when it gets another score.
  func keepsPlace(_ position: Int, member: RawSpan, score: Double) -> Bool {
    if let previous = previous(position) {
      let other = self.score(at: previous)
      if other > score || other == score && compare(previous, member) > 0 { return false }
    }
    if let next = next(position) {
      let other = self.score(at: next)
      if other < score || other == score && compare(next, member) < 0 { return false }
    }
    return true
  }

  // MARK: - Ranks

  /// Number of pairs before the one at `position`.
  func rank(of position: Int) -> Int {
    var rank = 0
    var other = listpack.first
    while let here = other, here < position {
      rank &+= 1
      other = next(here)
    }
    return rank
  }

  /// Number of members with a score below `score`, or not above it if `inclusive`.
  func countBelow(_ score: Double, inclusive: Bool) -> Int {
    var rank = 0
    var position = listpack.first
    while let here = position {
      let other = self.score(at: here)
      if inclusive ? other > score : other >= score { break }
      rank &+= 1
      position = next(here)
    }
    return rank
  }
}
