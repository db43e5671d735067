// SPDX-License-Identifier: Apache-2.0

import DataStructures

@testable import memd

// Scripts, libraries of functions, and what they are found by. There are few of them, so that most
// digests and names lead to one.

extension RequestMaker {
  /// A word that is about scripts or functions.
  mutating func scriptWord(_ meaning: ArgumentMeaning) -> [UInt8] {
    switch meaning {
    case .script: return Array(script().utf8)
    case .scriptDigest: return scriptDigest()
    case .libraryCode: return Array(libraryCode().utf8)
    case .libraryName: return Array(dice.pick(["a", "b", "a", "c", "nosuch", "*"]).utf8)
    case .functionName: return Array(dice.pick(["f", "g", "F", "r", "w", "nosuch"]).utf8)
    default: return libraryPayload()
    }
  }

  private static let scripts = [
    "return redis.pcall('get', KEYS[1] or 'k1')",
    "redis.pcall('set', KEYS[1] or 'k1', ARGV[1] or 1)",
    "return redis.pcall('del', KEYS[1] or 'k2')", "return {KEYS, ARGV}",
    "return redis.call('incr', 'k3')",
    "#!lua flags=no-writes\nreturn redis.pcall('type', KEYS[1] or 'k1')", "return",
    "for i = 1, 9 do redis.pcall('rpush', KEYS[1] or 'k4', i) end return redis.call('time')",
    "redis.set_repl(redis.REPL_ALL) return redis.pcall('spop', KEYS[1] or 'k5')",
    "#!lua flags=allow-oom,allow-stale\nreturn redis.pcall('append', KEYS[1] or 'k1', 'x')",
    "redis.setresp(3) return redis.pcall('hgetall', KEYS[1] or 'k1')", "error('x')", "return +",
    "return redis.pcall('expire', KEYS[1] or 'k1', 1)", "return cjson.encode({KEYS, ARGV})",
    "redis.call('lpush', 'k6', 'x') return redis.call('nosuch')", "#!lua flags=x\nreturn 1",
  ]

  private mutating func script() -> String { dice.pick(RequestMaker.scripts) }

  private mutating func scriptDigest() -> [UInt8] {
    if dice.happens(10) { return Array(repeating: UInt8(ascii: "a"), count: 40) }
    return ScriptDigest(of: Array(script().utf8).rawSpan).hex.bytes
  }

  private mutating func libraryCode() -> String {
    let name = dice.pick(["a", "a", "b", "c"])
    let body = dice.pick([
      "return redis.pcall('get', keys[1] or 'k1')", "return {keys, args}",
      "n = n + 1 return redis.call('set', 'k1', n)", "return redis.pcall('del', keys[1] or 'k2')",
      "error('x')", "return redis.register_function('x', function() end)",
    ])
    let functions = dice.pick([
      "redis.register_function('f', f)",
      "redis.register_function{function_name = 'r', callback = f, flags = {'no-writes'}}",
      "redis.register_function('f', f) redis.register_function('g', f)",
      "redis.register_function{function_name = 'w', callback = f, flags = {'allow-oom'},"
        + " description = 'd'}",
      "error('x')", "redis.register_function('f', f) redis.register_function('f', f)", "",
    ])
    let head = dice.happens(95) ? "#!lua name=\(name)" : dice.pick(["", "#!lua", "#!x name=a"])
    return "\(head)\nlocal n = 0 local f = function(keys, args) \(body) end \(functions)"
  }

  private mutating func libraryPayload() -> [UInt8] {
    let libraries = view.server.scripting.libraries.libraries
    var payload = LibraryPayload.make(of: libraries, compresses: dice.happens(50))
    if dice.happens(10) { payload[dice.below(payload.count)] ^= 1 }
    return payload
  }
}
