// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that find fields of a hash without being told their names.
enum HashIterationCommands: CommandFamily {
  static let group = CommandGroup.hash

  static let commands: [Command] = [
    Command(
      "hrandfield", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [
        .key(),
        .block("options", [.integer("count"), .token("WITHVALUES", "withvalues").optional])
          .optional,
      ], tips: ["nondeterministic_output"], since: "6.2.0",
      complexity: "O(N) where N is the number of fields returned.",
      summary: "Returns fields of a hash, each with the same chance.", handler: hrandfield),
    Command(
      "hscan", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [
        .key(), .integer("cursor"), .pattern("pattern").after("MATCH").optional,
        .integer("count").after("COUNT").optional,
        .token("NOVALUES", "novalues").optional.since("7.4.0"),
      ], tips: ["nondeterministic_output"], since: "2.8.0",
      complexity: "O(1) per call, O(N) for a complete iteration over N fields.",
      summary: "Iterates over the fields of a hash, a few per call.",
      history: [("7.4.0", "Takes NOVALUES.")], handler: hscan),
  ]

  // MARK: - HRANDFIELD

  static func hrandfield(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    guard call.arguments.count > 2 else {
      guard let entry = try call.database.collection(key, .hash),
        let field = FieldSampler(entry, call).draw(call.server.keyspace)
      else { return call.reply.null() }
      return call.reply.bulk(field.name)
    }
    let count = try call.integer(2)
    guard count != .min else { throw call.failure(countRange) }
    var withValues = false
    if call.arguments.count > 3 {
      guard call.arguments.count == 4,
        FoldedName("withvalues") ~= FoldedName(folding: call.arguments[3])
      else { throw .syntax }
      withValues = true
      if count < -Int.max / 2 || count > Int.max / 2 {
        throw CommandError("ERR value is out of range")
      }
    }
    guard let entry = try call.database.collection(key, .hash) else { return call.reply.array(0) }
    let sampler = FieldSampler(entry, call)
    guard count != 0, sampler.count > 0 else { return call.reply.array(0) }
    let writer = FieldWriter(client: call.client, withValues: withValues)
    if count > 0 {
      writer.begin(min(count, sampler.count))
      sampler.drawDistinct(count, call.server.keyspace) { writer.write($0) }
    } else {
      try repeatedly(-count, sampler, writer, call)
    }
  }

  private static var countRange: ByteText {
    "ERR value is out of range, value must between \(-Int.max) and \(Int.max)"
  }

  /// Answers with fields that are drawn anew each time.
  private static func repeatedly(
    _ count: Int, _ sampler: FieldSampler, _ writer: FieldWriter, _ call: borrowing Call
  ) throws(CommandError) {
    try call.reserveReply(items: count, bytesEach: Call.smallestElementByteCount)
    var mark = call.markReply()
    writer.begin(count)
    for number in 1...count {
      guard let field = sampler.draw(call.server.keyspace) else { break }
      writer.write(field)
      try call.reserveRest(&mark, after: number, of: count)
    }
  }

  // MARK: - HSCAN

  static func hscan(_ call: inout Call) throws(CommandError) {
    guard let cursor = ScanCursor.parse(call.arguments[2]) else {
      throw CommandError("ERR invalid cursor")
    }
    let key = call.key(1)
    guard let entry = try call.database.collection(key, .hash) else {
      call.reply.array(2)
      call.reply.bulk("0")
      return call.reply.array(0)
    }
    let options = try FieldScanOptions(call)
    let hash = HashValue(entry)
    var found: [FieldPair] = []
    let next =
      hash.isTable
      ? scan(hash, cursor, options, call, into: &found) : list(hash, options, call, into: &found)
    call.reply.array(2)
    call.reply.bulk(integer: Int(truncatingIfNeeded: next))
    call.reply.array(options.returnsValues ? found.count * 2 : found.count)
    for pair in found {
      call.reply.bulk(pair.name)
      if options.returnsValues { call.reply.bulk(pair.value) }
    }
  }

  /// A packed hash is small: one call returns all of it.
  private static func list(
    _ hash: HashValue, _ options: FieldScanOptions, _ call: borrowing Call,
    into found: inout [FieldPair]
  ) -> UInt64 {
    hash.forEach(before: call.fieldThreshold) { name, value, _ in
      if options.accepts(name) { found.append(FieldPair(name: name, value: value)) }
    }
    return 0
  }

  /// Goes on with a large hash: about COUNT fields, or ten times as many buckets.
  private static func scan(
    _ hash: HashValue, _ cursor: UInt64, _ options: FieldScanOptions, _ call: borrowing Call,
    into found: inout [FieldPair]
  ) -> UInt64 {
    let threshold = call.fieldThreshold
    let table = hash.table
    var cursor = cursor
    var seen = 0
    var bucketsLeft = options.bucketLimit
    repeat {
      cursor = table.pointee.fields.scan(cursor) { field in
        seen += 1
        if let deadline = field.deadlineIfAny, deadline < threshold { return }
        let name = StoredText(field.name)
        if options.accepts(name) {
          found.append(FieldPair(name: name, value: StoredText(field.value)))
        }
      }
      bucketsLeft -= 1
    } while cursor != 0 && bucketsLeft > 0 && seen < options.count
    return cursor
  }
}

/// What follows the cursor of HSCAN.
private struct FieldScanOptions {
  private(set) var count = 10
  private(set) var returnsValues = true
  private let arguments: Arguments
  /// Where the pattern stands among the arguments; 0 if every field matches.
  private var pattern = 0

  init(_ call: borrowing Call) throws(CommandError) {
    arguments = call.arguments
    var index = 3
    while index < call.arguments.count {
      switch call.keyword(index) {
      case Keyword("novalues"):
        returnsValues = false
        index += 1
        continue
      case Keyword("count") where index + 1 < call.arguments.count:
        count = try call.integer(index + 1)
        if count < 1 { throw .syntax }
      case Keyword("match") where index + 1 < call.arguments.count:
        let bytes = call.arguments[index + 1]
        // A single star also matches the empty name, which the general rules deny.
        let isStar = bytes.byteCount == 1 && bytes.byte(0) == UInt8(ascii: "*")
        pattern = isStar ? 0 : index + 1
      default: throw .syntax
      }
      index += 2
    }
  }

  /// How many buckets a call may visit, however empty they are.
  var bucketLimit: Int {
    let (limit, overflows) = count.multipliedReportingOverflow(by: 10)
    return overflows ? .max : limit
  }

  func accepts(_ name: StoredText) -> Bool {
    guard pattern != 0 else { return true }
    var scratch = DecimalScratch()
    return GlobPattern.matches(pattern: arguments[pattern], text: name.text(&scratch))
  }
}

/// Answers with fields, or with fields and values, as the protocol wants it.
private struct FieldWriter {
  let client: Client
  let withValues: Bool

  /// Starts a reply of `count` fields.
  func begin(_ count: Int) {
    let isFlat = withValues && client.reply.version == .resp2
    client.reply.array(isFlat ? count &* 2 : count)
  }

  func write(_ pair: FieldPair) {
    if withValues, client.reply.version != .resp2 { client.reply.array(2) }
    client.reply.bulk(pair.name)
    if withValues { client.reply.bulk(pair.value) }
  }
}
