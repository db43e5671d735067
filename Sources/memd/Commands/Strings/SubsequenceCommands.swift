// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// LCS: what two strings have in common.
enum SubsequenceCommands: CommandFamily {
  static let group = CommandGroup.string

  static let commands: [Command] = [
    Command(
      "lcs", [.readonly],
      keys: [
        KeySpec(
          start: .index(1), extent: .range(last: 1, step: 1, limit: 0),
          access: [.readOnly, .access])
      ],
      [
        .key("key1"), .key("key2"), .token("LEN", "len").optional, .token("IDX", "idx").optional,
        .integer("len").after("MINMATCHLEN").optional,
        .token("WITHMATCHLEN", "withmatchlen").optional,
      ],
      since: "7.0.0", complexity: "O(N*M) for strings of N and M bytes",
      summary: "Finds the longest common subsequence of two strings.", handler: lcs)
  ]

  // MARK: - LCS

  static func lcs(_ call: inout Call) throws(CommandError) {
    let first = call.database.read(call.key(1))
    let second = call.database.read(call.key(2))
    for entry in [first, second] {
      if let entry, !entry.header.isString {
        throw CommandError("ERR The specified keys must contain string values")
      }
    }
    var cursor = ArgumentCursor(call.arguments, from: 3)
    let options = SubsequenceOptions(&cursor)
    try cursor.finish()
    if options.wantsLength, options.wantsMatches {
      throw CommandError(
        "ERR If you want both the length and indexes, please just use IDX.")
    }
    var firstScratch = DecimalScratch()
    var secondScratch = DecimalScratch()
    // The keyspace doesn't change before the reply is complete.
    let left = text(of: first, &firstScratch)
    let right = text(of: second, &secondScratch)
    try checkSize(left.byteCount, right.byteCount, call)
    let common = CommonSubsequence(left, right)
    if options.wantsMatches {
      replyMatches(common, left, right, options, &call)
    } else if options.wantsLength {
      call.reply.integer(common.length)
    } else {
      call.reply.bulk(common.bytes(left, right).rawSpan)
    }
  }

  /// The text of a string; that of a missing key is empty.
  @_lifetime(&scratch)
  private static func text(of entry: Entry?, _ scratch: inout DecimalScratch) -> RawSpan {
    guard let entry else { return unsafe _overrideLifetime(RawSpan(), mutating: &scratch) }
    return StringValue(entry).text(&scratch)
  }

  /// Refuses what the reference server refuses because of the table it would have to make.
  private static func checkSize(
    _ left: Int, _ right: Int, _ call: borrowing Call
  ) throws(CommandError) {
    guard left < Int(UInt32.max) - 1, right < Int(UInt32.max) - 1 else {
      throw CommandError("ERR String too long for LCS")
    }
    let (size, overflows) = (4 * (left + 1)).multipliedReportingOverflow(by: right + 1)
    if overflows || size > call.server.configuration.protoMaxBulkLength {
      throw CommandError(
        "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
    }
  }

  private static func replyMatches(
    _ common: borrowing CommonSubsequence, _ left: RawSpan, _ right: RawSpan,
    _ options: SubsequenceOptions, _ call: inout Call
  ) {
    call.reply.map(2)
    call.reply.bulk("matches")
    let mark = call.reply.beginAggregate()
    var count = 0
    var walk = common.matches(left, right)
    while let match = walk.next() {
      guard match.count >= options.minimumCount else { continue }
      count += 1
      call.reply.array(options.showsCounts ? 3 : 2)
      replyRange(from: match.left, count: match.count, &call)
      replyRange(from: match.right, count: match.count, &call)
      if options.showsCounts { call.reply.integer(match.count) }
    }
    call.reply.endArray(mark, count: count)
    call.reply.bulk("len")
    call.reply.integer(common.length)
  }

  private static func replyRange(from start: Int, count: Int, _ call: inout Call) {
    call.reply.array(2)
    call.reply.integer(start)
    call.reply.integer(start + count - 1)
  }
}

/// The options of LCS.
private struct SubsequenceOptions {
  /// LEN
  private(set) var wantsLength = false
  /// IDX
  private(set) var wantsMatches = false
  /// WITHMATCHLEN
  private(set) var showsCounts = false
  /// MINMATCHLEN
  private(set) var minimumCount = 0

  init(_ cursor: inout ArgumentCursor) {
    while !cursor.isAtEnd {
      let word = FoldedName(folding: cursor.arguments[cursor.index])
      _ = cursor.next()
      switch word {
      case FoldedName("len"): wantsLength = true
      case FoldedName("idx"): wantsMatches = true
      case FoldedName("withmatchlen"): showsCounts = true
      case FoldedName("minmatchlen"): minimumCount = cursor.integer()
      default: cursor.fail(.syntax)
      }
    }
  }
}
