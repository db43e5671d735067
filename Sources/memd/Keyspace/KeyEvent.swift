// SPDX-License-Identifier: Apache-2.0

/// A keyspace event: its name and the class by which `notify-keyspace-events` selects it.
struct KeyEvent: Sendable {
  /// Classes of events, as letters in the configuration.
  struct Class: OptionSet, Sendable {
    let rawValue: UInt32

    static let generic = Class(rawValue: 1 << 0)
    static let string = Class(rawValue: 1 << 1)
    static let list = Class(rawValue: 1 << 2)
    static let set = Class(rawValue: 1 << 3)
    static let hash = Class(rawValue: 1 << 4)
    static let sortedSet = Class(rawValue: 1 << 5)
    static let expired = Class(rawValue: 1 << 6)
    static let evicted = Class(rawValue: 1 << 7)
    static let stream = Class(rawValue: 1 << 8)
    static let keyMiss = Class(rawValue: 1 << 9)
    static let new = Class(rawValue: 1 << 10)
    static let overwritten = Class(rawValue: 1 << 12)
    static let typeChanged = Class(rawValue: 1 << 13)
  }

  let name: StaticString
  let kind: Class

  init(_ name: StaticString, _ kind: Class) {
    self.name = name
    self.kind = kind
  }

  static var set: KeyEvent { KeyEvent("set", .string) }
  static var expire: KeyEvent { KeyEvent("expire", .generic) }
  static var persist: KeyEvent { KeyEvent("persist", .generic) }
  static var delete: KeyEvent { KeyEvent("del", .generic) }
  static var renameFrom: KeyEvent { KeyEvent("rename_from", .generic) }
  static var renameTo: KeyEvent { KeyEvent("rename_to", .generic) }
  static var copyTo: KeyEvent { KeyEvent("copy_to", .generic) }
  static var moveFrom: KeyEvent { KeyEvent("move_from", .generic) }
  static var moveTo: KeyEvent { KeyEvent("move_to", .generic) }
  static var overwritten: KeyEvent { KeyEvent("overwritten", .overwritten) }
  static var typeChanged: KeyEvent { KeyEvent("type_changed", .typeChanged) }
  static var new: KeyEvent { KeyEvent("new", .new) }
  static var keyMiss: KeyEvent { KeyEvent("keymiss", .keyMiss) }
  static var expired: KeyEvent { KeyEvent("expired", .expired) }
  static var evicted: KeyEvent { KeyEvent("evicted", .evicted) }
}
