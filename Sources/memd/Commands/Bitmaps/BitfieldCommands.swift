// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// BITFIELD: strings as arrays of integers of any width.
enum BitfieldCommands: CommandFamily {
  static let group = CommandGroup.bitmap

  static let commands: [Command] = [
    Command(
      "bitfield", [.write, .denyOOM],
      keys: [
        .key(
          1, [.readWrite, .access, .update, .variableFlags],
          notes: "This command allows both access and modification of the key")
      ],
      [
        .key(),
        .oneOf(
          "operation",
          [
            .block("encoding_offset", [.string("encoding"), .integer("offset")]).after("GET"),
            .block(
              "write",
              [
                .oneOf(
                  "wrap_sat_fail",
                  [.token("WRAP", "wrap"), .token("SAT", "sat"), .token("FAIL", "fail")]
                ).after("OVERFLOW").optional,
                .oneOf(
                  "write_operation",
                  [
                    .block(
                      "encoding_offset_value",
                      [.string("encoding"), .integer("offset"), .integer("value")]
                    ).after("SET"),
                    .block(
                      "encoding_offset_increment",
                      [.string("encoding"), .integer("offset"), .integer("increment")]
                    ).after("INCRBY"),
                  ]),
              ]),
          ]
        ).optional.repeated,
      ],
      since: "3.2.0", complexity: "O(1) for each operation",
      summary: "Reads, sets and increments integers of any width within a string.",
      handler: bitfield),
    Command(
      "bitfield_ro", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])],
      [
        .key(),
        .block("encoding_offset", [.string("encoding"), .integer("offset")]).after("GET").optional
          .repeatedWithToken,
      ],
      since: "6.0.0", complexity: "O(1) for each operation",
      summary: "Reads integers of any width within a string.", handler: bitfieldRO),
  ]

  // MARK: - BITFIELD

  static func bitfield(_ call: inout Call) throws(CommandError) {
    let plan = try BitfieldPlan(call)
    if plan.writes { try write(plan, call) } else { try read(plan, call) }
  }

  // MARK: - BITFIELD_RO

  static func bitfieldRO(_ call: inout Call) throws(CommandError) {
    let plan = try BitfieldPlan(call)
    guard !plan.writes else {
      throw CommandError("ERR BITFIELD_RO only supports the GET subcommand")
    }
    try read(plan, call)
  }

  /// Executes operations that only read.
  private static func read(_ plan: BitfieldPlan, _ call: borrowing Call) throws(CommandError) {
    let value = try call.database.string(call.key(1))
    var scratch = DecimalScratch()
    call.reply.array(plan.count)
    var reader = BitfieldReader()
    while let operation = try reader.next(call) {
      let type = operation.type
      let bits = value.map {
        $0.text(&scratch).bits(at: operation.offset, count: type.bitCount)
      }
      call.reply.integer(type.number(bits ?? 0))
    }
  }

  /// Executes operations of which at least one writes.
  private static func write(_ plan: BitfieldPlan, _ call: borrowing Call) throws(CommandError) {
    let key = call.key(1)
    let string = try call.database.stringForWriting(key)
    let count = string?.value.count ?? 0
    let needed = plan.byteCount
    let editor =
      if let string {
        call.database.edit(string, key, count: max(count, needed), zeroedTo: needed)
      } else {
        call.database.makeEditable(key, count: needed, zeroedTo: needed)
      }
    let grows = needed > count
    call.reply.array(plan.count)
    var changes = 0
    var reader = BitfieldReader()
    while let operation = try reader.next(call) {
      let type = operation.type
      var bytes = editor.bytes
      let old = type.number(bytes.bytes.bits(at: operation.offset, count: type.bitCount))
      guard operation.writes else {
        call.reply.integer(old)
        continue
      }
      guard let new = operation.result(old) else {
        call.reply.null()
        continue
      }
      call.reply.integer(operation.kind == .set ? old : new)
      bytes.setBits(
        UInt64(bitPattern: Int64(new)), at: operation.offset, count: type.bitCount)
      if grows || new != old { changes += 1 }
    }
    // A string that has grown has changed, even if every operation failed.
    if grows { changes = max(changes, 1) }
    guard changes > 0 else { return }
    call.changed(key, .setBit, count: changes)
  }
}

/// What is to be known of a request before its first operation is executed.
private struct BitfieldPlan {
  /// Number of operations.
  private(set) var count = 0
  /// Length that the string must have; only writing makes it longer.
  private(set) var byteCount = 0
  private(set) var writes = false

  /// Checks all operations.
  init(_ call: borrowing Call) throws(CommandError) {
    var reader = BitfieldReader()
    while let operation = try reader.next(call) {
      count += 1
      guard operation.writes else { continue }
      writes = true
      byteCount = max(byteCount, (operation.offset + operation.type.bitCount - 1) >> 3 + 1)
    }
  }
}

/// One operation of BITFIELD.
private struct BitfieldOperation {
  enum Kind {
    case get, set, increment
  }

  let kind: Kind
  let type: BitfieldType
  /// Number of the first bit.
  let offset: Int
  /// What is to be stored, or added.
  let operand: Int
  let overflow: BitfieldOverflow

  var writes: Bool { kind != .get }

  /// The number that is stored in place of `old`; nil if nothing is.
  func result(_ old: Int) -> Int? {
    kind == .set ? type.sum(operand, 0, overflow) : type.sum(old, operand, overflow)
  }
}

/// Reads the operations of a request one by one; reading them twice costs less than keeping them.
private struct BitfieldReader {
  private var index = 2
  private var overflow = BitfieldOverflow.wrap

  /// The next operation, nil at the end.
  mutating func next(_ call: borrowing Call) throws(CommandError) -> BitfieldOperation? {
    while index < call.arguments.count {
      let remaining = call.arguments.count - index - 1
      let kind: BitfieldOperation.Kind
      switch call.keyword(index) {
      case Keyword("get") where remaining >= 2: kind = .get
      case Keyword("set") where remaining >= 3: kind = .set
      case Keyword("incrby") where remaining >= 3: kind = .increment
      case Keyword("overflow") where remaining >= 1:
        try readOverflow(call)
        continue
      default: throw .syntax
      }
      let type = try BitfieldReader.type(call.arguments[index + 1])
      let offset = try BitfieldReader.offset(index + 2, type, call)
      let operand = kind == .get ? 0 : try call.integer(index + 3)
      index += kind == .get ? 3 : 4
      return BitfieldOperation(
        kind: kind, type: type, offset: offset, operand: operand, overflow: overflow)
    }
    return nil
  }

  private mutating func readOverflow(_ call: borrowing Call) throws(CommandError) {
    switch call.keyword(index + 1) {
    case Keyword("wrap"): overflow = .wrap
    case Keyword("sat"): overflow = .saturate
    case Keyword("fail"): overflow = .fail
    default: throw CommandError("ERR Invalid OVERFLOW type specified")
    }
    index += 2
  }

  /// A type such as `u8` or `i64`.
  private static func type(_ text: RawSpan) throws(CommandError) -> BitfieldType {
    let wrong = CommandError(
      """
      ERR Invalid bitfield type. Use something like i16 u8. \
      Note that u64 is not supported but i64 is.
      """)
    guard text.byteCount > 1, let bitCount = DecimalText.parse(text.extracting(droppingFirst: 1))
    else { throw wrong }
    let letter = text.byte(0)
    guard letter == UInt8(ascii: "i") || letter == UInt8(ascii: "u"),
      let type = BitfieldType(isSigned: letter == UInt8(ascii: "i"), bitCount: bitCount)
    else { throw wrong }
    return type
  }

  /// The number of a bit, or `#` and the number of an integer of that type.
  private static func offset(
    _ index: Int, _ type: BitfieldType, _ call: borrowing Call
  ) throws(CommandError) -> Int {
    let wrong = CommandError("ERR bit offset is not an integer or out of range")
    var text = call.arguments[index]
    let isMultiple = text.byteCount > 0 && text.byte(0) == UInt8(ascii: "#")
    if isMultiple { text = text.extracting(droppingFirst: 1) }
    guard let number = DecimalText.parse(text) else { throw wrong }
    let (offset, overflows) = number.multipliedReportingOverflow(
      by: isMultiple ? type.bitCount : 1)
    // The last bit must have a number, too: a leader's stream is not bound to a length.
    guard !overflows, offset >= 0, offset <= Int.max - 64,
      offset >> 3 < call.server.configuration.protoMaxBulkLength
        || call.client.flags.contains(.leader)
    else { throw wrong }
    return offset
  }
}
