// SPDX-License-Identifier: Apache-2.0

import DataStructures

// What is hot and what is large. Labels are bounded: six types, as many prefixes as the
// configuration allows, and keys only while a session of HOTKEYS names them, at most 64.

extension FigureReport {
  /// The log of slow commands.
  var slowLog: LoggedCommands? { logs.first }
}

extension MetricsText {
  mutating func addLogs(_ report: FigureReport) {
    family("command_log_entries", .gauge, "Commands in a log of COMMANDLOG.")
    for log in report.logs { sample("command_log_entries", [("log", log.name)], Double(log.count)) }
    family("command_log_commands", .counter, "Commands that it has got since the start.")
    for log in report.logs {
      sample("command_log_commands_total", [("log", log.name)], Double(log.total))
    }
  }

  mutating func addHotKeys(_ report: FigureReport) {
    guard let session = report.hotKeys else { return }
    gauge(
      "hot_keys_active", "Whether the session of HOTKEYS goes on.", session.isActive ? 1 : 0)
    if let times = session.times {
      addHotKeys("hot_key_cpu_seconds", "Time that a key of it has cost.", times, scale: 1e-9)
    }
    if let bytes = session.bytes {
      addHotKeys(
        "hot_key_network_bytes", "Bytes of requests and replies that it has cost.", bytes, scale: 1)
    }
  }

  private mutating func addHotKeys(
    _ name: String, _ help: String, _ keys: [FigureReport.HotKey], scale: Double
  ) {
    family(name, .gauge, help)
    // Those of which only the beginning is known may look alike.
    var seen: Set<String> = []
    for key in keys {
      let text = NameText.of(key.name)
      guard seen.insert(text).inserted else { continue }
      sample(name, [("key", text)], Double(key.weight) * scale)
    }
  }

  // MARK: - The census

  mutating func addCensus(_ census: CensusReport) {
    if census.isOn {
      family("census_passes", .counter, "Walks over all keys that have come to their end.")
      sample("census_passes_total", Double(census.passCount))
      gauge("census_progress_ratio", "How much of the walk under way is done.", census.progress)
    }
    if let result = census.result, let age = census.ageMilliseconds {
      gauge("census_age_seconds", "Time since the last one was known to hold.", Double(age) / 1000)
      gauge(
        "census_duration_seconds", "How long it took.", Double(result.milliseconds) / 1000)
      addTypes(result)
    }
    addPrefixes(census)
  }

  private mutating func addTypes(_ result: CensusResult) {
    func add(_ name: String, _ help: String, _ value: (CensusResult.OfType) -> Int) {
      family(name, .gauge, help)
      for type in result.types {
        sample(name, [("type", type.type.name.description)], Double(value(type)))
      }
    }
    add("type_keys", "Keys of a type, by the last census.") { $0.count.keys }
    add("type_memory_bytes", "Memory that they take.") { $0.count.bytes }
    add("type_elements", "Items, members, fields and entries in them.") { $0.count.elements }
    add("type_largest_key_bytes", "Memory of the largest key of a type.") { $0.mostBytes }
    add("type_largest_key_elements", "Elements of the key with most.") { $0.mostElements }
  }

  private mutating func addPrefixes(_ census: CensusReport) {
    guard !census.prefixes.isEmpty else { return }
    func add(
      _ name: String, _ kind: Kind, _ help: String, _ value: (CensusReport.Prefix) -> Int
    ) {
      family(name, kind, help)
      let suffix = kind == .counter ? "_total" : ""
      for prefix in census.prefixes {
        sample(
          name + suffix, [("prefix", prefix.name.map { NameText.of($0) } ?? "")],
          Double(value(prefix)))
      }
    }
    if census.result != nil {
      add("prefix_keys", .gauge, "Keys with a prefix by the last census; others have none.") {
        $0.count.keys
      }
      add("prefix_memory_bytes", .gauge, "Memory that they take.") { $0.count.bytes }
    }
    add("prefix_reads", .counter, "Keys with a prefix that commands have read.") {
      $0.traffic.reads
    }
    add("prefix_writes", .counter, "Keys that commands have written.") { $0.traffic.writes }
    add("prefix_hits", .counter, "Look-ups of keys that were there.") { $0.traffic.hits }
    add("prefix_misses", .counter, "Look-ups of keys that were not there.") { $0.traffic.misses }
    add("prefix_expired_keys", .counter, "Keys removed because they were due.") {
      $0.traffic.expired
    }
    add("prefix_evicted_keys", .counter, "Keys removed to make room.") { $0.traffic.evicted }
  }
}
