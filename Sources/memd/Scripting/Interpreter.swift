// SPDX-License-Identifier: Apache-2.0

import CLua
import DataStructures

/// A Lua interpreter: compiled code, memory, and the way in and out. Scripts have one, functions
/// another one, as SCRIPT FLUSH leaves these alone.
///
/// It is the C library of the distribution, found when the program starts. Debian's liblua5.1 is
/// taken before LuaJIT with its compiler switched off: that drops the caller's frame in
/// `return redis.call(...)`, so that errors of the most usual kind of script would lack the line
/// that clients are told, and its texts of errors in library functions are others; what it would
/// save is 31 % of the instructions of EVALSHA of a loop of 1,000 iterations (172,000 and 119,000)
/// and 5 % of those of ten calls (36,100 and 34,500). Both work with the allocator that counts and
/// limits memory.
///
/// Lua's errors are jumps over frames, and never over one of Swift: see `CLua.h`.
@safe
final class Interpreter {
  /// What Lua's libraries are called, the best first.
  private static let fileNames = [
    "liblua5.1.so.0", "liblua5.1.so.5.1", "liblua5.1.so", "liblua-5.1.so", "libluajit-5.1.so.2",
  ]

  /// Whether there is a library, looked for once.
  static let isAvailable: Bool = fileNames.contains { name in
    unsafe name.withCString { unsafe memd_lua_find($0) != 0 }
  }

  /// How a call of Lua ended.
  enum Outcome {
    /// Its result is on top of the stack.
    case done
    /// An error is on top of the stack.
    case failed
    /// The same; there was not enough memory.
    case outOfMemory
  }

  /// What an interpreter is for.
  enum Purpose {
    case scripts, functions

    /// What Lua calls the code in errors.
    fileprivate var codeName: String {
      switch self {
      case .scripts: "@user_script"
      case .functions: "@user_function"
      }
    }
  }

  let purpose: Purpose
  private let random: LuaRandomSequence
  private let lua: UnsafeMutablePointer<memd_lua>
  /// The stack on which scripts are called.
  let stack: LuaStack
  /// What has been set for JSON.
  var json = JSONLibrary()
  /// Numbers of code that can be used again.
  private var freeNumbers: [Int] = []
  private var lastNumber = 0
  /// Lua collects garbage when it has so many percent of what was left the last time.
  private var pause = 200
  /// What is left when all garbage has been collected, the last time that this was done.
  private var collectedByteCount = 0

  /// - Parameters:
  ///   - owner: whose functions scripts call; it must outlive the interpreter.
  ///   - random: what math.random answers.
  init?(
    _ purpose: Purpose, owner: Server, random: LuaRandomSequence,
    register: (Interpreter) -> Void
  ) {
    self.purpose = purpose
    self.random = random
    unsafe lua = .allocate(capacity: 1)
    unsafe lua.initialize(to: memd_lua())
    unsafe lua.pointee.random = random.state
    unsafe lua.pointee.owner = Unmanaged.passUnretained(owner).toOpaque()
    unsafe lua.pointee.run = { owner, state, function, instance in
      guard let owner = unsafe owner, let state = unsafe state,
        let function = ScriptFunction(rawValue: function)
      else { return 0 }
      return unsafe Unmanaged<Server>.fromOpaque(owner)._withUnsafeGuaranteedRef {
        unsafe $0.runFunction(function, LuaStack(state), instance: Int(instance)).code
      }
    }
    unsafe lua.pointee.interrupt = { owner, state in
      guard let owner = unsafe owner, let state = unsafe state else { return 0 }
      return unsafe Unmanaged<Server>.fromOpaque(owner)._withUnsafeGuaranteedRef {
        unsafe $0.interruptScript(LuaStack(state)) ? 1 : 0
      }
    }
    let isOpen = unsafe memd_lua_open(lua) != 0
    guard isOpen, let state = unsafe lua.pointee.state else {
      unsafe memd_lua_close(lua)
      unsafe lua.deallocate()
      return nil
    }
    stack = unsafe LuaStack(state)
    register(self)
    _ = unsafe memd_lua_seal(lua, purpose == .functions ? 1 : 0)
  }

  deinit {
    unsafe memd_lua_close(lua)
    unsafe lua.deallocate()
  }

  /// Bytes that Lua has.
  var byteCount: Int { unsafe Int(lua.pointee.byte_count) }

  /// Bytes that Lua may have; 0: as many as there are.
  var byteLimit: Int {
    get { unsafe Int(lua.pointee.byte_limit) }
    set { unsafe lua.pointee.byte_limit = max(0, newValue) }
  }

  /// Makes numbers fields of a library that is there.
  func add(_ constants: [(name: StaticString, value: Double)], to library: StaticString) {
    stack.pushGlobal(library)
    for constant in constants { stack.setField(constant.name, constant.value) }
    stack.pop()
  }

  /// Makes texts fields of a library that is there.
  func add(_ constants: [(name: StaticString, value: StaticString)], to library: StaticString) {
    stack.pushGlobal(library)
    for constant in constants { stack.setField(constant.name, constant.value) }
    stack.pop()
  }

  /// Makes the value that stands for JSON's null a field of a library.
  func addNullPointer(to library: StaticString, as name: StaticString) {
    stack.pushGlobal(library)
    stack.push(name)
    stack.pushNullPointer()
    stack.setField(ofTableAt: -3)
    stack.pop()
  }

  /// Makes a function of the server's a field of a library.
  func add(
    _ function: ScriptFunction, to library: StaticString, as name: StaticString, instance: Int = 0
  ) {
    unsafe library.utf8Start.withMemoryRebound(to: CChar.self, capacity: 1) { library in
      unsafe name.utf8Start.withMemoryRebound(to: CChar.self, capacity: 1) { name in
        unsafe memd_lua_add_function(lua, library, name, function.rawValue, Int32(instance))
      }
    }
  }

  // MARK: - Code

  /// Compiles code to the function that runs it; nil, and the reason on top of the stack, if it is
  /// none.
  func compile(_ text: RawSpan) -> Int? {
    let result = unsafe text.withUnsafeBytes {
      unsafe memd_lua_compile(lua, $0.baseAddress, $0.count, purpose.codeName)
    }
    return result == 0 ? keep(onTopOf: stack) : nil
  }

  /// Keeps the function on top of a stack of this interpreter's, and takes it away.
  func keep(onTopOf stack: LuaStack) -> Int {
    let number = freeNumbers.popLast() ?? (lastNumber + 1)
    lastNumber = max(lastNumber, number)
    stack.setElement(number, ofTableAt: Int(LUA_REGISTRYINDEX))
    return number
  }

  /// Forgets a function.
  func forget(_ number: Int) {
    stack.pushNull()
    stack.setElement(number, ofTableAt: Int(LUA_REGISTRYINDEX))
    freeNumbers.append(number)
  }

  /// Makes the table that `push` pushes the global KEYS.
  @inline(__always)
  func setKeys(_ push: (LuaStack) -> Void) { setGlobal(Int(MEMD_LUA_KEYS), push) }

  /// Makes the table that `push` pushes the global ARGV.
  @inline(__always)
  func setArguments(_ push: (LuaStack) -> Void) { setGlobal(Int(MEMD_LUA_ARGV), push) }

  @inline(__always)
  private func setGlobal(_ name: Int, _ push: (LuaStack) -> Void) {
    stack.pushCopy(of: name)
    push(stack)
    stack.setField(ofTableAt: Int(MEMD_LUA_GLOBALS))
  }

  /// Pushes a function; its arguments follow.
  func push(_ number: Int) { stack.pushElement(number, ofTableAt: Int(LUA_REGISTRYINDEX)) }

  /// Calls the function below so many arguments. The server is asked now and then if it may go on.
  func call(argumentCount: Int) -> Outcome {
    switch unsafe memd_lua_call(lua, Int32(argumentCount)) {
    case 0: return .done
    case 4: return .outOfMemory
    default: return .failed
    }
  }

  /// Runs the code of a library, which sees no more than it needs to register its functions.
  func load(_ number: Int) -> Outcome {
    unsafe memd_lua_show_globals(lua, Int32(MEMD_LUA_LOADING_GLOBALS))
    push(number)
    let outcome = call(argumentCount: 0)
    unsafe memd_lua_show_globals(lua, Int32(MEMD_LUA_GLOBALS))
    return outcome
  }

  /// Takes everything away that a script has left.
  func clearStack() { stack.truncate(to: Int(MEMD_LUA_ARGV)) }

  // MARK: - Garbage

  /// Has Lua collect garbage less often while it has little: most of what that costs goes into what
  /// is no garbage, the libraries. Redis spends a quarter of a short script's time on it.
  ///
  /// What a script has said of it ends with that script.
  func paceCollecting() {
    if unsafe lua.pointee.is_collector_changed != 0 { resetCollector() }
    let suitable = isSmall ? 400 : 200
    if suitable != pause { setPause(suitable) }
  }

  /// Whether Lua has so little that thrice as much of garbage is little, too.
  var isSmall: Bool { byteCount < 512 << 10 }

  @inline(never)
  private func resetCollector() {
    unsafe lua.pointee.is_collector_changed = 0
    unsafe _ = memd_lua_gc(lua.pointee.state, Int32(LUA_GCRESTART), 0)
    unsafe _ = memd_lua_gc(lua.pointee.state, Int32(LUA_GCSETSTEPMUL), 200)
    setPause(pause)
  }

  @inline(never)
  private func setPause(_ percent: Int) {
    pause = percent
    unsafe _ = memd_lua_gc(lua.pointee.state, Int32(LUA_GCSETPAUSE), Int32(clamping: percent))
  }

  /// Collects all garbage.
  func collect() {
    unsafe _ = memd_lua_gc(lua.pointee.state, Int32(LUA_GCCOLLECT), 0)
    collectedByteCount = byteCount
  }

  /// Collects all garbage if there may be much.
  func collectIfGrown() {
    if byteCount > collectedByteCount + collectedByteCount / 4 { collect() }
  }
}

/// The state of math.random, which all interpreters of a server share as Redis's do: it goes on
/// where it was when one of them is made anew.
@safe
final class LuaRandomSequence {
  fileprivate let state: UnsafeMutablePointer<UInt64>

  init() {
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(to: MEMD_LUA_FIRST_RANDOM)
  }

  deinit { unsafe state.deallocate() }
}
