// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// LATENCY: spikes that the monitor has seen, and how long commands take.
enum LatencyCommands: CommandFamily {
  static let group = CommandGroup.server

  private static let flags: CommandFlags = [.admin, .noScript, .loading, .stale]
  private static let tips: [StaticString] = [
    "nondeterministic_output", "request_policy:all_nodes", "response_policy:special",
  ]

  static let commands: [Command] = [
    Command(
      "latency", [], subcommands: subcommands, since: "2.8.13",
      complexity: "Depends on subcommand.",
      summary: "A container for commands that explain latency.", help: help, handler: showHelp)
  ]

  private static let subcommands: [Command] = [
    Command(
      "doctor", flags, tips: tips, since: "2.8.13", complexity: "O(1)",
      summary: "Reports on latency in words.", handler: doctor),
    Command(
      "graph", flags, [.string("event")], tips: tips, since: "2.8.13", complexity: "O(1)",
      summary: "Draws the spikes of an event.", handler: graph),
    Command(
      "help", [.loading, .stale], since: "2.8.13", complexity: "O(1)",
      summary: "Explains the subcommands.", handler: showHelp),
    Command(
      "histogram", flags, [.string("command").optional.repeated], tips: tips, since: "7.0.0",
      complexity:
        "O(N) where N is the number of commands with latency information being retrieved.",
      summary: "Shows the distribution of durations of some or all commands.",
      handler: histogram),
    Command(
      "history", flags, [.string("event")], tips: tips, since: "2.8.13", complexity: "O(1)",
      summary: "Lists the spikes of an event.", handler: history),
    Command(
      "latest", flags, tips: tips, since: "2.8.13", complexity: "O(1)",
      summary: "Shows the latest spike of each event.", handler: latest),
    Command(
      "reset", flags, [.string("event").optional.repeated],
      tips: ["request_policy:all_nodes", "response_policy:all_succeeded"], since: "2.8.13",
      complexity: "O(1)", summary: "Forgets the spikes of some or all events.", handler: reset),
  ]

  private static let help: [StaticString] = [
    "DOCTOR",
    "    Answers a report on latency for people.",
    "GRAPH <event>",
    "    Answers a graph of the latency of <event>.",
    "HISTORY <event>",
    "    Answers the times and durations of <event>'s spikes.",
    "LATEST",
    "    Answers the latest spike of all events.",
    "RESET [<event> ...]",
    "    Forget the spikes of one or more events.",
    "    (default: those of all events)",
    "HISTOGRAM [COMMAND ...]",
    "    Answers the cumulative distribution of durations of the named commands.",
    "    Without names, those of all commands are returned.",
  ]

  static func showHelp(_ call: inout Call) throws(CommandError) {
    call.writeHelp("LATENCY", help)
  }

  // MARK: - Spikes

  static func latest(_ call: inout Call) throws(CommandError) {
    let series = call.server.metrics.latency.series
    call.reply.array(series.count)
    for event in series {
      call.reply.array(4)
      call.reply.bulk(event.event)
      call.reply.integer(Int(event.samples.last?.time ?? 0))
      call.reply.integer(event.samples.last?.milliseconds ?? 0)
      call.reply.integer(event.longest)
    }
  }

  static func history(_ call: inout Call) throws(CommandError) {
    let samples = call.server.metrics.latency.find(call.arguments[2])?.samples ?? []
    call.reply.array(samples.count)
    for sample in samples {
      call.reply.array(2)
      call.reply.integer(Int(sample.time))
      call.reply.integer(sample.milliseconds)
    }
  }

  static func reset(_ call: inout Call) throws(CommandError) {
    let monitor = call.server.metrics.latency
    guard call.arguments.count > 2 else { return call.reply.integer(monitor.removeAll()) }
    var forgotten = 0
    for index in 2..<call.arguments.count where monitor.remove(call.arguments[index]) {
      forgotten += 1
    }
    call.reply.integer(forgotten)
  }

  static func graph(_ call: inout Call) throws(CommandError) {
    guard let series = call.server.metrics.latency.find(call.arguments[2]) else {
      throw call.failure("ERR No samples available for event '\(echo: call.arguments[2])'")
    }
    let now = call.moment.microseconds / 1_000_000
    call.reply.verbatim(LatencyGraph.text(of: series, now: now), format: "txt")
  }

  static func doctor(_ call: inout Call) throws(CommandError) {
    call.reply.verbatim(LatencyReport.text(call.server), format: "txt")
  }

  // MARK: - Durations

  static func histogram(_ call: inout Call) throws(CommandError) {
    let table = call.server.commands
    var replyMark = call.markReply()
    let mark = call.reply.beginAggregate()
    var shown = 0
    if call.arguments.count == 2 {
      for id in table.descriptions.indices where write(id, call) { shown += 1 }
    }
    for index in 2..<max(2, call.arguments.count) {
      guard let command = table.find(fullName: call.arguments[index]) else { continue }
      if write(command.id, call) { shown += 1 }
      for id in table.descriptions[command.id].subcommands where write(id, call) { shown += 1 }
      try call.reserveRest(&replyMark, after: index - 1, of: call.arguments.count - 2)
    }
    call.reply.endMap(mark, count: shown)
  }

  /// Writes a command's distribution; false if it was never called.
  private static func write(_ id: CommandID, _ call: borrowing Call) -> Bool {
    let statistics = call.server.metrics.commands
    let calls = statistics[id].histogram.count
    guard calls > 0 else { return false }
    let steps = statistics[id].histogram.cumulativeSteps
    call.reply.bulk(call.server.commands.descriptions[id].fullName)
    call.reply.map(2)
    call.reply.bulk("calls")
    call.reply.integer(calls)
    call.reply.bulk("histogram_usec")
    call.reply.map(steps.count)
    for step in steps {
      call.reply.integer(step.microseconds)
      call.reply.integer(step.count)
    }
    return true
  }
}
