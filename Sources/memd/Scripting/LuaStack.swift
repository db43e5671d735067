// SPDX-License-Identifier: Apache-2.0

import CLua
import DataStructures
import RESP

/// What kind of value stands on Lua's stack.
enum LuaType: Int32 {
  case none = -1
  case null, boolean, lightUserdata, number, string, table, function, userdata, thread
}

/// Values on the stack of a Lua thread: pushed, read and taken away.
///
/// Nothing here can raise an error of Lua's, as long as memory is given: what tables answer, they
/// answer without metatables. Places count from 1 at the bottom, or from -1 at the top. Whoever
/// pushes more than a few values asks for room first.
@safe
struct LuaStack {
  private let state: OpaquePointer

  init(_ state: OpaquePointer) { unsafe self.state = state }

  /// Lua's own name of the stack, for what is asked of the interpreter.
  @unsafe var rawState: OpaquePointer { unsafe state }

  /// Number of values on the stack of the function that runs.
  var count: Int { unsafe Int(memd_lua_gettop(state)) }

  /// Has room for so many more values; false if the stack would be too deep.
  func reserve(_ count: Int) -> Bool {
    unsafe memd_lua_checkstack(state, Int32(clamping: count)) != 0
  }

  // MARK: - Pushing

  func pushNull() { unsafe memd_lua_pushnil(state) }
  func push(_ value: Bool) { unsafe memd_lua_pushboolean(state, value ? 1 : 0) }
  func push(_ value: Double) { unsafe memd_lua_pushnumber(state, value) }
  func push(_ value: Int) { unsafe memd_lua_pushnumber(state, Double(value)) }

  /// Pushes a string.
  func push(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes {
      unsafe memd_lua_pushlstring(state, $0.baseAddress, $0.count)
    }
  }

  /// Pushes a literal as a string.
  func push(_ text: StaticString) {
    unsafe memd_lua_pushlstring(state, text.utf8Start, text.utf8CodeUnitCount)
  }

  /// Pushes a string.
  @_disfavoredOverload
  func push(_ text: ByteText) { push(text.rawSpan) }

  /// Pushes what stands for JSON's null: a value that equals itself alone.
  func pushNullPointer() { unsafe memd_lua_pushlightuserdata(state, nil) }

  /// Pushes another copy of a value.
  func pushCopy(of place: Int) { unsafe memd_lua_pushvalue(state, Int32(clamping: place)) }

  /// Pushes a new table with room for elements and for fields.
  func pushTable(elements: Int = 0, fields: Int = 0) {
    // A hint, which must not become a claim on memory.
    let most = 1 << 20
    unsafe memd_lua_createtable(
      state, Int32(clamping: min(elements, most)), Int32(clamping: min(fields, most)))
  }

  /// Pushes a function of the server's.
  func pushFunction(_ function: ScriptFunction, named name: StaticString, instance: Int) {
    unsafe memd_lua_set_function(
      state, name.utf8Start.withMemoryRebound(to: CChar.self, capacity: 1) { unsafe $0 },
      function.rawValue, Int32(clamping: instance))
  }

  // MARK: - Removing

  /// Takes values from the top away.
  func pop(_ count: Int = 1) { unsafe memd_lua_pop(state, Int32(clamping: count)) }

  /// Takes everything away above a place.
  func truncate(to count: Int) { unsafe memd_lua_settop(state, Int32(clamping: count)) }

  /// Moves the value on top to another place, and those from there on up.
  func insertTop(at place: Int) { unsafe memd_lua_insert(state, Int32(clamping: place)) }

  /// Moves the value on top to the place of another one, which goes.
  func moveTop(to place: Int) { unsafe memd_lua_replace(state, Int32(clamping: place)) }

  // MARK: - Tables

  /// Makes the value on top an element of the table at `place`, which is counted with the value.
  func setElement(_ index: Int, ofTableAt place: Int) {
    unsafe memd_lua_rawseti(state, Int32(clamping: place), Int32(clamping: index))
  }

  /// Makes the value on top that of the key below it, in the table at `place`.
  func setField(ofTableAt place: Int) { unsafe memd_lua_rawset(state, Int32(clamping: place)) }

  /// Sets a field of the table on top to a text.
  func setField(_ name: StaticString, _ value: StaticString) {
    push(name)
    push(value)
    setField(ofTableAt: -3)
  }

  /// Sets a field of the table on top to a number.
  func setField(_ name: StaticString, _ value: Double) {
    push(name)
    push(value)
    setField(ofTableAt: -3)
  }

  /// Pushes a global, before they are read-only.
  func pushGlobal(_ name: StaticString) {
    push(name)
    unsafe memd_lua_rawget(state, Int32(LUA_GLOBALSINDEX))
  }

  /// Pushes an element of the table at `place`.
  func pushElement(_ index: Int, ofTableAt place: Int) {
    unsafe memd_lua_rawgeti(state, Int32(clamping: place), Int32(clamping: index))
  }

  /// Pushes a field of the table on top.
  func pushField(_ name: StaticString) {
    push(name)
    unsafe memd_lua_rawget(state, -2)
  }

  /// Replaces the key on top by the pair of key and value behind it; false, and without the key, if
  /// there is none. It begins with nil.
  func next(inTableAt place: Int) -> Bool {
    unsafe memd_lua_next(state, Int32(clamping: place)) != 0
  }

  /// Puts the table behind a read-only one in its place.
  func lookThrough(at place: Int) { unsafe memd_lua_look_through(state, Int32(clamping: place)) }

  // MARK: - Reading

  func type(at place: Int) -> LuaType {
    unsafe LuaType(rawValue: memd_lua_type(state, Int32(clamping: place))) ?? .userdata
  }

  /// What Lua calls the type of the value.
  func typeName(at place: Int) -> StaticString {
    switch type(at: place) {
    case .none: "no value"
    case .null: "nil"
    case .boolean: "boolean"
    case .lightUserdata, .userdata: "userdata"
    case .number: "number"
    case .string: "string"
    case .table: "table"
    case .function: "function"
    case .thread: "thread"
    }
  }

  /// The number at `place`, or the one that a string there spells; 0 for anything else.
  func number(at place: Int) -> Double { unsafe memd_lua_tonumber(state, Int32(clamping: place)) }

  func boolean(at place: Int) -> Bool {
    unsafe memd_lua_toboolean(state, Int32(clamping: place)) != 0
  }

  /// The table's or function's identity.
  func address(at place: Int) -> UInt {
    unsafe UInt(bitPattern: memd_lua_topointer(state, Int32(clamping: place)))
  }

  /// The bytes of the string at `place`, which last as long as it does; none for anything but
  /// strings and numbers. A number becomes a string there: not for a key that `next` goes on from.
  @_lifetime(borrow self)
  func string(at place: Int) -> RawSpan {
    var count = 0
    guard let start = unsafe memd_lua_tolstring(state, Int32(clamping: place), &count) else {
      return RawSpan()
    }
    let bytes = unsafe RawSpan(_unsafeStart: UnsafeRawPointer(start), byteCount: count)
    return unsafe _overrideLifetime(bytes, borrowing: self)
  }
}

extension LuaStack {
  /// The number at `place`, or the one that a string there spells.
  func numeral(at place: Int) -> Double? {
    let number = number(at: place)
    return number != 0 || isNumeral(at: place) ? number : nil
  }

  private func isNumeral(at place: Int) -> Bool {
    unsafe memd_lua_isnumber(state, Int32(clamping: place)) != 0
  }
}
