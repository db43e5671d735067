// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// An error as scripts see it: a table with a text, `{err = "ERR no such key"}`, and with the place
/// once it has ended the script.
struct LuaError {
  var message: ByteText
  /// File and line of the script.
  var source: ByteText?
  var line: ByteText?
  /// The server has counted it already, when a command answered it.
  var isCounted = false

  /// Reads the table on top of the stack.
  init(onTopOf stack: LuaStack) {
    message = LuaError.text(of: "err", stack) ?? "ERR unknown error"
    source = LuaError.text(of: "source", stack)
    line = LuaError.text(of: "line", stack)
    stack.pushField("ignore_error_stats_update")
    isCounted = stack.boolean(at: -1)
    stack.pop()
  }

  private static func text(of field: StaticString, _ stack: LuaStack) -> ByteText? {
    stack.pushField(field)
    defer { stack.pop() }
    switch stack.type(at: -1) {
    case .string, .number:
      // Compatibility: a zero byte ends it.
      let bytes = stack.string(at: -1).copied
      return ByteText(Array(bytes.prefix { $0 != 0 }))
    default: return nil
    }
  }

  /// Pushes the table of an error whose text has a code in front.
  static func push(_ message: ByteText, isCounted: Bool = false, to stack: LuaStack) {
    stack.pushTable(fields: 2)
    stack.push("err")
    stack.push(message)
    stack.setField(ofTableAt: -3)
    guard isCounted else { return }
    stack.push("ignore_error_stats_update")
    stack.push(true)
    stack.setField(ofTableAt: -3)
  }

  /// The text of an error reply with a code in front: ERR if there is none.
  static func coded(_ text: ByteText) -> ByteText {
    text.bytes.contains(UInt8(ascii: " ")) ? text : "ERR \(text)"
  }
}
