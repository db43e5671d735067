// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Keyspace events that only commands on lists send.
extension KeyEvent {
  static var leftPush: KeyEvent { KeyEvent("lpush", .list) }
  static var rightPush: KeyEvent { KeyEvent("rpush", .list) }
  static var leftPop: KeyEvent { KeyEvent("lpop", .list) }
  static var rightPop: KeyEvent { KeyEvent("rpop", .list) }
  static var listInsert: KeyEvent { KeyEvent("linsert", .list) }
  static var listSet: KeyEvent { KeyEvent("lset", .list) }
  static var listTrim: KeyEvent { KeyEvent("ltrim", .list) }
  static var listRemove: KeyEvent { KeyEvent("lrem", .list) }
}

extension ListEnd {
  /// What is announced when something was pushed here.
  var pushEvent: KeyEvent { self == .left ? .leftPush : .rightPush }
  /// What is announced when something was popped here.
  var popEvent: KeyEvent { self == .left ? .leftPop : .rightPop }
  /// The command that pushes here.
  var pushName: StaticString { self == .left ? "LPUSH" : "RPUSH" }
  /// The command that pops here.
  var popName: StaticString { self == .left ? "LPOP" : "RPOP" }
  /// The word for this end.
  var word: StaticString { self == .left ? "LEFT" : "RIGHT" }
  /// The other end.
  var opposite: ListEnd { self == .left ? .right : .left }

  /// The end that an option names.
  init?(_ keyword: Keyword) {
    switch keyword {
    case Keyword("left"): self = .left
    case Keyword("right"): self = .right
    default: return nil
    }
  }
}

extension ReplyWriter {
  /// Replies with an element of a list.
  @inline(__always)
  mutating func bulk(_ element: ListCursor) {
    if let integer = element.integer { return bulk(integer: integer) }
    bulk(element.bytes)
  }

  /// Replies with `count` elements, which exist, from `first` on, as an array.
  mutating func array(_ count: Int, from first: ListCursor?, backwards: Bool = false) {
    array(count)
    var cursor = first
    var rest = count
    while rest > 0, let element = cursor {
      bulk(element)
      cursor = element.next(backwards: backwards)
      rest -= 1
    }
    assert(rest == 0, "a list with fewer elements than its count")
  }
}

extension Call {
  /// The list at `key`, for reading.
  func list(_ key: Key) throws(CommandError) -> ListValue? {
    try database.collection(key, .list).map { ListValue($0) }
  }

  /// The list at `key`, to be changed.
  func editedList(_ key: Key) throws(CommandError) -> ListEditor? {
    guard let entry = try database.collectionForWriting(key, .list) else { return nil }
    return ListEditor(entry, hash: key.hash, in: database)
  }

  /// The argument at `index` as the end of a list.
  func listEnd(_ index: Int) throws(CommandError) -> ListEnd {
    guard let end = ListEnd(keyword(index)) else { throw .syntax }
    return end
  }

  /// The argument at `index` as a number that is not negative.
  func notNegative(
    _ index: Int,
    orThrow error: CommandError = CommandError("ERR value is out of range, must be positive")
  ) throws(CommandError) -> Int {
    let value = try integer(index, orThrow: error)
    guard value >= 0 else { throw error }
    return value
  }

  /// The argument at `index` as a number whose magnitude is one, too.
  func notLeast(_ index: Int) throws(CommandError) -> Int {
    let value = try integer(index)
    guard value != .min else {
      throw CommandError(
        """
        ERR value is out of range, value must between -9223372036854775807 and \
        9223372036854775807
        """)
    }
    return value
  }

  /// Removes `count` elements, all of which exist, at one end of a list, after they were replied,
  /// and says so; an empty list goes.
  func pop(_ count: Int, at end: ListEnd, of list: ListEditor, _ key: Key) {
    var list = list
    let total = list.value.count
    if count == total {
      changed(key, end.popEvent, count: count)
      return removeEmptied(key)
    }
    if count == 1 { list.removeElement(at: end) } else { list.remove(count, at: end) }
    list.settle()
    changed(key, end.popEvent, count: count)
  }

  /// Followers get LPOP or RPOP.
  func propagatePop(_ end: ListEnd, _ key: Key, count: Int? = nil) {
    effects.rewrite(end.popName, argumentCount: count == nil ? 1 : 2)
    effects.append(key.bytes)
    if let count { effects.append(count) }
  }
}
