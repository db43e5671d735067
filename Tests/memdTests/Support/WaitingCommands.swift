// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

@testable import memd

/// Blocking commands on strings, for tests of blocking alone.
///
/// `TAKE key [key ...] timeout` removes the first of the keys that exists and answers key and
/// value. `HAND source target timeout` moves a value. `PEEK key timeout` reads a value that is not
/// empty, and wants to know of removals: then it answers an error.
enum WaitingCommands: CommandFamily {
  static let group = CommandGroup.generic

  static let commands: [Command] = [
    Command(
      "take", [.write, .blocking], keys: [.keys(from: 1, except: 1, .readWrite)],
      [.key().repeated, .double("timeout")], effect: .rewritten("DEL"), since: "0.0.0",
      summary: "Takes a value.", handler: take),
    Command(
      "hand", [.write, .blocking], keys: [.key(1, .readWrite), .key(2, .readWrite)],
      [.key(), .key(), .double("timeout")], effect: .rewritten("RENAME"), since: "0.0.0",
      summary: "Hands a value on.", handler: hand),
    Command(
      "peek", [.readonly, .blocking], keys: [.key(1, .readOnly)],
      [.key(), .double("timeout")], since: "0.0.0",
      summary: "Reads a value, or hears that it has gone.", handler: peek),
  ]

  static func take(_ call: inout Call) throws(CommandError) {
    let last = call.arguments.count - 1
    let timeout = try call.timeout(last)
    for index in 1..<last {
      let key = call.key(index)
      guard let value = try call.database.stringForWriting(key) else { continue }
      call.reply.array(2)
      call.reply.bulk(key.bytes)
      call.reply.bulk(value.value)
      _ = call.database.remove(key)
      call.changed(key, .delete)
      call.effects.rewrite("DEL", argumentCount: 1)
      call.effects.append(key.bytes)
      return
    }
    call.block(
      keys: 1..<last, type: .string, timeoutMilliseconds: timeout, onTimeout: .nullArray)
  }

  static func hand(_ call: inout Call) throws(CommandError) {
    let timeout = try call.timeout(3)
    let source = call.key(1)
    let target = call.key(2)
    guard let value = try call.database.stringForWriting(source) else {
      return call.block(
        keys: 1...1, type: .string, timeoutMilliseconds: timeout, onTimeout: .null)
    }
    call.reply.bulk(value.value)
    _ = call.database.remove(target)
    call.database.rename(source, to: target)
    call.changed(source, .renameFrom)
    call.changed(target, .renameTo)
    call.effects.rewrite("RENAME", argumentCount: 2)
    call.effects.append(source.bytes)
    call.effects.append(target.bytes)
  }

  static func peek(_ call: inout Call) throws(CommandError) {
    let timeout = try call.timeout(2)
    let key = call.key(1)
    if let value = try call.database.string(key), !value.text.isEmpty {
      return call.reply.bulk(value)
    }
    if call.client.blocking != nil, call.database.find(key) == nil { throw .noSuchKey }
    call.block(
      keys: 1...1, type: .string, timeoutMilliseconds: timeout, onTimeout: .null,
      wakesOnRemoval: true)
  }

  /// A server that knows these commands besides all others.
  static func server(configure: (Configuration) -> Void = { _ in }) -> TestServer {
    TestServer(
      families: unsafe CommandTable.families + [WaitingCommands.self], configure: configure)
  }
}

extension StringValue {
  fileprivate var text: String {
    var scratch = DecimalScratch()
    return text(&scratch).text
  }
}
