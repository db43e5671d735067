// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// Scripts and functions, and the one that runs.
///
/// A script is an execution unit, as EXEC is: `Server+Scripts` has its way from EVAL to the reply,
/// `Server+ScriptCalls` what happens when it calls a command, `Server+BusyScript` what others hear
/// of one that takes long. Functions run the same way; `Functions/` has their libraries.
final class Scripting {
  let cache = ScriptCache()
  /// What math.random answers next, to scripts and to functions.
  let randomSequence = LuaRandomSequence()
  /// Made for the first script, as most servers never see one.
  var interpreter: Interpreter?
  /// Functions that can be called.
  var libraries = LibrarySet()
  /// Made for the first library.
  var functionInterpreter: Interpreter?
  /// The library that is being loaded.
  var load: LibraryLoad?
  /// Scripts that were forgotten because there were too many.
  var evictedCount = 0

  /// Scripts may call DEBUG.
  var mayDebug = false

  /// What runs, and in which interpreter.
  var run = ScriptRun()
  /// Who executes the commands of scripts: it has no connection, and replies are read from it.
  let client: Client
  /// Words of the command that a script calls.
  var words = ScriptWords()
  /// Parts of a turn inside the turn, while a script takes long.
  var nestedTurn: NestedTurn?
  /// Others are answered, in the midst of a unit that isn't theirs.
  var isServingOthers = false
  /// Signals that have come while a script took long.
  var postponedSignals: [Int32] = []

  init(database: Database, now: Int64) {
    client = Client(
      id: 0, connection: .none, address: "lua", localAddress: "", now: now, database: database)
    client.flags.insert(.script)
    // Nothing may wait in the midst of a script.
    client.transaction.isExecuting = true
  }

  /// Bytes of the interpreter of scripts.
  var interpreterByteCount: Int { interpreter?.byteCount ?? 0 }
  /// Bytes of the interpreter of functions.
  var functionInterpreterByteCount: Int { functionInterpreter?.byteCount ?? 0 }

  /// Bytes of both interpreters.
  var allInterpretersByteCount: Int { interpreterByteCount + functionInterpreterByteCount }

  /// Bytes of interpreters and texts.
  var byteCount: Int { allInterpretersByteCount + cache.byteCount + libraries.byteCount }

  /// Gives an interpreter, which is about to run, what is left of the memory that both may have,
  /// after the garbage has gone if there may be too little. The other one rests meanwhile.
  ///
  /// - Parameter limit: bytes; 0: as many as there are.
  func share(_ limit: Int, with interpreter: Interpreter) {
    guard limit > 0 else {
      interpreter.byteLimit = 0
      return
    }
    if allInterpretersByteCount > limit / 2 { collectGarbage() }
    interpreter.byteLimit = max(1, limit - (allInterpretersByteCount - interpreter.byteCount))
  }

  @inline(never)
  private func collectGarbage() {
    interpreter?.collectIfGrown()
    functionInterpreter?.collectIfGrown()
  }
}

/// A script or function under way. Nothing here is owned, as whoever runs it holds it all.
struct ScriptRun {
  /// What runs; nil if nothing does.
  unowned(unsafe) var procedure: Procedure?
  /// Where it runs.
  unowned(unsafe) var interpreter: Interpreter?
  /// Whether that is a function of a library.
  var isFunction = false
  /// Who has asked for it: it lives until the end of its last turn.
  unowned(unsafe) var caller: Client?
  /// The caller caches what it reads.
  var isTracked = false
  /// The caller's request, which is there as long as it runs.
  var request: Arguments?
  /// Reading of the cycle counter at its start.
  var startedAt: UInt64 = 0
  /// It must not change anything.
  var isReadOnly = false
  /// Bytes that the words of a command may have.
  var wordsLimit = 0
  /// Memory was over its limit when it began, and it hasn't said that it may run all the same.
  var lacksMemory = false
  /// It has called a command that writes: from now on nothing but an error ends it.
  var hasWritten = false
  /// Whether others hear of what it changes (redis.set_repl).
  var propagates = true
  /// It has taken longer than `busy-reply-threshold`.
  var isSlow = false
  /// SCRIPT KILL or FUNCTION KILL has asked for its end.
  var isKilled = false
  /// The log says so.
  var isKillLogged = false
}
