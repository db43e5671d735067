// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that return some members of a sorted set: drawn at random, or the next few.
enum SortedSetSampleCommands: CommandFamily {
  static let group = CommandGroup.sortedSet

  static let commands: [Command] = [
    Command(
      "zrandmember", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [
        .key(),
        .block("options", [.integer("count"), .token("WITHSCORES", "withscores").optional])
          .optional,
      ], tips: ["nondeterministic_output"], since: "6.2.0",
      complexity: "O(N), N being the members returned",
      summary: "Returns members of a sorted set that were drawn at random.", handler: zrandmember),
    Command(
      "zscan", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [
        .key(), .integer("cursor"), .pattern("pattern").after("MATCH").optional,
        .integer("count").after("COUNT").optional,
        .token("NOSCORES", "noscores").since("8.0.0").optional,
      ], tips: ["nondeterministic_output"], since: "2.8.0",
      complexity: "O(1) per call, O(N) for a complete iteration over N members",
      summary: "Iterates over the members and scores of a sorted set, a few per call.",
      handler: zscan),
  ]

  // MARK: - ZRANDMEMBER

  static func zrandmember(_ call: inout Call) throws(CommandError) {
    guard call.arguments.count > 2 else {
      let key = call.key(1)
      guard let value = try call.sortedSet(key),
        let member = value.random(using: &call.server.keyspace.random)
      else { return call.reply.null() }
      return member.write(to: &call.reply)
    }
    let count = try call.integer(2)
    if count == .min {
      throw CommandError(
        """
        ERR value is out of range, value must between -9223372036854775807 and \
        9223372036854775807
        """)
    }
    let showsScores = try showsScores(call, count)
    let key = call.key(1)
    guard let value = try call.sortedSet(key), count != 0 else { return call.reply.array(0) }
    if count < 0 {
      try draw(value, -count, showsScores, call)
    } else {
      sample(value, min(count, value.count), showsScores, call)
    }
  }

  /// Reads what stands behind the count.
  private static func showsScores(
    _ call: borrowing Call, _ count: Int
  ) throws(CommandError) -> Bool {
    guard call.arguments.count > 3 else { return false }
    guard call.arguments.count == 4,
      FoldedName(folding: call.arguments[3]) == FoldedName("withscores")
    else { throw .syntax }
    if count.magnitude > Int.max / 2 { throw CommandError("ERR value is out of range") }
    return true
  }

  /// Replies with `count` members, each drawn from all.
  private static func draw(
    _ value: SortedSetValue, _ count: Int, _ showsScores: Bool, _ call: borrowing Call
  ) throws(CommandError) {
    try call.reserveReply(items: count, bytesEach: Call.smallestElementByteCount)
    let isNested = showsScores && call.reply.version == .resp3
    var mark = call.markReply()
    call.reply.array(showsScores && !isNested ? count * 2 : count)
    for number in 1...count {
      guard let member = value.random(using: &call.server.keyspace.random) else { return }
      write(member, showsScores, isNested, call)
      try call.reserveRest(&mark, after: number, of: count)
    }
  }

  /// Replies with `count` different members.
  private static func sample(
    _ value: SortedSetValue, _ count: Int, _ showsScores: Bool, _ call: borrowing Call
  ) {
    let total = value.count
    let isNested = showsScores && call.reply.version == .resp3
    call.reply.array(showsScores && !isNested ? count * 2 : count)
    if count * 3 > total || !value.isLarge {
      // One pass over all, each taken with the chance that it has (Knuth's algorithm S).
      var walk = SortedSetWalk(value, from: 0, count: total)
      var wanted = count
      while wanted > 0, let member = walk.next() {
        let left = walk.remaining + 1
        guard call.server.keyspace.random.next(below: left) < wanted else { continue }
        wanted -= 1
        write(member, showsScores, isNested, call)
      }
      return
    }
    // A few of many: different ranks (Floyd's algorithm).
    var taken: Set<Int> = []
    for bound in total - count..<total {
      var rank = call.server.keyspace.random.next(below: bound + 1)
      if !taken.insert(rank).inserted {
        rank = bound
        taken.insert(rank)
      }
      var walk = SortedSetWalk(value, from: rank, count: 1)
      if let member = walk.next() { write(member, showsScores, isNested, call) }
    }
  }

  private static func write(
    _ member: ScoredMember, _ showsScores: Bool, _ isNested: Bool, _ call: borrowing Call
  ) {
    if showsScores {
      member.writeWithScore(to: &call.reply, isNested: isNested)
    } else {
      member.write(to: &call.reply)
    }
  }

  // MARK: - ZSCAN

  static func zscan(_ call: inout Call) throws(CommandError) {
    guard let cursor = ScanCursor.parse(call.arguments[2]) else {
      throw CommandError("ERR invalid cursor")
    }
    let key = call.key(1)
    guard let value = try call.sortedSet(key) else {
      call.reply.array(2)
      call.reply.bulk("0")
      return call.reply.array(0)
    }
    let options = try MemberScanOptions(call)
    if value.isLarge {
      scanLarge(value, from: cursor, options, call)
    } else {
      scanPacked(value.packed.listpack, options, call)
    }
  }

  /// A packed set is returned at once, its scores as they are stored.
  private static func scanPacked(
    _ listpack: Listpack, _ options: MemberScanOptions, _ call: borrowing Call
  ) {
    call.reply.array(2)
    call.reply.bulk("0")
    let mark = call.reply.beginAggregate()
    var count = 0
    var position = listpack.first
    while let member = position, let score = listpack.next(member) {
      position = listpack.next(score)
      var scratch = DecimalScratch()
      let text = listpack.text(at: member, &scratch)
      guard options.accepts(text) else { continue }
      call.reply.bulk(text)
      count += 1
      guard options.showsScores else { continue }
      var scoreScratch = DecimalScratch()
      call.reply.bulk(listpack.text(at: score, &scoreScratch))
      count += 1
    }
    call.reply.endArray(mark, count: count)
  }

  private static func scanLarge(
    _ value: SortedSetValue, from start: UInt64, _ options: MemberScanOptions,
    _ call: borrowing Call
  ) {
    var found: [SortedSetElement] = []
    var seen = 0
    var cursor = start
    // A table of many empty buckets doesn't make a call long: COUNT bounds the buckets too.
    var bucketsLeft = options.bucketCount
    let set = value.large
    repeat {
      cursor = set.pointee.scan(cursor) { element in
        seen += 1
        if options.accepts(element.member) { found.append(element) }
      }
      bucketsLeft -= 1
    } while cursor != 0 && bucketsLeft > 0 && seen < options.count
    call.reply.array(2)
    call.reply.bulk(integer: Int(truncatingIfNeeded: cursor))
    call.reply.array(options.showsScores ? found.count * 2 : found.count)
    for element in found {
      call.reply.bulk(element.member)
      guard options.showsScores else { continue }
      var text = ScoreText()
      call.reply.bulk(text.write(element.score))
    }
  }
}

/// What follows the cursor of ZSCAN.
private struct MemberScanOptions {
  private let arguments: Arguments
  /// Where the pattern stands; 0 if every member matches.
  private var patternIndex = 0
  private(set) var count = 10
  /// False for NOSCORES.
  private(set) var showsScores = true

  init(_ call: borrowing Call) throws(CommandError) {
    arguments = call.arguments
    var index = 3
    while index < call.arguments.count {
      switch call.keyword(index) {
      case Keyword("noscores"): showsScores = false
      case Keyword("count") where index + 1 < call.arguments.count:
        index += 1
        count = try call.integer(index)
        if count < 1 { throw .syntax }
      case Keyword("match") where index + 1 < call.arguments.count:
        index += 1
        patternIndex = index
      default: throw .syntax
      }
      index += 1
    }
  }

  /// How many buckets one call looks into.
  var bucketCount: Int {
    let (product, overflows) = count.multipliedReportingOverflow(by: 10)
    return overflows ? .max : product
  }

  func accepts(_ member: RawSpan) -> Bool {
    guard patternIndex != 0 else { return true }
    let pattern = arguments[patternIndex]
    // A single star also matches the empty member, which the general rules deny.
    if pattern.byteCount == 1, pattern.byte(0) == UInt8(ascii: "*") { return true }
    return GlobPattern.matches(pattern: pattern, text: member)
  }
}
