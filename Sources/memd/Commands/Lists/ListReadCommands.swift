// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that read a list.
enum ListReadCommands: CommandFamily {
  static let group = CommandGroup.list

  static let commands: [Command] = [
    Command(
      "llen", [.readonly, .fast], keys: [.key(1, .readOnly)], [.key()], since: "1.0.0",
      complexity: "O(1)", summary: "Answers the number of elements of a list.", handler: llen),
    Command(
      "lindex", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [.key(), .integer("index")], since: "1.0.0",
      complexity: "O(N) from the nearer end; O(1) for the first and the last element.",
      summary: "Answers the element with an index.", handler: lindex),
    Command(
      "lrange", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [.key(), .integer("start"), .integer("stop")], since: "1.0.0",
      complexity: "O(S+N) where S is the distance of the range from the nearer end, N its length.",
      summary: "Answers a range of elements.", handler: lrange),
    Command(
      "lpos", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [
        .key(), .string("element"), .integer("rank").after("RANK").optional,
        .integer("num-matches").after("COUNT").optional,
        .integer("len").after("MAXLEN").optional,
      ], since: "6.0.6",
      complexity: "O(N) where N is the number of elements that are compared.",
      summary: "Answers the index of elements that equal a text.", handler: lpos),
  ]

  // MARK: - LLEN

  static func llen(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    call.reply.integer(try call.list(key)?.count ?? 0)
  }

  // MARK: - LINDEX

  static func lindex(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    guard let list = try call.list(key) else { return call.reply.null() }
    let index = try call.integer(2)
    guard let element = list.cursor(at: index) else { return call.reply.null() }
    call.reply.bulk(element)
  }

  // MARK: - LRANGE

  static func lrange(_ call: inout Call) throws(CommandError) {
    let start = try call.integer(2)
    let stop = try call.integer(3)
    let key = call.key(1)
    guard let list = try call.list(key) else { return call.reply.array(0) }
    let range = ListRange(start, stop, count: list.count)
    if range.isEmpty { return call.reply.array(0) }
    call.reply.array(range.count, from: list.cursor(at: range.lowerBound))
  }

  // MARK: - LPOS

  /// What LPOS looks for.
  private struct Search {
    /// The first match that counts, 1 is the nearest; from the end if negative.
    var rank = 1
    /// Most matches in an array; 0: all; nil: one, and no array.
    var limit: Int?
    /// Most elements to compare; 0: all.
    var lengthMax = 0

    init(_ call: borrowing Call) throws(CommandError) {
      var index = 3
      while index < call.arguments.count {
        guard index + 1 < call.arguments.count else { throw .syntax }
        switch call.keyword(index) {
        case Keyword("rank"):
          rank = try call.notLeast(index + 1)
          if rank == 0 { throw Search.rankIsZero }
        case Keyword("count"):
          limit = try call.notNegative(
            index + 1, orThrow: CommandError("ERR COUNT can't be negative"))
        case Keyword("maxlen"):
          lengthMax = try call.notNegative(
            index + 1, orThrow: CommandError("ERR MAXLEN can't be negative"))
        default: throw .syntax
        }
        index += 2
      }
    }

    private static var rankIsZero: CommandError {
      CommandError(
        """
        ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
        negative to start from the end of the list
        """)
    }
  }

  static func lpos(_ call: inout Call) throws(CommandError) {
    let search = try Search(call)
    let key = call.key(1)
    guard let list = try call.list(key) else {
      return search.limit == nil ? call.reply.null() : call.reply.array(0)
    }
    let text = call.arguments[2]
    let number = CanonicalInteger.parse(text)
    let backwards = search.rank < 0
    let total = list.count
    let mark = call.reply.beginAggregate()
    var cursor = backwards ? list.last : list.first
    var compared = 0
    var toSkip = search.rank.magnitude - 1
    var found = 0
    while let element = cursor, search.lengthMax == 0 || compared < search.lengthMax {
      if element.equals(text, number: number) {
        if toSkip == 0 {
          call.reply.integer(backwards ? total - 1 - compared : compared)
          found += 1
          if search.limit == nil || found == search.limit { break }
        } else {
          toSkip -= 1
        }
      }
      compared += 1
      cursor = element.next(backwards: backwards)
    }
    if search.limit != nil {
      call.reply.endArray(mark, count: found)
    } else if found == 0 {
      call.reply.null()
    }
  }
}

/// A range of indexes as commands give it: both ends included, negative ones from the end.
struct ListRange {
  /// Index of the first element.
  let lowerBound: Int
  /// Number of elements.
  let count: Int

  var isEmpty: Bool { count == 0 }

  /// The part of the range that exists in a list of `count` elements.
  init(_ start: Int, _ stop: Int, count: Int) {
    let first = max(start < 0 ? start + count : start, 0)
    let last = min(stop < 0 ? stop + count : stop, count - 1)
    lowerBound = first
    self.count = first > last ? 0 : last - first + 1
  }
}
