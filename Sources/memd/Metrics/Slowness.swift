// SPDX-License-Identifier: Apache-2.0

import EventLoop
import RESP

extension Server {
  /// A command took long enough for the slow log or the latency monitor.
  @inline(never)
  func noteSlow(_ call: borrowing Call, ticks: UInt64) {
    let microseconds = Int(Double(ticks) / clock.ticksPerMicrosecond)
    let command = call.command
    let limit = configuration.slowlogLogSlowerThan
    if limit >= 0, microseconds >= limit, !command.flags.contains(.skipSlowLog) {
      remember(call, of: command, as: .slow, measure: microseconds)
    }
    let threshold = configuration.latencyMonitorThreshold
    if threshold > 0, microseconds / 1000 >= threshold {
      metrics.latency.add(
        command.flags.contains(.fast) ? "fast-command" : "command",
        milliseconds: microseconds / 1000, time: moment.microseconds / 1_000_000)
    }
  }

  /// Puts a command into a log of `CommandLogKind`.
  func remember(
    _ call: borrowing Call, of command: CommandReference, as kind: CommandLogKind, measure: Int
  ) {
    metrics.log(of: kind).add(
      call.arguments, hiding: HiddenArguments(command, call.arguments, in: commands),
      measure: measure, client: call.client, time: moment.microseconds / 1_000_000,
      limits: CommandLog.Limits(
        entryCount: configuration.commandLogLength(of: kind),
        argumentCount: configuration.slowlogEntryMaxArgc,
        argumentByteCount: configuration.slowlogEntryMaxStringLen))
  }

  /// The shortest duration that anybody wants to know of, in ticks.
  func updateSlowTicks() {
    var microseconds = Int.max
    if configuration.slowlogLogSlowerThan >= 0 {
      microseconds = configuration.slowlogLogSlowerThan
    }
    if configuration.latencyMonitorThreshold > 0 {
      let (threshold, overflows) =
        configuration.latencyMonitorThreshold.multipliedReportingOverflow(by: 1000)
      if !overflows { microseconds = min(microseconds, threshold) }
    }
    timing.slowTicks = microseconds == .max ? .max : clock.ticks(microseconds: Double(microseconds))
  }
}
