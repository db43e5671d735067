// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What a set operation reads: a sorted set, or a set, whose members count with the score 1.
struct ScoredInput {
  private enum Members {
    case none
    case sortedSet(SortedSetValue)
    case set(SetValue)
  }

  private let members: Members
  /// Number of members.
  let count: Int
  /// WEIGHTS
  var weight = 1.0

  /// The value of the key at `index`; a missing key is an empty set.
  init(_ call: borrowing Call, key index: Int) throws(CommandError) {
    guard let entry = call.database.read(call.key(index)) else {
      members = .none
      count = 0
      return
    }
    switch entry.header.type {
    case .sortedSet:
      let value = SortedSetValue(entry)
      members = .sortedSet(value)
      count = value.count
    case .set:
      let value = SetValue(entry)
      members = .set(value)
      count = value.count
    default: throw .wrongType
    }
  }

  /// Visits members until `visit` returns false; in order, if they have one.
  func forEach(_ visit: (RawSpan, Double) -> Bool) {
    switch members {
    case .none: return
    case .sortedSet(let value):
      var walk = SortedSetWalk(value, from: 0, count: count)
      while let member = walk.next() {
        var scratch = DecimalScratch()
        guard visit(member.text(&scratch), member.score) else { return }
      }
    case .set(let value): value.forEach { visit($0, 1) }
    }
  }

  /// The score of a member; nil if it is absent.
  func score(of member: RawSpan, seed: HashSeed) -> Double? {
    switch members {
    case .none: nil
    case .sortedSet(let value): value.score(of: member, seed: seed)
    case .set(let value): value.contains(member, seed: seed) ? 1 : nil
    }
  }

  /// About how many members are looked at to find one.
  var searchCost: Int {
    switch members {
    case .none: 0
    case .sortedSet(let value): value.isLarge ? 1 : count
    case .set(let value): value.form == .packed ? count : 1
    }
  }
}
