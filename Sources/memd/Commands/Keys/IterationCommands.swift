// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that find keys without being told their names.
enum IterationCommands: CommandFamily {
  static let group = CommandGroup.generic

  static let commands: [Command] = [
    Command(
      "keys", [.readonly], [.pattern("pattern")], categories: .dangerous,
      tips: ["request_policy:all_shards", "nondeterministic_output_order"], since: "1.0.0",
      complexity: "O(N) where N is the number of keys in the database.",
      summary: "Returns all keys that match a pattern.", handler: keys),
    Command(
      "scan", [.readonly, .touchesArbitraryKeys],
      [
        .integer("cursor"), .pattern("pattern").after("match").optional,
        .integer("count").after("count").optional,
        .string("type").after("type").optional.since("6.0.0"),
      ], tips: ["nondeterministic_output", "request_policy:special"], since: "2.8.0",
      complexity: "O(1) per call, O(N) for a complete iteration over N keys.",
      summary: "Iterates over the keys of the database, a few per call.",
      history: [("6.0.0", "Takes TYPE.")], handler: scan),
    Command(
      "randomkey", [.readonly, .touchesArbitraryKeys],
      tips: ["request_policy:all_shards", "nondeterministic_output"], since: "1.0.0",
      complexity: "O(1)", summary: "Returns a key of the database, each with the same chance.",
      handler: randomkey),
  ]

  // MARK: - KEYS

  static func keys(_ call: inout Call) throws(CommandError) {
    let filter = KeyFilter(pattern: call.arguments, at: 1)
    let database = call.database
    let client = call.client
    let mark = client.reply.beginAggregate()
    var count = 0
    database.keys.forEach { entry in
      guard filter.accepts(entry), !database.hides(entry) else { return }
      client.reply.bulk(entry.key)
      count += 1
    }
    client.reply.endArray(mark, count: count)
  }

  // MARK: - SCAN

  static func scan(_ call: inout Call) throws(CommandError) {
    guard var cursor = ScanCursor.parse(call.arguments[1]) else {
      throw CommandError("ERR invalid cursor")
    }
    let options = try ScanOptions(call)
    let database = call.database
    var found: [Entry] = []
    var due: [Entry] = []
    var seen = 0
    // A database of many empty buckets doesn't make a call long: COUNT bounds the buckets too.
    var bucketsLeft =
      options.count.multipliedReportingOverflow(by: 10).overflow
      ? Int.max : options.count * 10
    repeat {
      cursor = database.keys.scan(cursor) { entry in
        seen += 1
        guard options.filter.accepts(entry) else { return }
        if database.hides(entry) { due.append(entry) } else { found.append(entry) }
      }
      bucketsLeft -= 1
    } while cursor != 0 && bucketsLeft > 0 && seen < options.count
    call.reply.array(2)
    call.reply.bulk(integer: Int(truncatingIfNeeded: cursor))
    call.reply.array(found.count)
    for entry in found { call.reply.bulk(entry.key) }
    // The table must not change while it is scanned: what is due goes only now.
    database.expireHidden(due)
  }

  /// What follows the cursor of SCAN.
  private struct ScanOptions {
    var count = 10
    var filter: KeyFilter

    init(_ call: borrowing Call) throws(CommandError) {
      filter = KeyFilter(call.arguments)
      var index = 2
      while index < call.arguments.count {
        guard index + 1 < call.arguments.count else { throw .syntax }
        switch call.keyword(index) {
        case Keyword("count"):
          count = try call.integer(index + 1)
          if count < 1 { throw .syntax }
        case Keyword("match"): filter.match(at: index + 1)
        case Keyword("type"): filter.requireType(named: call.keyword(index + 1))
        default: throw .syntax
        }
        index += 2
      }
    }
  }

  // MARK: - RANDOMKEY

  static func randomkey(_ call: inout Call) throws(CommandError) {
    guard let entry = call.database.visibleRandomEntry(using: &call.server.keyspace.random) else {
      return call.reply.null()
    }
    call.reply.bulk(entry.key)
  }
}

/// Which keys an iteration returns.
struct KeyFilter {
  /// Of what type a key has to be.
  private enum TypeCondition {
    case any
    case only(Entry.ValueType)
    /// No value has the type that was asked for.
    case none
  }

  private var type = TypeCondition.any
  /// The arguments that hold the pattern, and where; nil if every key matches.
  private let arguments: Arguments
  private var patternIndex = 0

  init(_ arguments: Arguments) { self.arguments = arguments }

  init(pattern arguments: Arguments, at index: Int) {
    self.arguments = arguments
    match(at: index)
  }

  /// Takes the argument at `index` as the pattern.
  mutating func match(at index: Int) {
    let bytes = arguments[index]
    // A single star also matches the empty key, which the general rules deny.
    let isStar = bytes.byteCount == 1 && bytes.byte(0) == UInt8(ascii: "*")
    patternIndex = isStar ? 0 : index
  }

  /// Accepts only keys of the type with this name, in any case.
  mutating func requireType(named name: Keyword) {
    // Compatibility: an unknown type is not an error before Redis 8; nothing is of that type.
    type =
      switch name {
      case Keyword("string"): .only(.string)
      case Keyword("list"): .only(.list)
      case Keyword("set"): .only(.set)
      case Keyword("zset"): .only(.sortedSet)
      case Keyword("hash"): .only(.hash)
      case Keyword("stream"): .only(.stream)
      default: .none
      }
  }

  /// Whether the entry's key and type are wanted.
  func accepts(_ entry: Entry) -> Bool {
    switch type {
    case .any: break
    case .only(let wanted): if entry.header.type != wanted { return false }
    case .none: return false
    }
    guard patternIndex != 0 else { return true }
    return GlobPattern.matches(pattern: arguments[patternIndex], text: entry.key)
  }
}

/// The text of a cursor, read as C's `strtoul` does, which clients rely on in odd ways.
enum ScanCursor {
  /// The cursor, or nil if it is invalid.
  ///
  /// A sign is allowed, a negative number wraps around, an empty text is 0, and a NUL ends it.
  static func parse(_ text: RawSpan) -> UInt64? {
    var index = 0
    let count = text.byteCount
    guard count > 0, text.byte(0) != 0 else { return 0 }
    let isNegative = text.byte(0) == UInt8(ascii: "-")
    if isNegative || text.byte(0) == UInt8(ascii: "+") { index += 1 }
    var value: UInt64 = 0
    let firstDigit = index
    while index < count, text.byte(index) != 0 {
      let digit = text.byte(index) &- UInt8(ascii: "0")
      guard digit <= 9 else { return nil }
      let (product, productOverflows) = value.multipliedReportingOverflow(by: 10)
      let (sum, sumOverflows) = product.addingReportingOverflow(UInt64(digit))
      guard !productOverflows, !sumOverflows else { return nil }
      value = sum
      index += 1
    }
    guard index > firstDigit else { return nil }
    return isNegative ? 0 &- value : value
  }
}
