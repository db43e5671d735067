// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Intersections, unions and differences of sets, member by member, in linear time.
///
/// Results are visited, not stored: whoever wants a set puts one together of what it sees. `visit`
/// returns false to end the walk.
enum SetOperation {
  case intersection, union, difference

  /// Visits all members of the result, each once, until `visit` returns false.
  ///
  /// - Parameter sets: those that exist, in the order of the request.
  func forEach(_ sets: [SetValue], in database: Database, _ visit: (RawSpan) -> Bool) {
    guard let first = sets.first else { return }
    switch self {
    case _ where sets.count == 1: first.forEach(visit)
    case .intersection: SetOperation.intersect(sets, database, visit)
    case .union: SetOperation.unite(sets, database, visit)
    case .difference: SetOperation.subtract(Array(sets.dropFirst()), from: first, database, visit)
    }
  }

  /// Members of the smallest set that all others have, the next smallest asked first.
  private static func intersect(
    _ sets: [SetValue], _ database: Database, _ visit: (RawSpan) -> Bool
  ) {
    let sorted = sets.sorted { $0.count < $1.count }
    let others = sorted[1...]
    let seed = database.seed
    let needsHash = others.contains { $0.form == .table }
    sorted[0].forEach { member in
      let hash = needsHash ? SipHash13.hash(member, seed) : 0
      for other in others where !other.contains(member, hash: hash, seed: seed) { return true }
      return visit(member)
    }
  }

  /// Up to so many sets it is cheaper to ask those in front than to remember what was seen.
  private static var askedCountMax: Int { 4 }

  private static func unite(
    _ sets: [SetValue], _ database: Database, _ visit: (RawSpan) -> Bool
  ) {
    guard sets.count <= askedCountMax else { return uniteMany(sets, database, visit) }
    // The largest first: nobody is asked about its members.
    let sorted = sets.sorted { $0.count > $1.count }
    let seed = database.seed
    var goesOn = true
    for (index, set) in sorted.enumerated() where goesOn {
      let front = sorted[..<index]
      let needsHash = front.contains { $0.form == .table }
      set.forEach { member in
        let hash = needsHash ? SipHash13.hash(member, seed) : 0
        for other in front where other.contains(member, hash: hash, seed: seed) { return true }
        goesOn = visit(member)
        return goesOn
      }
    }
  }

  private static func uniteMany(
    _ sets: [SetValue], _ database: Database, _ visit: (RawSpan) -> Bool
  ) {
    var seen = SetBuilder(in: database)
    var goesOn = true
    for set in sets where goesOn {
      set.forEach { member in
        if seen.add(member) { goesOn = visit(member) }
        return goesOn
      }
    }
    seen.discard()
  }

  private static func subtract(
    _ others: [SetValue], from first: SetValue, _ database: Database, _ visit: (RawSpan) -> Bool
  ) {
    let seed = database.seed
    // One look-up per set and member, or the others' members together first, and one look-up.
    let asking = Double(first.count) * Double(others.count)
    let gathering = others.reduce(Double(first.count)) { $0 + 3 * Double($1.count) }
    if others.count > askedCountMax, gathering < asking {
      var taken = SetBuilder(in: database)
      for other in others {
        other.forEach { member in
          _ = taken.add(member)
          return true
        }
      }
      first.forEach { taken.contains($0, seed: seed) ? true : visit($0) }
      return taken.discard()
    }
    // The largest first: it is the likeliest to have a member.
    let sorted = others.sorted { $0.count > $1.count }
    let needsHash = sorted.contains { $0.form == .table }
    first.forEach { member in
      let hash = needsHash ? SipHash13.hash(member, seed) : 0
      for other in sorted where other.contains(member, hash: hash, seed: seed) { return true }
      return visit(member)
    }
  }
}

/// The sets that a request names.
struct SetOperands {
  /// Those that exist, in the order of the request.
  private(set) var sets: [SetValue] = []
  /// Whether one of them doesn't exist, and whether the first one doesn't.
  private(set) var hasMissing = false
  private(set) var lacksFirst = false

  /// Looks up the keys in a range of arguments; throws WRONGTYPE if one holds anything else.
  init(_ range: Range<Int>, _ call: borrowing Call) throws(CommandError) {
    for index in range {
      if let entry = try call.database.collection(call.key(index), .set) {
        sets.append(SetValue(entry))
      } else {
        hasMissing = true
        if index == range.lowerBound { lacksFirst = true }
      }
    }
  }

  /// The sets of which the result of an operation is made; none if it is empty.
  func relevant(for operation: SetOperation) -> [SetValue] {
    switch operation {
    case .intersection: hasMissing ? [] : sets
    case .union: sets
    case .difference: lacksFirst ? [] : sets
    }
  }
}
