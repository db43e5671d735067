// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// HOTKEYS: which keys cost most time and most bytes.
enum HotKeysCommands: CommandFamily {
  static let group = CommandGroup.server

  private static let flags: CommandFlags = [.admin, .noScript]

  static let commands: [Command] = [
    Command(
      "hotkeys", [], subcommands: subcommands, since: "8.6.0",
      complexity: "Depends on subcommand.",
      summary: "A container for commands about the keys that cost most.", help: help,
      handler: showHelp)
  ]

  private static let subcommands: [Command] = [
    Command(
      "get", flags, since: "8.6.0",
      complexity: "O(K log K) where K is the COUNT of the session",
      summary: "Shows the keys that cost most.", handler: get),
    Command(
      "help", [.loading, .stale], since: "8.6.0", complexity: "O(1)",
      summary: "Explains the subcommands.", handler: showHelp),
    Command(
      "reset", flags, since: "8.6.0", complexity: "O(K) where K is the COUNT of the session",
      summary: "Forgets the last session.", handler: reset),
    Command(
      "start", flags,
      [
        .block(
          "metrics",
          [.integer("count"), .token("CPU", "cpu").optional, .token("NET", "net").optional]
        ).after("METRICS"),
        .integer("k").after("COUNT").optional,
        .integer("seconds").after("DURATION").optional,
        .integer("ratio").after("SAMPLE").optional,
        .block("slots", [.integer("count"), .integer("slot").repeated]).after("SLOTS").optional,
      ],
      since: "8.6.0", complexity: "O(1)", summary: "Begins to measure what keys cost.",
      arity: -2, handler: start),
    Command(
      "stop", flags, since: "8.6.0", complexity: "O(1)", summary: "Ends measuring.",
      handler: stop),
  ]

  private static let help: [StaticString] = [
    "START METRICS <count> [CPU] [NET] [COUNT <k>] [DURATION <seconds>] [SAMPLE <ratio>]",
    "      [SLOTS <count> <slot> ...]",
    "    Begin to measure what keys cost: time (CPU), bytes of requests and replies (NET).",
    "    COUNT     shows so many keys (1 to 64, default: 10)",
    "    DURATION  ends by itself (default: goes on until STOP)",
    "    SAMPLE    looks at one command of <ratio> (default: at all)",
    "    SLOTS     keys of these slots only; in a cluster",
    "STOP",
    "    End measuring. GET still shows what was found.",
    "GET",
    "    Answers the keys that cost most, and what all keys cost.",
    "RESET",
    "    Forget what was found, behind STOP.",
  ]

  static func showHelp(_ call: inout Call) throws(CommandError) {
    call.writeHelp("HOTKEYS", help)
  }

  // MARK: - START

  static func start(_ call: inout Call) throws(CommandError) {
    call.server.endHotKeysInTime()
    if call.server.metrics.hotKeys.session?.isActive == true {
      throw CommandError("ERR hotkey tracking session already in progress")
    }
    guard call.arguments.count >= 4, Keyword("metrics") ~= call.keyword(2) else {
      throw CommandError("ERR METRICS parameter is required")
    }
    var plan = HotKeys.Plan()
    let index = try readMetrics(of: call, &plan)
    try readOptions(of: call, from: index, &plan)
    call.server.startHotKeys(plan)
    call.reply.ok()
  }

  /// Reads how many metrics there are, and which.
  ///
  /// Compatibility: words that name none are passed over as long as one does.
  ///
  /// - Returns: the index of what follows them.
  private static func readMetrics(
    of call: borrowing Call, _ plan: inout HotKeys.Plan
  ) throws(CommandError) -> Int {
    let count = try call.integer(
      3, in: 1...2, orThrow: CommandError("ERR METRICS count must be > 0 and <= 2"))
    let end = min(4 + count, call.arguments.count)
    for index in 4..<end {
      switch call.keyword(index) {
      case Keyword("cpu"):
        if plan.measuresTime {
          throw CommandError("ERR METRICS CPU defined more than once!")
        }
        plan.measuresTime = true
      case Keyword("net"):
        if plan.measuresBytes {
          throw CommandError("ERR METRICS NET defined more than once!")
        }
        plan.measuresBytes = true
      default: break
      }
    }
    guard end == 4 + count else {
      throw CommandError("ERR METRICS count does not match number of metric types provided")
    }
    guard plan.measuresTime || plan.measuresBytes else {
      throw CommandError("ERR METRICS no valid metrics passed. Supported: CPU|NET")
    }
    return end
  }

  private static func readOptions(
    of call: borrowing Call, from first: Int, _ plan: inout HotKeys.Plan
  ) throws(CommandError) {
    var index = first
    while index < call.arguments.count {
      guard index + 1 < call.arguments.count else { throw .syntax }
      switch call.keyword(index) {
      case Keyword("count"):
        plan.count = try call.integer(
          index + 1, in: 1...64, orThrow: CommandError("ERR COUNT must be between 1 and 64"))
      case Keyword("duration"):
        plan.seconds = try call.integer(
          index + 1, in: 1...1_000_000,
          orThrow: CommandError("ERR DURATION must be between 1 and 1000000"))
      case Keyword("sample"):
        plan.sampleRatio = try call.integer(
          index + 1, in: .positive32, orThrow: CommandError("ERR SAMPLE ratio must be positive"))
      case Keyword("slots"):
        throw CommandError("ERR SLOTS parameter cannot be used in non-cluster mode")
      default: throw .syntax
      }
      index += 2
    }
  }

  // MARK: - STOP, RESET

  static func stop(_ call: inout Call) throws(CommandError) {
    call.server.endHotKeysInTime()
    guard call.server.metrics.hotKeys.session?.isActive == true else { return call.reply.null() }
    call.server.stopHotKeys()
    call.reply.ok()
  }

  static func reset(_ call: inout Call) throws(CommandError) {
    call.server.endHotKeysInTime()
    if call.server.metrics.hotKeys.session?.isActive == true {
      throw CommandError("ERR hotkey tracking session in progress, stop tracking first")
    }
    call.server.metrics.hotKeys.session = nil
    call.reply.ok()
  }

  // MARK: - GET

  static func get(_ call: inout Call) throws(CommandError) {
    call.server.endHotKeysInTime()
    guard let session = call.server.metrics.hotKeys.session else { return call.reply.null() }
    // Compatibility: an array, so that those of several nodes can be put together.
    call.reply.array(1)
    call.reply.map(7 + (session.times == nil ? 0 : 3) + (session.bytes == nil ? 0 : 2))
    call.writeField("tracking-active", session.isActive ? 1 : 0)
    call.writeField("sample-ratio", session.plan.sampleRatio)
    call.reply.bulk("selected-slots")
    // All of them, as one range.
    call.reply.array(1)
    call.reply.array(2)
    call.reply.integer(0)
    call.reply.integer(16383)
    call.writeField("all-commands-all-slots-us", session.totalNanoseconds / 1000)
    call.writeField("net-bytes-all-commands-all-slots", session.totalBytes)
    call.writeField("collection-start-time-unix-ms", Int(session.startedAt))
    let duration = session.duration ?? (call.server.moment.milliseconds - session.startedAt)
    call.writeField("collection-duration-ms", Int(max(0, duration)))
    if session.times != nil {
      let now = ProcessFacts.processorTime(of: .process)
      let start = session.processorTime
      call.writeField(
        "total-cpu-time-user-ms", Int(now.userMicroseconds - start.userMicroseconds) / 1000)
      call.writeField(
        "total-cpu-time-sys-ms", Int(now.systemMicroseconds - start.systemMicroseconds) / 1000)
    }
    if let bytes = session.bytes { call.writeField("total-net-bytes", bytes.total) }
    if let times = session.times {
      call.write(times.heaviest(session.plan.count), dividedBy: 1000, as: "by-cpu-time-us")
    }
    if let bytes = session.bytes {
      call.write(bytes.heaviest(session.plan.count), dividedBy: 1, as: "by-net-bytes")
    }
  }
}

extension Call {
  /// An argument as a number of a range.
  fileprivate func integer(
    _ index: Int, in range: ClosedRange<Int>, orThrow error: CommandError
  ) throws(CommandError) -> Int {
    let value = try integer(index, orThrow: error)
    guard range.contains(value) else { throw error }
    return value
  }

  fileprivate func writeField(_ name: StaticString, _ value: Int) {
    reply.bulk(name)
    reply.integer(value)
  }

  /// Writes keys and what they cost; those that cost less than one unit are not worth showing.
  fileprivate func write(
    _ items: [SpaceSaving.Item], dividedBy unit: Int, as name: StaticString
  ) {
    let shown = items.prefix { $0.weight >= unit }
    reply.bulk(name)
    reply.array(2 * shown.count)
    for item in shown {
      reply.bulk(item.name.rawSpan)
      reply.integer(item.weight / unit)
    }
  }
}
