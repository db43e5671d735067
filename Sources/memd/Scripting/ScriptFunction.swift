// SPDX-License-Identifier: Apache-2.0

import CLua

/// The functions of the server that scripts can call; numbers are what Lua knows them by.
enum ScriptFunction: Int32 {
  case call, protectedCall, errorReply, statusReply, sha1hex, log, setProtocol, setPropagation
  case checkAccess, breakpoint, debug, replicateCommands, registerFunction
  case jsonEncode, jsonDecode, jsonNew, jsonSparse, jsonEncodeDepth, jsonDecodeDepth, jsonPrecision
  case jsonKeepBuffer, jsonEncodeInvalid, jsonDecodeInvalid
  case messagePack, messageUnpack, messageUnpackOne, messageUnpackLimit
  case structPack, structUnpack, structSize
}

/// How a function that a script has called ends.
enum ScriptOutcome {
  /// With so many results on top of the stack.
  case results(Int)
  /// With the error on top of the stack.
  case raise
  /// With the text on top of the stack, to which the place of the call is added.
  case raiseHere
  /// The text on top of the stack tells what is wrong with the argument whose number is below.
  case raiseArgument

  var code: Int32 {
    switch self {
    case .results(let count): Int32(clamping: count)
    case .raise: Int32(MEMD_LUA_RAISE)
    case .raiseHere: Int32(MEMD_LUA_RAISE_HERE)
    case .raiseArgument: Int32(MEMD_LUA_RAISE_ARGUMENT)
    }
  }
}
