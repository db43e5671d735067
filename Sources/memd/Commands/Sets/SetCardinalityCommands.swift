// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// How many members intersections, unions and differences have.
enum SetCardinalityCommands: CommandFamily {
  static let group = CommandGroup.set

  static let commands: [Command] = [
    Command(
      "sintercard", [.readonly, .movableKeys],
      keys: [.counted(at: 1, [.readOnly, .access])],
      [.integer("numkeys"), .key().repeated, .integer("limit").after("LIMIT").optional],
      since: "7.0.0", complexity: "O(N*M) for M sets of which the smallest has N members",
      summary: "Counts the members that all sets have.", handler: sintercard),
    Command(
      "sunioncard", [.readonly, .movableKeys],
      keys: [.counted(at: 1, [.readOnly, .access])],
      [
        .integer("numkeys"), .key().repeated, .token("APPROX", "approx").optional,
        .integer("limit").after("LIMIT").optional,
      ],
      since: "8.10.0", complexity: "O(N) for N members of all sets",
      summary: "Counts the members that any of the sets has, exactly or approximately.",
      handler: sunioncard),
    Command(
      "sdiffcard", [.readonly, .movableKeys],
      keys: [.counted(at: 1, [.readOnly, .access])],
      [.integer("numkeys"), .key().repeated, .integer("limit").after("LIMIT").optional],
      since: "8.10.0", complexity: "O(N) for N members of all sets",
      summary: "Counts the members of the first set that none of the others has.",
      handler: sdiffcard),
  ]

  // MARK: - SINTERCARD

  static func sintercard(_ call: inout Call) throws(CommandError) {
    try reply(.intersection, CountRequest(call), call)
  }

  // MARK: - SUNIONCARD

  static func sunioncard(_ call: inout Call) throws(CommandError) {
    let request = try CountRequest(call, allowsEstimate: true)
    guard request.estimates else { return try reply(.union, request, call) }
    let sets = try SetOperands(request.keys, call).sets
    // Few members are counted as fast as they are estimated.
    guard sets.count > 1, sets.reduce(0, { $0 + $1.count }) > HyperLogLog.registerCount else {
      return count(.union, sets, request, call)
    }
    var union = HyperLogLogUnion()
    for set in sets {
      set.forEach { member in
        union.add(HyperLogLog.Place(of: member))
        return true
      }
    }
    let estimate = union.cardinality
    call.reply.integer(request.limit == 0 ? estimate : min(estimate, request.limit))
  }

  // MARK: - SDIFFCARD

  static func sdiffcard(_ call: inout Call) throws(CommandError) {
    try reply(.difference, CountRequest(call), call)
  }

  private static func reply(
    _ operation: SetOperation, _ request: CountRequest, _ call: borrowing Call
  ) throws(CommandError) {
    let operands = try SetOperands(request.keys, call)
    count(operation, operands.relevant(for: operation), request, call)
  }

  private static func count(
    _ operation: SetOperation, _ sets: [SetValue], _ request: CountRequest,
    _ call: borrowing Call
  ) {
    let limit = request.limit == 0 ? Int.max : request.limit
    if sets.count == 1 { return call.reply.integer(min(sets[0].count, limit)) }
    var count = 0
    operation.forEach(sets, in: call.database) { _ in
      count += 1
      return count < limit
    }
    call.reply.integer(count)
  }
}

/// A request of the form `numkeys key [key ...] [APPROX] [LIMIT limit]`.
private struct CountRequest {
  /// The arguments that are keys.
  let keys: Range<Int>
  /// Where to stop counting; 0 for nowhere.
  private(set) var limit = 0
  private(set) var estimates = false

  init(_ call: borrowing Call, allowsEstimate: Bool = false) throws(CommandError) {
    let wrongCount = CommandError("ERR numkeys should be greater than 0")
    let count = try call.integer(1, orThrow: wrongCount)
    guard count > 0 else { throw wrongCount }
    guard count <= call.arguments.count - 2 else {
      throw CommandError("ERR Number of keys can't be greater than number of args")
    }
    keys = 2..<(2 + count)
    var index = keys.upperBound
    while index < call.arguments.count {
      switch call.keyword(index) {
      case Keyword("limit") where index + 1 < call.arguments.count:
        let wrongLimit = CommandError("ERR LIMIT can't be negative")
        limit = try call.integer(index + 1, orThrow: wrongLimit)
        guard limit >= 0 else { throw wrongLimit }
        index += 2
      case Keyword("approx") where allowsEstimate:
        estimates = true
        index += 1
      default: throw .syntax
      }
    }
  }
}
