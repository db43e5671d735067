// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands on single bits of strings; bit 0 is the highest of the first byte.
///
/// Counting, searching and combining are in `BitSearchCommands`, integers of any width in
/// `BitfieldCommands`.
enum BitCommands: CommandFamily {
  static let group = CommandGroup.bitmap

  static let commands: [Command] = [
    Command(
      "setbit", [.write, .denyOOM], keys: [.key(1, [.readWrite, .access, .update])],
      [.key(), .integer("offset"), .integer("value")], since: "2.2.0", complexity: "O(1)",
      summary: "Sets or clears a bit of the string value of a key, which grows if needed.",
      handler: setbit),
    Command(
      "getbit", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])],
      [.key(), .integer("offset")], since: "2.2.0", complexity: "O(1)",
      summary: "Returns a bit of the string value of a key.", handler: getbit),
  ]

  // MARK: - SETBIT

  static func setbit(_ call: inout Call) throws(CommandError) {
    let offset = try bitOffset(2, call)
    let wrongBit = CommandError("ERR bit is not an integer or out of range")
    let bit = try call.integer(3, orThrow: wrongBit)
    guard bit == 0 || bit == 1 else { throw wrongBit }
    let key = call.key(1)
    let needed = offset.byte + 1
    let string = try call.database.stringForWriting(key)
    let count = string?.value.count ?? 0
    let editor =
      if let string {
        call.database.edit(string, key, count: max(count, needed), zeroedTo: needed)
      } else {
        call.database.makeEditable(key, count: needed, zeroedTo: needed)
      }
    let old = editor[offset.byte]
    let new = bit == 1 ? old | offset.mask : old & ~offset.mask
    if new != old || needed > count {
      editor[offset.byte] = new
      call.changed(key, .setBit)
    }
    call.reply.integer(old & offset.mask == 0 ? 0 : 1)
  }

  // MARK: - GETBIT

  static func getbit(_ call: inout Call) throws(CommandError) {
    let offset = try bitOffset(2, call)
    guard let value = try call.database.string(call.key(1)) else { return call.reply.integer(0) }
    var scratch = DecimalScratch()
    let text = value.text(&scratch)
    guard offset.byte < text.byteCount else { return call.reply.integer(0) }
    call.reply.integer(text.byte(offset.byte) & offset.mask == 0 ? 0 : 1)
  }

  // MARK: - Offsets

  /// The place of one bit.
  struct BitOffset {
    let byte: Int
    let mask: UInt8

    init(_ bit: Int) {
      byte = bit >> 3
      mask = 0x80 >> UInt8(bit & 7)
    }
  }

  /// The argument at `index` as the offset of a bit in a string of allowed length.
  static func bitOffset(_ index: Int, _ call: borrowing Call) throws(CommandError) -> BitOffset {
    let wrong = CommandError("ERR bit offset is not an integer or out of range")
    let offset = BitOffset(try call.integer(index, orThrow: wrong))
    guard offset.byte >= 0,
      offset.byte < call.server.configuration.protoMaxBulkLength
        || call.client.flags.contains(.leader)
    else { throw wrong }
    return offset
  }
}
