// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// A report as OpenMetrics 1.0, or as the older text format 0.0.4 of Prometheus, which differs in
/// the names of counters and in its end.
struct MetricsText {
  enum Format {
    case openMetrics, prometheus

    var contentType: String {
      switch self {
      case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
      case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
      }
    }
  }

  /// Whose names metrics have.
  enum Names {
    case own, exporter

    var prefix: String { self == .own ? "memd_" : "redis_" }
  }

  enum Kind: String {
    case gauge, counter, histogram, summary, info
  }

  private let format: Format
  private let names: Names
  private(set) var text = ""

  init(_ report: FigureReport, _ format: Format, _ names: Names) {
    self.format = format
    self.names = names
    let fields = report.fields
    addIdentity(report, fields)
    addFigures(fields)
    addDatabases(fields)
    addFollowers(fields)
    addErrors(fields)
    switch names {
    case .own: addOwn(report)
    case .exporter: addExporters(report, fields)
    }
    if format == .openMetrics { text += "# EOF\n" }
  }

  // MARK: - Lines

  /// Begins a family.
  mutating func family(_ name: String, _ kind: Kind, _ help: String) {
    var name = names.prefix + name
    var kind = kind
    if format == .prometheus {
      // Here the family of a counter has the name of its samples, and there is no kind for facts.
      if kind == .counter { name += "_total" }
      if kind == .info {
        name += "_info"
        kind = .gauge
      }
    }
    text += "# TYPE \(name) \(kind.rawValue)\n"
    if format == .openMetrics, let unit = Self.unit(of: name) { text += "# UNIT \(name) \(unit)\n" }
    text += "# HELP \(name) \(help)\n"
  }

  private static func unit(of name: String) -> String? {
    ["seconds", "bytes", "ratio"].first { name.hasSuffix("_\($0)") }
  }

  mutating func sample(_ name: String, _ value: Double) { sample(name, [], value) }

  mutating func sample(
    _ name: String, _ labels: [(name: String, value: String)], _ value: Double
  ) {
    text += names.prefix + name
    if !labels.isEmpty {
      text += "{"
      for (index, label) in labels.enumerated() {
        text += "\(index > 0 ? "," : "")\(label.name)=\"\(Self.escaped(label.value))\""
      }
      text += "}"
    }
    text += " \(Self.number(value))\n"
  }

  private static func escaped(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\"": escaped += "\\\""
      case "\n": escaped += "\\n"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  private static func number(_ value: Double) -> String {
    if value == value.rounded(), value.magnitude < 1e15 { return String(Int64(value)) }
    return "\(value)"
  }

  mutating func gauge(_ name: String, _ help: String, _ value: Double) {
    family(name, .gauge, help)
    sample(name, value)
  }

  // MARK: - Fields of INFO

  private mutating func addIdentity(
    _ report: FigureReport, _ fields: [(section: Substring, name: Substring, text: Substring)]
  ) {
    let labels = [
      "role", "redis_version", "memd_version", "redis_mode", "os", "maxmemory_policy", "tcp_port",
      "run_id", "process_id", "master_replid",
    ].compactMap { name in
      fields.first { $0.name == name }.map { (name: name, value: String($0.text)) }
    }
    if names == .own {
      family("build", .info, "What this server is.")
      sample("build_info", labels.filter { $0.name.hasSuffix("_version") }, 1)
      family("instance", .info, "Which server this is, and how it stands to others.")
    } else {
      family("up", .gauge, "Whether the server answers.")
      sample("up", 1)
      family("instance_info", .gauge, "Which server this is, and how it stands to others.")
    }
    sample("instance_info", labels, 1)
    gauge(
      "start_time_seconds", "When the server started, in seconds since 1970.",
      Double(report.serverStartedAt) / 1000)
  }

  private mutating func addFigures(
    _ fields: [(section: Substring, name: Substring, text: Substring)]
  ) {
    var values: [Substring: Substring] = [:]
    for field in fields { values[field.name] = field.text }
    for figure in Figure.all {
      guard let value = values[figure.field[...]].flatMap({ Figure.value($0) }) else { continue }
      switch names {
      case .own:
        let kind = figure.kind == .counter ? Kind.counter : .gauge
        family(figure.name, kind, figure.help)
        sample(figure.name + (kind == .counter ? "_total" : ""), value * figure.scale)
      case .exporter:
        guard let name = figure.exporterName else { continue }
        add(exporter: name, figure.kind, figure.help, value)
      }
    }
  }

  /// redis_exporter calls some counters by names that don't end in "_total".
  private mutating func add(
    exporter name: String, _ kind: Figure.Kind, _ help: String, _ value: Double
  ) {
    if kind == .counter, name.hasSuffix("_total") {
      family(String(name.dropLast(6)), .counter, help)
    } else {
      family(name, .gauge, help)
    }
    sample(name, value)
  }

  private mutating func addDatabases(
    _ fields: [(section: Substring, name: Substring, text: Substring)]
  ) {
    let databases = fields.filter { $0.section == "Keyspace" && $0.name.hasPrefix("db") }
    func add(_ name: String, _ key: String, _ help: String, scale: Double = 1) {
      family(name, .gauge, help)
      for field in databases {
        guard let value = Self.part(key, of: field.text).flatMap({ Double($0) }) else { continue }
        sample(name, [("db", String(field.name))], value * scale)
      }
    }
    add("db_keys", "keys", "Keys of a database.")
    add("db_keys_expiring", "expires", "Keys of a database that expire.")
    add("db_avg_ttl_seconds", "avg_ttl", "Mean time that they have left.", scale: 0.001)
  }

  private mutating func addFollowers(
    _ fields: [(section: Substring, name: Substring, text: Substring)]
  ) {
    let followers = fields.filter {
      $0.section == "Replication" && $0.name.hasPrefix("slave")
        && $0.name.dropFirst(5).allSatisfy(\.isNumber) && $0.name.count > 5
    }
    let (prefix, lag) = names == .own ? ("follower", "sample_age") : ("connected_slave", "lag")
    let words =
      names == .own ? ["ip", "port", "state"] : ["slave_ip", "slave_port", "slave_state"]
    func add(_ name: String, _ key: String, _ help: String) {
      guard !followers.isEmpty else { return }
      family(name, .gauge, help)
      for field in followers {
        let labels = zip(words, ["ip", "port", "state"]).map { word, key in
          (name: word, value: Self.part(key, of: field.text).map(String.init) ?? "")
        }
        sample(name, labels, Self.part(key, of: field.text).flatMap { Double($0) } ?? -1)
      }
    }
    add(
      names == .own ? "follower_acknowledged_bytes" : "connected_slave_offset_bytes", "offset",
      "How much of the stream a follower has.")
    add("\(prefix)_\(lag)_seconds", "lag", "Time since a follower was heard.")
    guard names == .exporter else { return }
    addLeader(fields)
  }

  /// What redis_exporter says of the leader of a follower.
  private mutating func addLeader(
    _ fields: [(section: Substring, name: Substring, text: Substring)]
  ) {
    func value(_ name: String) -> Substring? { fields.first { $0.name == name }?.text }
    guard let host = value("master_host"), let port = value("master_port") else { return }
    let labels = [(name: "master_host", value: String(host)), ("master_port", String(port))]
    for (name, field, help) in [
      ("master_link_up", "master_link_status", "Whether the link to the leader is up."),
      (
        "master_last_io_seconds_ago", "master_last_io_seconds_ago",
        "Time since the leader was heard."
      ),
      (
        "master_sync_in_progress", "master_sync_in_progress",
        "Whether a full copy is on its way."
      ),
      ("slave_repl_offset", "slave_repl_offset", "How much of the leader's stream is here."),
    ] {
      guard let number = value(field).flatMap({ Figure.value($0) }) else { continue }
      family(name, .gauge, help)
      sample(name, labels, number)
    }
    family("slave_info", .gauge, "Whom this server follows.")
    sample("slave_info", labels + [("read_only", String(value("slave_read_only") ?? ""))], 1)
  }

  private mutating func addErrors(
    _ fields: [(section: Substring, name: Substring, text: Substring)]
  ) {
    family("errors", .counter, "Error replies by their first word.")
    for field in fields where field.name.hasPrefix("errorstat_") {
      let count = Self.part("count", of: field.text).flatMap { Double($0) } ?? 0
      let label = names == .own ? "error" : "err"
      sample("errors_total", [(label, String(field.name.dropFirst(10)))], count)
    }
  }

  /// The value behind a name in "a=1,b=2".
  private static func part(_ name: String, of text: Substring) -> Substring? {
    for part in text.split(separator: ",") where part.hasPrefix("\(name)=") {
      return part.dropFirst(name.count + 1)
    }
    return nil
  }

  // MARK: - Commands and distributions

  private mutating func perCommand(
    _ report: FigureReport, _ name: String, _ help: String,
    _ value: (FigureReport.Command) -> Double
  ) {
    let label = names == .own ? "command" : "cmd"
    family(name, .counter, help)
    for command in report.commands {
      sample("\(name)_total", [(label, command.name)], value(command))
    }
  }

  private mutating func addOwn(_ report: FigureReport) {
    perCommand(report, "command_calls", "Calls of a command.") { Double($0.calls) }
    perCommand(report, "command_rejected_calls", "Calls that were refused before they began.") {
      Double($0.rejectedCalls)
    }
    perCommand(report, "command_failed_calls", "Calls that ended with an error.") {
      Double($0.failedCalls)
    }
    family("command_duration_seconds", .histogram, "How long calls of a command took.")
    for command in report.commands where command.durations.count > 0 {
      addHistogram(
        "command_duration_seconds", [("command", command.name)], command.durations,
        sum: command.microseconds / 1e6)
    }
    family("turn_duration_seconds", .histogram, "How long turns of the loop took.")
    addHistogram(
      "turn_duration_seconds", [], report.turns, sum: report.turnMicroseconds / 1e6)
    family("expiry_lag_seconds", .histogram, "How late keys were removed that had expired.")
    addHistogram(
      "expiry_lag_seconds", [], report.expiryLag,
      sum: Double(report.expiryLagMilliseconds) / 1000)
    gauge("slow_log_entries", "Commands in the slow log.", Double(report.slowLog?.count ?? 0))
    if let newest = report.slowLog?.newest.first {
      gauge(
        "slow_log_last_duration_seconds", "How long the newest of them took.",
        Double(newest.measure) / 1e6)
    }
    addSpikes(report, "latency_spike_timestamp_seconds", "latency_spike_duration_seconds")
    addLogs(report)
    addHotKeys(report)
    if let census = report.census { addCensus(census) }
  }

  private mutating func addSpikes(_ report: FigureReport, _ time: String, _ duration: String) {
    let label = names == .own ? "event" : "event_name"
    guard !report.spikes.isEmpty else { return }
    family(time, .gauge, "When the last latency spike was, in seconds since 1970.")
    for spike in report.spikes { sample(time, [(label, spike.event)], Double(spike.time)) }
    family(duration, .gauge, "How long it took.")
    for spike in report.spikes {
      sample(duration, [(label, spike.event)], Double(spike.milliseconds) / 1000)
    }
  }

  /// All buckets, so that their number doesn't change from one scrape to the next.
  private mutating func addHistogram(
    _ name: String, _ labels: [(name: String, value: String)],
    _ durations: FigureReport.Durations, sum: Double
  ) {
    var steps = durations.steps[...]
    var count = 0
    for bound in LatencyHistogram.stepBounds {
      while let step = steps.first, step.microseconds <= bound {
        count = step.count
        steps = steps.dropFirst()
      }
      sample("\(name)_bucket", labels + [("le", "\(Double(bound) / 1e6)")], Double(count))
    }
    sample("\(name)_bucket", labels + [("le", "+Inf")], Double(durations.count))
    sample("\(name)_sum", labels, sum)
    sample("\(name)_count", labels, Double(durations.count))
  }

  private mutating func addExporters(
    _ report: FigureReport, _ fields: [(section: Substring, name: Substring, text: Substring)]
  ) {
    perCommand(report, "commands", "Calls of a command.") { Double($0.calls) }
    perCommand(report, "commands_duration_seconds", "Time that they took.") {
      $0.microseconds / 1e6
    }
    perCommand(report, "commands_rejected_calls", "Calls that were refused before they began.") {
      Double($0.rejectedCalls)
    }
    perCommand(report, "commands_failed_calls", "Calls that ended with an error.") {
      Double($0.failedCalls)
    }
    family("commands_latencies_usec", .histogram, "How long calls of a command took, in us.")
    for command in report.commands where command.durations.count > 0 {
      let labels = [(name: "cmd", value: command.name)]
      for step in command.durations.steps {
        sample(
          "commands_latencies_usec_bucket",
          labels + [("le", "\(step.microseconds)\(format == .openMetrics ? ".0" : "")")],
          Double(step.count))
      }
      let count = Double(command.durations.count)
      sample("commands_latencies_usec_bucket", labels + [("le", "+Inf")], count)
      sample("commands_latencies_usec_sum", labels, command.microseconds)
      sample("commands_latencies_usec_count", labels, count)
    }
    family("latency_percentiles_usec", .summary, "How long calls of a command took, in us.")
    for command in report.commands where command.durations.count > 0 {
      let labels = [(name: "cmd", value: command.name)]
      for (percent, nanoseconds) in zip(
        FigureReport.Durations.percents, command.durations.percentiles)
      {
        sample(
          "latency_percentiles_usec", labels + [("quantile", "\(percent / 100)")],
          Double(nanoseconds) / 1000)
      }
      sample("latency_percentiles_usec_sum", labels, command.microseconds)
      sample("latency_percentiles_usec_count", labels, Double(command.calls))
    }
    gauge("slowlog_length", "Commands in the slow log.", Double(report.slowLog?.count ?? 0))
    gauge(
      "slowlog_last_id", "The number of the newest of them.",
      Double(report.slowLog?.newest.first?.id ?? 0))
    gauge(
      "last_slow_execution_duration_seconds", "How long it took.",
      Double(report.slowLog?.newest.first?.measure ?? 0) / 1e6)
    addSpikes(report, "latency_spike_last", "latency_spike_duration_seconds")
  }
}
