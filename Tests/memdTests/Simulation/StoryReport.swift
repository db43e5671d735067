// SPDX-License-Identifier: Apache-2.0

/// What a story has met: faults that were injected, states that servers were in, and what was found
/// wrong.
struct StoryReport {
  private(set) var counts: [String: Int] = [:]
  private(set) var violations: [String] = []

  /// What every large number of stories must have met.
  static let wanted = [
    "fault partition", "fault one way", "fault isolation", "fault reset", "fault slow link",
    "fault pause", "fault kill follower", "fault kill leader", "fault restart follower",
    "fault restart leader", "fault clock jump", "fault slow disk", "state waiting",
    "state connecting", "state greeting", "state asking", "state receiving", "state loading",
    "state online", "state follower waiting", "state follower sharing",
    "state promise holding", "state promise lapsed", "state writes refused", "state reads waiting",
    "state output held", "state writes held", "full sync", "partial sync", "failover",
    "token read", "age read", "refused read", "write done", "write refused", "write unknown",
    "compared states", "compared streams",
  ]

  /// Those that this one has not met.
  var missing: [String] { StoryReport.wanted.filter { counts[$0] == nil } }

  mutating func count(_ name: String, _ number: Int = 1) {
    if number > 0 { counts[name, default: 0] += number }
  }

  mutating func violate(_ text: String) {
    if violations.count < 10 { violations.append(text) }
  }

  mutating func add(_ other: StoryReport) {
    for name in other.counts.keys.sorted() { count(name, other.counts[name] ?? 0) }
    violations += other.violations
  }
}
