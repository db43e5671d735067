// SPDX-License-Identifier: Apache-2.0

import CLua

/// How long a value is converted, from Lua to something else or the other way, before it is asked
/// whether that may go on.
///
/// A table can be in itself, or in another one more than once: what is made of it may double with
/// every level, for ever. And from bytes that say little, much can be made. So whoever goes through
/// values says what each of them costs. When that is enough, others are answered if the script has
/// taken long, and Lua's memory is compared with its limit, together with what was made.
///
/// Where a conversion breaks off, whatever the function answers that the script has called, it
/// fails: with "not enough memory", or with the error of SCRIPT KILL.
struct LuaPatience {
  /// Goes down by the cost of what is done; some ten thousand take a tenth of a millisecond.
  private var left = LuaPatience.costBetweenQuestions
  /// It was asked, and the answer was no.
  private(set) var isOver = false

  /// What a value costs, apart from its bytes.
  static let costOfValue = 16
  private static let costBetweenQuestions = 32 << 10

  /// Whether it may go on.
  ///
  /// - Parameters:
  ///   - cost: bytes of what comes next, or other steps.
  ///   - byteCount: what has been made so far, and will be Lua's or takes its place.
  @inline(__always)
  mutating func spend(_ cost: Int, made byteCount: Int = 0, _ stack: LuaStack) -> Bool {
    left &-= cost
    return left > 0 || ask(made: byteCount &+ cost, stack)
  }

  @inline(never)
  private mutating func ask(made byteCount: Int, _ stack: LuaStack) -> Bool {
    left = LuaPatience.costBetweenQuestions
    if !isOver { isOver = !stack.mayGoOn(byteCount: byteCount) }
    if isOver { left = 0 }
    return !isOver
  }
}

extension LuaStack {
  /// Whether what runs may go on, and may have so many bytes more. If not, the function that a
  /// script has called fails when it returns. Garbage is collected: weak tables may lose elements.
  fileprivate func mayGoOn(byteCount: Int) -> Bool {
    unsafe memd_lua_may_go_on(rawState, byteCount) != 0
  }

  /// Whether Lua may have so many bytes more; the same as for whether it may go on.
  func hasRoom(byteCount: Int) -> Bool { unsafe memd_lua_has_room(rawState, byteCount) != 0 }
}
