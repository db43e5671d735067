// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What ZUNION, ZINTER, ZDIFF and their relatives are asked for.
struct AlgebraQuery {
  /// What is done with the inputs.
  enum Operation {
    case union, intersection, difference
    /// ZINTERCARD
    case intersectionCount
  }

  private var inputs: [ScoredInput]
  private let operation: Operation
  private let stores: Bool
  private(set) var aggregate = Aggregate.sum
  /// WITHSCORES
  private(set) var showsScores = false
  /// LIMIT; 0: none.
  private var limit = 0

  /// Reads everything from the number of keys on, which is at `index`.
  init(
    _ call: borrowing Call, _ operation: Operation, countAt index: Int, stores: Bool = false
  ) throws(CommandError) {
    self.operation = operation
    self.stores = stores
    let count = try call.integer(index)
    if count < 1 {
      let name = call.server.commands.description(of: call.command).fullName
      throw call.failure("ERR at least 1 input key is needed for '\(name)' command")
    }
    guard count < call.arguments.count - index else { throw .syntax }
    inputs = []
    inputs.reserveCapacity(count)
    for key in index + 1...index + count { inputs.append(try ScoredInput(call, key: key)) }
    var cursor = ArgumentCursor(call.arguments, from: index + 1 + count)
    while !cursor.isAtEnd { takeOption(&cursor) }
    try cursor.finish()
    if operation != .difference { sortInputs() }
  }

  private mutating func takeOption(_ cursor: inout ArgumentCursor) {
    let word = FoldedName(folding: cursor.arguments[cursor.index])
    _ = cursor.next()
    let aggregates = operation == .union || operation == .intersection
    switch word {
    case FoldedName("weights") where aggregates && cursor.remaining >= inputs.count:
      for index in inputs.indices { takeWeight(of: index, &cursor) }
    case FoldedName("aggregate") where aggregates && !cursor.isAtEnd:
      takeAggregate(&cursor)
    case FoldedName("withscores") where !stores && operation != .intersectionCount:
      showsScores = true
    case FoldedName("limit") where operation == .intersectionCount && !cursor.isAtEnd:
      let wrong = CommandError("ERR LIMIT can't be negative")
      limit = cursor.integer(orFail: wrong)
      if limit < 0 { cursor.fail(wrong) }
    default: cursor.fail(.syntax)
    }
  }

  private mutating func takeWeight(of input: Int, _ cursor: inout ArgumentCursor) {
    guard let index = cursor.next() else { return }
    guard let weight = DoubleText.parse(cursor.arguments[index]) else {
      return cursor.fail(CommandError("ERR weight value is not a float"))
    }
    inputs[input].weight = weight
  }

  private mutating func takeAggregate(_ cursor: inout ArgumentCursor) {
    switch cursor.keyword() {
    case Keyword("sum"): aggregate = .sum
    case Keyword("min"): aggregate = .minimum
    case Keyword("max"): aggregate = .maximum
    case Keyword("count"): aggregate = .count
    default: cursor.fail(.syntax)
    }
  }

  /// Smallest first; equal ones stay in their order, since sums depend on it.
  private mutating func sortInputs() {
    let order = inputs.indices.sorted { left, right in
      (inputs[left].count, left) < (inputs[right].count, right)
    }
    inputs = order.map { inputs[$0] }
  }

  // MARK: - Operations

  /// - Complexity: O(n log n), n being the members of all inputs.
  func union(_ database: Database) -> SortedSetResult {
    let result = SortedSetResult(database)
    for input in inputs {
      input.forEach { member, score in
        var contribution = aggregate.contribution(score, weight: input.weight)
        // Zero times infinity is taken as zero.
        if contribution.isNaN { contribution = 0 }
        result.merge(member, contribution, aggregate)
        return true
      }
    }
    return result
  }

  /// - Complexity: O(n k + m log m), n being the members of the smallest of k inputs.
  func intersection(_ database: Database) -> SortedSetResult {
    let result = SortedSetResult(database)
    inputs[0].forEach { member, score in
      if let sum = common(member, score, database.seed) { result.insert(member, sum) }
      return true
    }
    return result
  }

  /// The size of the intersection, or LIMIT if that is less.
  func intersectionCount(_ database: Database) -> Int {
    var count = 0
    inputs[0].forEach { member, score in
      if common(member, score, database.seed) != nil { count += 1 }
      return count != limit || limit == 0
    }
    return count
  }

  /// The score that a member of the first input has in the result; nil if another one lacks it.
  private func common(_ member: RawSpan, _ score: Double, _ seed: HashSeed) -> Double? {
    var sum = aggregate.contribution(score, weight: inputs[0].weight)
    if sum.isNaN { sum = 0 }
    for index in 1..<max(1, inputs.count) {
      let input = inputs[index]
      guard let score = input.score(of: member, seed: seed) else { return nil }
      sum = aggregate.combine(sum, aggregate.contribution(score, weight: input.weight))
    }
    return sum
  }

  /// - Complexity: O(n log n), n being the members of all inputs.
  func difference(_ database: Database) -> SortedSetResult {
    let result = SortedSetResult(database)
    let others = inputs.dropFirst()
    // Either every member is looked for in all others, or those are gathered first: what is less.
    let searches = others.reduce(0) { $0 + $1.searchCost }
    let (work, overflows) = searches.multipliedReportingOverflow(by: inputs[0].count)
    let gathered = others.reduce(inputs[0].count) { $0 + $1.count }
    if !overflows, work <= gathered * 4 {
      inputs[0].forEach { member, score in
        for other in others where other.score(of: member, seed: database.seed) != nil {
          return true
        }
        result.insert(member, score)
        return true
      }
      return result
    }
    let excluded = SortedSetResult(database)
    for other in others {
      other.forEach { member, _ in
        excluded.merge(member, 0, .maximum)
        return true
      }
    }
    inputs[0].forEach { member, score in
      if !excluded.contains(member) { result.insert(member, score) }
      return true
    }
    return result
  }
}
