// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// What is measured beyond the counters of `Statistics`.
struct Metrics {
  let commands: CommandStatisticsTable
  let errors = ErrorStatistics()
  let slowLog = SlowLog()
  let latency = LatencyMonitor()
  let turns = TurnDurations()
  let rates = Rates()

  init(_ commands: CommandTable, _ clock: Clock) {
    self.commands = CommandStatisticsTable(
      count: commands.descriptions.count, ticksPerMicrosecond: clock.ticksPerMicrosecond)
  }
}
