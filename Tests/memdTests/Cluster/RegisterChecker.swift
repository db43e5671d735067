// SPDX-License-Identifier: Apache-2.0

/// Whether reads and writes of one string are linearizable: as if each had happened in one instant
/// between its start and its end.
///
/// Since every value is written once, this needs no search: a value's write and reads form a
/// cluster, and clusters can follow one another iff their zones allow it (Gibbons and Korach,
/// "Testing Shared Memories", 1997). A zone reaches from the first end to the last start of its
/// cluster. It is forward if the end comes first: the key held the value all that time, so forward
/// zones don't overlap. Else it is backward: everything may have taken place in any one instant of
/// it, so it must not lie inside a forward zone.
struct RegisterChecker {
  /// A write and the reads that saw it.
  private struct Cluster {
    let value: Int?
    /// The earliest end.
    var firstEnd: Int64
    /// The latest start.
    var lastStart: Int64
    let writeStart: Int64

    var isForward: Bool { firstEnd < lastStart }
    var low: Int64 { min(firstEnd, lastStart) }
    var high: Int64 { max(firstEnd, lastStart) }
    var text: String { RegisterChecker.text(value) }
  }

  /// The operations on one key in one life of the server.
  let operations: [History.Operation]
  /// What the key held before the first of them; nil if it wasn't there.
  let initial: Int?
  let name: String

  /// Throws what contradicts linearizability.
  func check() throws(HistoryFault) {
    let clusters = try makeClusters()
    // A write that nobody has seen and nobody acknowledged need not have happened.
    let certain = clusters.filter { $0.firstEnd < .max }
    let forward = certain.filter(\.isForward).sorted { $0.low < $1.low }
    for (earlier, later) in zip(forward, forward.dropFirst()) where later.low < earlier.high {
      throw HistoryFault(
        "\(name): \(earlier.text) and \(later.text) were both there"
          + " from \(later.low) to \(min(earlier.high, later.high))")
    }
    // Forward zones don't overlap: only the last one that begins before can hold a backward one.
    var index = 0
    for cluster in certain.filter({ !$0.isForward }).sorted(by: { $0.low < $1.low }) {
      while index < forward.count, forward[index].low < cluster.low { index += 1 }
      guard index > 0, cluster.high < forward[index - 1].high else { continue }
      throw HistoryFault(
        "\(name): \(cluster.text) came and went from \(cluster.low) to \(cluster.high)"
          + " while \(forward[index - 1].text) was there")
    }
  }

  private func makeClusters() throws(HistoryFault) -> [Cluster] {
    var clusters = [
      Cluster(value: initial, firstEnd: .min, lastStart: .min, writeStart: .min)
    ]
    var indexes: [Int?: Int] = [initial: 0]
    for operation in operations where operation.isPossible {
      guard case .write(_, let value) = operation.action else { continue }
      if indexes[value] != nil { throw HistoryFault("\(name): \(value) was written twice") }
      indexes[value] = clusters.count
      clusters.append(
        Cluster(
          value: value, firstEnd: operation.latest, lastStart: operation.start,
          writeStart: operation.start))
    }
    for operation in operations {
      guard case .read = operation.action, let result = operation.result else { continue }
      guard let index = indexes[result.first] else {
        throw HistoryFault(
          "\(name): \(Self.text(result.first)) was read and had not been written")
      }
      if operation.end < clusters[index].writeStart {
        throw HistoryFault("\(name): \(clusters[index].text) was read before it was written")
      }
      clusters[index].firstEnd = min(clusters[index].firstEnd, operation.end)
      clusters[index].lastStart = max(clusters[index].lastStart, operation.start)
    }
    return clusters
  }

  private static func text(_ value: Int?) -> String { value.map(String.init) ?? "nothing" }
}
