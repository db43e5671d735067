// SPDX-License-Identifier: Apache-2.0

/// Keyspace events that only commands on strings send.
extension KeyEvent {
  static var append: KeyEvent { KeyEvent("append", .string) }
  static var setRange: KeyEvent { KeyEvent("setrange", .string) }
  static var setBit: KeyEvent { KeyEvent("setbit", .string) }
  static var increment: KeyEvent { KeyEvent("incrby", .string) }
  static var incrementByFloat: KeyEvent { KeyEvent("incrbyfloat", .string) }
}
