// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Members of a set in one of its three forms; of `intset`, `listpack` and `table` the one that
/// `form` names is there.
protocol SetForms {
  var form: SetValue.Form { get }
  var intset: IntSet { get }
  var listpack: Listpack { get }
  var table: SetValue.Table { get }
}

extension SetForms {
  /// Number of members.
  var count: Int {
    switch form {
    case .intset: intset.count
    case .packed: listpack.count
    case .table: table.pointee.count
    }
  }

  // MARK: - Membership

  /// Whether the set has this member.
  ///
  /// - Parameter hash: the hash of the member, 0 if nobody has computed it.
  /// - Complexity: O(1); O(n) for a listpack, O(log n) for an intset.
  func contains(_ member: RawSpan, hash: UInt64 = 0, seed: HashSeed) -> Bool {
    switch form {
    case .intset:
      guard let integer = CanonicalInteger.parse(member) else { return false }
      return intset.find(integer) != nil
    case .packed: return listpack.find(member, from: listpack.first) != nil
    case .table:
      let hash = hash == 0 ? SipHash13.hash(member, seed) : hash
      return table.pointee.find(member, hash: hash) != nil
    }
  }

  // MARK: - Iteration

  /// Visits all members until `visit` returns false. The set must not change meanwhile.
  func forEach(_ visit: (RawSpan) -> Bool) {
    switch form {
    case .intset:
      let set = intset
      var scratch = DecimalScratch()
      for index in 0..<set.count {
        guard visit(scratch.write(set[index])) else { return }
      }
    case .packed:
      let list = listpack
      var scratch = DecimalScratch()
      var position = list.first
      while let current = position {
        guard visit(list.text(at: current, &scratch)) else { return }
        position = list.next(current)
      }
    case .table:
      var goesOn = true
      var cursor: UInt64 = 0
      repeat {
        cursor = table.pointee.scan(cursor) { if goesOn { goesOn = visit($0.bytes) } }
      } while cursor != 0 && goesOn
    }
  }

  /// Visits a member, each with the same chance; the set is not empty.
  func withRandomMember(
    using random: inout RandomGenerator, _ visit: (RawSpan) -> Void
  ) {
    var scratch = DecimalScratch()
    switch form {
    case .intset: visit(scratch.write(intset[random.next(below: intset.count)]))
    case .packed:
      let list = listpack
      guard let position = list.position(at: random.next(below: list.count)) else { return }
      visit(list.text(at: position, &scratch))
    case .table:
      guard let member = table.pointee.random(using: &random) else { return }
      visit(member.bytes)
    }
  }
}
