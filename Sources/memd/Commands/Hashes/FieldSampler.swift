// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A field with its value where the hash keeps them; valid until the keyspace changes.
struct FieldPair {
  let name: StoredText
  let value: StoredText
}

/// Draws fields of a hash, each with the same chance; those that are due are not there.
struct FieldSampler {
  private let hash: HashValue
  private let threshold: Int64
  /// Fields that may be drawn.
  let count: Int
  /// Fields that are due.
  private let dueCount: Int

  init(_ entry: Entry, _ call: borrowing Call) {
    hash = HashValue(entry)
    threshold = call.fieldThreshold
    dueCount = hash.dueCount(before: threshold)
    count = hash.count - dueCount
  }

  /// A field; nil if there is none.
  ///
  /// - Complexity: O(1) expected for a large hash, unless nearly all fields are due
  func draw(_ keyspace: Keyspace) -> FieldPair? {
    guard count > 0 else { return nil }
    guard hash.isTable else {
      let list = FieldList(hash.entry)
      // What is due comes first in the list.
      let index = dueCount + keyspace.random.next(below: count)
      guard let position = list.listpack.position(at: index * list.stride) else { return nil }
      return FieldPair(name: list.name(at: position), value: list.value(at: position))
    }
    return drawField(keyspace).map(FieldSampler.pair)
  }

  private func drawField(_ keyspace: Keyspace) -> HashField? {
    for _ in 0..<100 {
      guard let field = hash.table.pointee.fields.random(using: &keyspace.random) else {
        return nil
      }
      if !isDue(field) { return field }
    }
    // A hundred draws were due: the one that is wanted is found by looking through all.
    var index = keyspace.random.next(below: count)
    var found: HashField?
    hash.table.pointee.fields.forEach { field in
      guard !isDue(field) else { return }
      if index == 0 { found = field }
      index -= 1
    }
    return found
  }

  /// Draws `wanted` different fields, or all if there are no more.
  ///
  /// - Complexity: O(fields), or O(wanted) expected if that is much less and the hash is large
  func drawDistinct(_ wanted: Int, _ keyspace: Keyspace, _ visit: (FieldPair) -> Void) {
    // Half of the fields are taken sooner by going through them than by drawing in vain.
    if hash.isTable, wanted < count / 3 {
      var drawn: Set<UInt64> = []
      while drawn.count < wanted, let field = drawField(keyspace) {
        if drawn.insert(field.word).inserted { visit(FieldSampler.pair(field)) }
      }
      return
    }
    // Selection sampling (Knuth, TAOCP 3.4.2, algorithm S): each field is taken with the chance
    // that the number still wanted has among those still to come.
    var left = count
    var missing = min(wanted, count)
    hash.forEach(before: threshold) { name, value, _ in
      guard missing > 0, left > 0 else { return }
      if keyspace.random.next(below: left) < missing {
        visit(FieldPair(name: name, value: value))
        missing -= 1
      }
      left -= 1
    }
  }

  private func isDue(_ field: HashField) -> Bool {
    guard let deadline = field.deadlineIfAny else { return false }
    return deadline < threshold
  }

  private static func pair(_ field: HashField) -> FieldPair {
    FieldPair(name: StoredText(field.name), value: StoredText(field.value))
  }
}
