// SPDX-License-Identifier: Apache-2.0

/// LATENCY DOCTOR: what the monitor has seen, in words, and what may help.
enum LatencyReport {
  static func text(_ server: Server) -> String {
    let series = server.metrics.latency.series
    let threshold = server.configuration.latencyMonitorThreshold
    if series.isEmpty, threshold == 0 {
      return "Latency monitoring is disabled. Enable it with"
        + " \"CONFIG SET latency-monitor-threshold <milliseconds>\" to learn which events are"
        + " slow.\n"
    }
    if series.isEmpty { return "No latency spike was observed so far. Everything is fine.\n" }
    var text = "Latency spikes were observed:\n\n"
    for (number, event) in series.enumerated() {
      text += "\(number + 1). \(Summary(event).text)\n"
    }
    text += "\nWhat may help:\n\n"
    for advice in advices(series, server) { text += "- \(advice)\n" }
    return text
  }

  private static func advices(
    _ series: [LatencyMonitor.Series], _ server: Server
  ) -> [String] {
    let configuration = server.configuration
    let threshold = configuration.latencyMonitorThreshold
    var advices: [String] = []
    if series.contains(where: { $0.event == "command" }) {
      if configuration.slowlogLogSlowerThan < 0 {
        advices.append(
          "The slow log is off. Use 'CONFIG SET slowlog-log-slower-than \(threshold * 1000)' to"
            + " see which commands are slow.")
      } else if threshold > 0, configuration.slowlogLogSlowerThan > threshold * 1000 {
        advices.append(
          "The slow log shows only commands slower than the monitor's threshold. Use"
            + " 'CONFIG SET slowlog-log-slower-than \(threshold * 1000)'.")
      }
      advices.append("SLOWLOG GET shows which commands took long. KEYS, SORT and the like do.")
      advices.append("Deleting large values takes time: UNLINK leaves that to the background.")
    }
    if series.contains(where: { $0.event == "fast-command" }) {
      advices.append(
        "Commands that should be fast were slow: the machine may be overloaded, or swapping.")
    }
    if advices.isEmpty { advices.append("Nothing in particular.") }
    return advices
  }

  /// Figures of one event.
  private struct Summary {
    let text: String

    init(_ series: LatencyMonitor.Series) {
      let values = series.samples.map(\.milliseconds)
      let count = max(1, values.count)
      let mean = values.reduce(0, +) / count
      let deviation = values.reduce(0) { $0 + abs($1 - mean) } / count
      let span = (series.samples.last?.time ?? 0) - (series.samples.first?.time ?? 0)
      let period = FixedPoint.text(Double(span) / Double(count), digits: 2)
      text =
        "\(series.event): \(values.count) latency spikes (average \(mean)ms, mean deviation"
        + " \(deviation)ms, period \(period) sec). Worst all time event \(series.longest)ms."
    }
  }
}
