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
  private let lua: UnsafeMutablePointer<memd_lua>
  /// The stack on which scripts are called.
  let stack: LuaStack
  /// What has been set for JSON.
  var json = JSONLibrary()
  /// Numbers of code that can be used again.
  private var freeNumbers: [Int] = []
  private var lastNumber = 0
  private static let stepSize = 50 << 10
  /// Scripts that have run since the last step of collecting garbage.
  private var runsSinceStep = 0
  /// From so many bytes on the next step of collecting garbage is taken.
  private var nextStepAt = 0
  /// What is left when all garbage has been collected, the last time that this was done.
  private var collectedByteCount = 0

  /// - Parameter owner: whose functions scripts call; it must outlive the interpreter.
  init?(_ purpose: Purpose, owner: Server, register: (Interpreter) -> Void) {
    self.purpose = purpose
    unsafe lua = .allocate(capacity: 1)
    unsafe lua.initialize(to: memd_lua())
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

  /// Makes the table on top of the stack the global KEYS.
  func setKeys() { setGlobal(Int(MEMD_LUA_KEYS)) }

  /// Makes the table on top of the stack the global ARGV.
  func setArguments() { setGlobal(Int(MEMD_LUA_ARGV)) }

  private func setGlobal(_ name: Int) {
    stack.pushCopy(of: name)
    stack.swapTop()
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

  /// Takes a step of collecting garbage now and then: after as many scripts as Redis, but only if
  /// they have left as much as it collects. Redis spends a quarter of a short script's time on it.
  func collectStep() {
    runsSinceStep &+= 1
    guard runsSinceStep >= 50, byteCount >= nextStepAt else { return }
    runsSinceStep = 0
    unsafe _ = memd_lua_gc(lua.pointee.state, Int32(LUA_GCSTEP), Int32(Interpreter.stepSize >> 10))
    nextStepAt = byteCount + Interpreter.stepSize
  }

  /// Collects all garbage.
  func collect() {
    unsafe _ = memd_lua_gc(lua.pointee.state, Int32(LUA_GCCOLLECT), 0)
    collectedByteCount = byteCount
  }

  /// Collects garbage if a script could fail for what others have left.
  func makeRoom() {
    guard byteLimit > 0, byteCount > byteLimit / 2 else { return }
    if byteCount > collectedByteCount + collectedByteCount / 4 { collect() }
  }
}
