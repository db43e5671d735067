// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that look into sketches, and a test of the estimator on the running machine.
enum HyperLogLogDebugging: CommandFamily {
  static let group = CommandGroup.hyperloglog

  static let commands: [Command] = [
    Command(
      "pfdebug", [.write, .denyOOM, .admin, .system], keys: [.key(2, [.readWrite, .access])],
      [.string("subcommand"), .key()], since: "2.8.9", complexity: "N/A",
      summary: "Shows what is inside a HyperLogLog: `GETREG`, `DECODE`, `ENCODING`, `TODENSE`.",
      handler: pfdebug),
    Command(
      "pfselftest", [.admin, .system], since: "2.8.9", complexity: "N/A",
      summary: "Tests registers and estimates of HyperLogLogs.", handler: pfselftest),
  ]

  // MARK: - PFDEBUG

  static func pfdebug(_ call: inout Call) throws(CommandError) {
    let key = call.key(2)
    guard let string = try call.database.stringForWriting(key) else {
      throw CommandError("ERR The specified key does not exist")
    }
    _ = try string.value.sketch
    switch call.keyword(1) {
    case Keyword("getreg"): replyRegisters(try makeDense(string, key, call).value, call)
    case Keyword("decode"): try replyRuns(string.value, call)
    case Keyword("encoding"):
      call.reply.status(try string.value.sketch.isSparse ? "sparse" : "dense")
    case Keyword("todense"):
      let wasSparse = try string.value.sketch.isSparse
      _ = try makeDense(string, key, call)
      call.reply.integer(wasSparse ? 1 : 0)
    default:
      throw call.failure("ERR Unknown PFDEBUG subcommand '\(echo: call.arguments[1])'")
    }
  }

  /// The sketch in its dense form; followers change theirs, too.
  @_lifetime(copy key)
  private static func makeDense(
    _ string: WritableString, _ key: Key, _ call: borrowing Call
  ) throws(CommandError) -> SketchEditor {
    var sketch = try HyperLogLogCommands.editor(string, key, call)
    if try sketch.makeDense() { call.effects.countChanges(1) }
    return sketch
  }

  private static func replyRegisters(_ value: StringValue, _ call: borrowing Call) {
    guard let sketch = HyperLogLog(value.stored) else { return assertionFailure("no sketch") }
    call.reply.array(HyperLogLog.registerCount)
    for register in 0..<HyperLogLog.registerCount {
      call.reply.integer(Int(sketch.denseRegister(register)))
    }
  }

  private static func replyRuns(
    _ value: StringValue, _ call: borrowing Call
  ) throws(CommandError) {
    let sketch = try value.sketch
    guard sketch.isSparse else { throw CommandError("ERR HLL encoding is not sparse") }
    call.reply.bulk(sketch.runsDescription)
  }

  // MARK: - PFSELFTEST

  static func pfselftest(_ call: inout Call) throws(CommandError) {
    var random = RandomGenerator(seed: call.server.keyspace.random.next())
    if let failure = HyperLogLogSelfTest.failure(
      sparseByteCountMax: call.server.configuration.hllSparseMaxBytes, using: &random)
    {
      throw call.failure("ERR TESTFAILED \(failure)")
    }
    call.reply.ok()
  }
}
