// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// Subcommands of DEBUG about the server, its timers and its protocol.
enum DebugServer {
  static let subcommands: [DebugCommands.Subcommand] = [
    DebugCommands.Subcommand(
      name: "change-repl-id", counts: 2...2,
      help: [
        "CHANGE-REPL-ID",
        "    Draws a new replication id.",
        "    For tests: followers have to start over.",
      ], handler: changeReplicationID),
    DebugCommands.Subcommand(
      name: "config-rewrite-force-all", counts: 2...2,
      help: [
        "CONFIG-REWRITE-FORCE-ALL",
        "    Like CONFIG REWRITE, but write all options, also those that have their default.",
      ], handler: rewriteWholeConfiguration),
    DebugCommands.Subcommand(
      name: "error", counts: 3...3,
      help: [
        "ERROR <string>",
        "    Answers an error with <string> as message. Useful for clients'",
        "    unit tests to simulate errors.",
      ], handler: replyError),
    DebugCommands.Subcommand(
      name: "log", counts: 3...3,
      help: [
        "LOG <message>",
        "    Puts <message> into the log.",
      ], handler: writeLog),
    DebugCommands.Subcommand(
      name: "pause-cron", counts: 3...3,
      help: [
        "PAUSE-CRON <0|1>",
        "    Stops the periodic chores, or lets them go on.",
      ], handler: pauseCron),
    DebugCommands.Subcommand(
      name: "protocol", counts: 3...3,
      help: [
        "PROTOCOL <type>",
        "    Answers an example of a type of reply: string,",
        "    integer, double, bignum, null, array, set, map, attrib, push, verbatim,",
        "    true, false.",
      ], handler: DebugProtocol.reply),
    DebugCommands.Subcommand(
      name: "replybuffer", counts: 4...4,
      help: [
        "REPLYBUFFER PEAK-RESET-TIME <NEVER||RESET|time>",
        "    Accepted: buffers come from a pool and have no peaks to reset.",
        "REPLYBUFFER RESIZING <0|1>",
        "    Accepted: buffers come from a pool and are not resized.",
      ], handler: replyBuffer),
    DebugCommands.Subcommand(
      name: "replicate", counts: 3...Int.max,
      help: [
        "REPLICATE <command> [<arg> ...]",
        "    Sends a command to followers, whatever it is, and to nobody else.",
      ], handler: replicate),
    DebugCommands.Subcommand(
      name: "set-active-expire", counts: 3...3,
      help: [
        "SET-ACTIVE-EXPIRE <0|1>",
        "    Setting it to 0 disables removing due keys that nobody accesses.",
        "    Setting it to 1 enables it again.",
      ], handler: setActiveExpire),
    DebugCommands.Subcommand(
      name: "set-disable-deny-scripts", counts: 3...3,
      help: [
        "SET-DISABLE-DENY-SCRIPTS <0|1>",
        "    Setting it to 1 lets scripts call DEBUG.",
      ], handler: setScriptsMayDebug),
    DebugCommands.Subcommand(
      name: "sleep", counts: 3...3,
      help: [
        "SLEEP <seconds>",
        "    Does nothing for so many seconds; fractions count.",
      ], handler: sleep),
  ]

  static func sleep(_ call: inout Call) throws(CommandError) {
    let seconds = DoubleText.parse(call.arguments[2]) ?? 0
    call.server.clock.sleep(nanoseconds: Int64(max(0, min(seconds, 1e6)) * 1e9))
    call.reply.ok()
  }

  static func setActiveExpire(_ call: inout Call) throws(CommandError) {
    call.server.configuration.activeExpireEnabled = call.looseInteger(2) != 0
    call.reply.ok()
  }

  /// Compatibility: in Redis scripts may then call whatever they may not otherwise, which suits
  /// nobody; its tests want DEBUG PROTOCOL.
  static func setScriptsMayDebug(_ call: inout Call) throws(CommandError) {
    call.server.scripting.mayDebug = call.looseInteger(2) != 0
    call.reply.ok()
  }

  static func rewriteWholeConfiguration(_ call: inout Call) throws(CommandError) {
    try ConfigCommands.rewrite(&call, writesDefaults: true)
  }

  static func pauseCron(_ call: inout Call) throws(CommandError) {
    call.server.cron.isPaused = call.looseInteger(2) != 0
    call.reply.ok()
  }

  static func replyBuffer(_ call: inout Call) throws(CommandError) {
    switch FoldedName(folding: call.arguments[2]) {
    case FoldedName("resizing"): break
    case FoldedName("peak-reset-time"):
      switch call.keyword(3) {
      case Keyword("never"), Keyword("reset"): break
      default: _ = try call.integer(3)
      }
    default: throw call.subcommandFailure("DEBUG")
    }
    call.reply.ok()
  }

  static func writeLog(_ call: inout Call) throws(CommandError) {
    call.server.log.warning("DEBUG LOG: \(call.arguments[2].logText())")
    call.reply.ok()
  }

  static func replyError(_ call: inout Call) throws(CommandError) {
    throw call.failure(ByteText(call.arguments[2]))
  }

  static func replicate(_ call: inout Call) throws(CommandError) {
    guard call.server.following == nil else {
      throw CommandError("ERR A replica has no stream of its own")
    }
    var writer = CommandWriter()
    writer.begin(argumentCount: call.arguments.count - 2)
    for index in 2..<call.arguments.count { writer.append(call.arguments[index]) }
    call.effects.tellFollowersAlone(writer.bytes)
    call.reply.ok()
  }

  static func changeReplicationID(_ call: inout Call) throws(CommandError) {
    call.server.log.warning("A new replication id was asked for by DEBUG CHANGE-REPL-ID")
    var random = RandomGenerator(seed: call.moment.random.next())
    call.server.effects.stream.rename(Identity.make(&random))
    call.reply.ok()
  }
}

/// Replies of all types that the protocol has, for clients' tests.
enum DebugProtocol {
  static func reply(_ call: inout Call) throws(CommandError) {
    switch call.keyword(2) {
    case Keyword("string"): call.reply.bulk("Hello World")
    case Keyword("integer"): call.reply.integer(12345)
    case Keyword("double"): call.reply.double(3.141)
    case Keyword("bignum"): call.reply.bigNumber("1234567999999999999999999999999999999")
    case Keyword("null"): call.reply.null()
    case Keyword("array"):
      call.reply.array(3)
      for number in 0..<3 { call.reply.integer(number) }
    case Keyword("set"):
      call.reply.set(3)
      for number in 0..<3 { call.reply.integer(number) }
    case Keyword("map"):
      call.reply.map(3)
      for number in 0..<3 {
        call.reply.integer(number)
        call.reply.boolean(number == 1)
      }
    case Keyword("attrib"): replyAttribute(call)
    case Keyword("push"): try replyPush(call)
    case Keyword("verbatim"): call.reply.verbatim("This is a verbatim\nstring", format: "txt")
    case Keyword("true"): call.reply.boolean(true)
    case Keyword("false"): call.reply.boolean(false)
    default:
      throw CommandError(
        """
        ERR Wrong protocol type name. Please use one of the following: string|integer|double|\
        bignum|null|array|set|map|attrib|push|verbatim|true|false
        """)
    }
  }

  private static func replyAttribute(_ call: borrowing Call) {
    if call.client.version == .resp3 {
      call.reply.attribute(1)
      call.reply.bulk("key-popularity")
      call.reply.array(2)
      call.reply.bulk("key:123")
      call.reply.integer(90)
    }
    call.reply.bulk("Some real reply following the attribute")
  }

  private static func replyPush(_ call: borrowing Call) throws(CommandError) {
    guard call.client.version == .resp3 else {
      throw CommandError("ERR RESP2 is not supported by this command")
    }
    call.reply.push(2)
    call.reply.bulk("server-cpu-usage")
    call.reply.integer(42)
    call.reply.bulk("Some real reply following the push reply")
  }
}
