// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// What is measured beyond the counters of `Statistics`.
struct Metrics {
  let commands: CommandStatisticsTable
  let errors = ErrorStatistics()
  let slowLog = CommandLog()
  let largeRequests = CommandLog()
  let largeReplies = CommandLog()
  let hotKeys = HotKeys()
  let prefixes = PrefixTrafficTable()
  let census = Census()
  let latency = LatencyMonitor()
  let turns = TurnDurations()
  let rates = Rates()

  /// The log of a kind of commands.
  func log(of kind: CommandLogKind) -> CommandLog {
    switch kind {
    case .slow: slowLog
    case .largeRequest: largeRequests
    case .largeReply: largeReplies
    }
  }

  /// Memory of what is remembered of commands and keys, roughly.
  var byteCount: Int {
    slowLog.byteCount + largeRequests.byteCount + largeReplies.byteCount + hotKeys.byteCount
      + prefixes.byteCount + census.byteCount
  }

  init(_ commands: CommandTable, _ clock: Clock) {
    self.commands = CommandStatisticsTable(
      count: commands.descriptions.count, ticksPerMicrosecond: clock.ticksPerMicrosecond)
  }
}
