// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// What is known of keys by type, prefix and size, as of one moment: the last census, and traffic.
struct CensusReport: Sendable {
  /// Keys with one prefix.
  struct Prefix: Sendable {
    /// Nil: all keys that have none of the others.
    let name: [UInt8]?
    var count = CensusResult.Count()
    var traffic = PrefixTraffic()
  }

  let isOn: Bool
  /// How much of the pass under way is done; 1 if none is.
  let progress: Double
  /// Passes that have come to their end since the start.
  let passCount: Int
  /// Time since the end of the last one, or since it was known that nothing has changed; nil: none
  /// has come to its end.
  let ageMilliseconds: Int64?
  let result: CensusResult?
  /// Those with most bytes first, and in the end all other keys; empty unless `prefix-accounting`
  /// is set.
  let prefixes: [Prefix]

  /// - Complexity: O(p log p) for p prefixes that are watched
  init(_ server: Server) {
    let census = server.metrics.census
    isOn = census.isOn
    let seen = census.pass.map { min($0.keyCount, server.keyspace.keyCount) }
    progress = seen.map { Double($0) / Double(max(1, server.keyspace.keyCount)) } ?? 1
    passCount = census.passCount
    result = census.result
    ageMilliseconds = census.result.map { _ in
      max(0, (server.timing.turnStartedAt - census.confirmedAt) / 1_000_000)
    }
    prefixes = server.metrics.prefixes.tally.map { Self.prefixes($0, census.result) } ?? []
  }

  /// Puts together what the census and what commands have said of prefixes.
  private static func prefixes(
    _ traffic: PrefixTally<PrefixTraffic>, _ result: CensusResult?
  ) -> [Prefix] {
    let result = result?.rules == traffic.rules ? result : nil
    let found = result?.prefixes ?? []
    let counted = traffic.items
    var places: [[UInt8]: Int] = [:]
    var prefixes: [Prefix] = []
    func show(_ name: [UInt8]) {
      guard places[name] == nil else { return }
      places[name] = prefixes.count
      prefixes.append(Prefix(name: name))
    }
    for item in counted where item.isGiven { show(item.name) }
    for name in heaviest(found, traffic.shown) { show(name) }
    for name in heaviest(counted, traffic.shown) { show(name) }
    var others = Prefix(
      name: nil, count: result?.others ?? CensusResult.Count(), traffic: traffic.others)
    for item in found {
      if let place = places[item.name] {
        prefixes[place].count.add(item.count)
      } else {
        others.count.add(item.count)
      }
    }
    for item in counted {
      if let place = places[item.name] {
        prefixes[place].traffic.add(item.count)
      } else {
        others.traffic.add(item.count)
      }
    }
    return prefixes.sorted(by: isMore) + [others]
  }

  /// The names of the first segments with most weight.
  private static func heaviest<Count>(
    _ items: [PrefixTally<Count>.Item], _ count: Int
  ) -> [[UInt8]] {
    items.filter { !$0.isGiven }.sorted { $0.weight > $1.weight }.prefix(count).map(\.name)
  }

  private static func isMore(_ one: Prefix, _ other: Prefix) -> Bool {
    let left = (one.count.bytes, one.traffic.reads + one.traffic.writes)
    let right = (other.count.bytes, other.traffic.reads + other.traffic.writes)
    if left != right { return left > right }
    return (one.name ?? []).lexicographicallyPrecedes(other.name ?? [])
  }
}
