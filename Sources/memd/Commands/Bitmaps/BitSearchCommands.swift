// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands on whole bit strings: counting, searching, combining.
enum BitSearchCommands: CommandFamily {
  static let group = CommandGroup.bitmap

  static let commands: [Command] = [
    Command(
      "bitcount", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [
        .key(),
        .block("index", [.integer("start"), .integer("end"), unit]).optional,
      ],
      since: "2.6.0", complexity: "O(N) for N bytes between start and end",
      summary: "Counts the bits that are set in the string value of a key, or in a part of it.",
      history: [("7.0.0", "`BYTE` and `BIT` came.")], handler: bitcount),
    Command(
      "bitpos", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [
        .key(), .integer("bit"),
        .block(
          "index",
          [.integer("start"), .block("end_index", [.integer("end"), unit]).optional]
        ).optional,
      ],
      since: "2.8.7", complexity: "O(N) for N bytes that are looked through",
      summary: "Finds the first bit that is set, or clear, in the string value of a key.",
      history: [("7.0.0", "`BYTE` and `BIT` came.")], handler: bitpos),
    Command(
      "bitop", [.write, .denyOOM],
      keys: [.key(2, [.overwrite, .update]), .keys(from: 3, [.readOnly, .access])],
      [.string("operation"), .key("destkey"), .key("key", spec: 1).repeated], since: "2.6.0",
      complexity: "O(N*M) for M strings of N bytes",
      summary: "Combines strings bit by bit and stores the result.",
      history: [("8.2.0", "`DIFF`, `DIFF1`, `ANDOR` and `ONE` came.")], handler: bitop),
  ]

  private static var unit: ArgumentSpec {
    .oneOf("index_unit", [.token("BYTE", "byte"), .token("BIT", "bit")]).since("7.0.0").optional
  }

  // MARK: - BITCOUNT

  static func bitcount(_ call: inout Call) throws(CommandError) {
    let range = try BitRange(call, from: 2)
    guard let value = try call.database.string(call.key(1)) else { return call.reply.integer(0) }
    var scratch = DecimalScratch()
    let text = value.text(&scratch)
    call.reply.integer(range.isReversed ? 0 : text.oneCount(in: range.bits(in: text.byteCount)))
  }

  // MARK: - BITPOS

  static func bitpos(_ call: inout Call) throws(CommandError) {
    let bit = try call.integer(2)
    guard bit == 0 || bit == 1 else {
      throw CommandError("ERR The bit argument must be 1 or 0.")
    }
    let range = try BitRange(call, from: 3)
    guard let value = try call.database.string(call.key(1)) else {
      // A missing key is an endless row of zeros.
      return call.reply.integer(bit == 1 ? -1 : 0)
    }
    var scratch = DecimalScratch()
    let text = value.text(&scratch)
    let bits = range.bits(in: text.byteCount)
    if let found = text.firstBit(bit == 1, in: bits) { return call.reply.integer(found) }
    // Zeros follow a string of ones, unless the search was to end somewhere.
    let findsBehind = bit == 0 && !range.hasEnd && !bits.isEmpty
    call.reply.integer(findsBehind ? text.byteCount * 8 : -1)
  }

  // MARK: - BITOP

  static func bitop(_ call: inout Call) throws(CommandError) {
    let operation = try bitOperation(call)
    let key = call.key(2)
    var sources: [StringValue?] = []
    var count = 0
    for index in 3..<call.arguments.count {
      let value = try call.database.string(call.key(index))
      count = max(count, value?.count ?? 0)
      sources.append(value)
    }
    if count > 0 {
      call.replaces(key, by: .string)
      call.database.replaceString(key, count: count) { combine(sources, operation, into: $0) }
      call.changed(key, .set)
      if operation.isNew { try propagateResult(call, key) }
    } else if call.database.delete(key) {
      call.changed(key, .delete)
      if operation.isNew {
        call.effects.rewrite("DEL", argumentCount: 1)
        call.effects.append(key.bytes)
      }
    }
    call.reply.integer(count)
  }

  /// Followers and readers of logs may not know the operation.
  private static func propagateResult(_ call: borrowing Call, _ key: Key) throws(CommandError) {
    guard let value = try call.database.string(key) else { return }
    var scratch = DecimalScratch()
    call.effects.rewrite("SET", argumentCount: 2)
    call.effects.append(key.bytes)
    call.effects.append(value.text(&scratch))
  }

  /// The operation that the request names, with as many strings as it needs.
  private static func bitOperation(_ call: borrowing Call) throws(CommandError) -> BitOperation {
    let sourceCount = call.arguments.count - 3
    func several(_ operation: BitOperation, _ error: CommandError) throws(CommandError)
      -> BitOperation
    {
      if sourceCount < 2 { throw error }
      return operation
    }
    switch call.keyword(1) {
    case Keyword("and"): return .and
    case Keyword("or"): return .or
    case Keyword("xor"): return .xor
    case Keyword("one"): return .one
    case Keyword("not"):
      if sourceCount == 1 { return .not }
      throw CommandError("ERR BITOP NOT must be called with a single source key.")
    case Keyword("diff"):
      return try several(
        .diff, CommandError("ERR BITOP DIFF must be called with at least two source keys."))
    case Keyword("diff1"):
      return try several(
        .diff1, CommandError("ERR BITOP DIFF1 must be called with at least two source keys."))
    case Keyword("andor"):
      return try several(
        .andOr, CommandError("ERR BITOP ANDOR must be called with at least two source keys."))
    default: throw .syntax
    }
  }

  /// Writes the combination of all strings, a window at a time.
  private static func combine(
    _ sources: [StringValue?], _ operation: BitOperation, into target: StringEditor
  ) {
    var combination = BitCombination(operation)
    let count = target.count
    var scratch = DecimalScratch()
    var offset = 0
    while offset < count {
      let end = min(count, offset + BitCombination.windowByteCount)
      combination.begin(byteCount: end - offset)
      for source in sources {
        guard let source else {
          combination.add(RawSpan())
          continue
        }
        let text = source.text(&scratch)
        let first = min(offset, text.byteCount)
        combination.add(text.extracting(first..<min(end, text.byteCount)))
      }
      target.write(combination.finish(), at: offset)
      offset = end
    }
  }
}

extension BitOperation {
  /// Whether it came with Redis 8.2.
  fileprivate var isNew: Bool {
    switch self {
    case .and, .or, .xor, .not: false
    case .diff, .diff1, .andOr, .one: true
    }
  }
}

/// The part of a string that BITCOUNT and BITPOS look at.
private struct BitRange {
  private var start = 0
  private var end = -1
  private var countsBits = false
  /// Whether the request says where the part ends.
  let hasEnd: Bool

  /// Reads `[start [end [BYTE | BIT]]]` from the argument at `index` on.
  ///
  /// Compatibility: as from Redis 7.2 on, the arguments are read before the key is looked up. A
  /// start without an end is Valkey's for BITCOUNT, too.
  init(_ call: borrowing Call, from index: Int) throws(CommandError) {
    let count = call.arguments.count - index
    guard count <= 3 else { throw .syntax }
    hasEnd = count >= 2
    if count >= 1 { start = try call.integer(index) }
    if count == 3 {
      switch call.keyword(index + 2) {
      case Keyword("bit"): countsBits = true
      case Keyword("byte"): break
      default: throw .syntax
      }
    }
    if count >= 2 { end = try call.integer(index + 1) }
  }

  /// True if both ends are counted from the end of the string and in the wrong order.
  ///
  /// Compatibility: BITCOUNT finds nothing then, even where both are pulled to the beginning.
  var isReversed: Bool { start < 0 && end < 0 && start > end }

  /// The bits of the part in a string of `byteCount` bytes.
  func bits(in byteCount: Int) -> Range<Int> {
    let total = countsBits ? byteCount * 8 : byteCount
    let first = max(0, start < 0 ? start + total : start)
    let last = min(max(0, end < 0 ? end + total : end), total - 1)
    guard first <= last else { return 0..<0 }
    return countsBits ? first..<(last + 1) : (first * 8)..<((last + 1) * 8)
  }
}
