// SPDX-License-Identifier: Apache-2.0

/// Whether pushes to the end of one list and readings of all of it are linearizable. A reading
/// shows the pushes before it in their order, so nothing has to be searched.
struct ListChecker {
  /// The operations on one key in one life of the server.
  let operations: [History.Operation]
  let name: String

  /// The elements that were there before the first operation; nil if nobody has read the list.
  ///
  /// - Throws: what contradicts linearizability.
  func check() throws(HistoryFault) -> [Int]? {
    let readings = operations.filter {
      if case .readList = $0.action { $0.isDone } else { false }
    }
    let pushes = operations.filter {
      if case .append = $0.action { $0.isPossible } else { false }
    }
    guard let longest = try longest(of: readings) else { return nil }
    var positions: [Int: Int] = [:]
    for (position, value) in longest.enumerated() {
      if positions.updateValue(position, forKey: value) != nil {
        throw HistoryFault("\(name): \(value) is there twice")
      }
    }
    let restored = try restored(longest, readings, pushes)
    try checkOrder(pushes, positions)
    try checkReadings(readings, pushes, positions)
    return restored
  }

  private func value(_ operation: History.Operation) -> Int {
    if case .append(_, let value) = operation.action { value } else { -1 }
  }

  /// The longest reading; all others must be beginnings of it.
  private func longest(of readings: [History.Operation]) throws(HistoryFault) -> [Int]? {
    let results = readings.compactMap(\.result).sorted { $0.count < $1.count }
    for (shorter, longer) in zip(results, results.dropFirst())
    where !longer.starts(with: shorter) {
      throw HistoryFault("\(name): \(shorter.suffix(5)) doesn't go on as \(longer.suffix(5))")
    }
    return results.last
  }

  /// The elements that nobody has pushed in this life: they stand in front, in every reading.
  private func restored(
    _ longest: [Int], _ readings: [History.Operation], _ pushes: [History.Operation]
  ) throws(HistoryFault) -> [Int] {
    let pushed = Set(pushes.map(value))
    let restored = Array(longest.prefix { !pushed.contains($0) })
    for element in longest.dropFirst(restored.count) where !pushed.contains(element) {
      throw HistoryFault("\(name): \(element) is there and was never pushed")
    }
    for reading in readings where (reading.result?.count ?? 0) < restored.count {
      throw HistoryFault("\(name): \(restored.suffix(5)) appeared only later")
    }
    return restored
  }

  /// Whoever was acknowledged before another was sent stands in front of it.
  private func checkOrder(
    _ pushes: [History.Operation], _ positions: [Int: Int]
  ) throws(HistoryFault) {
    var front = Front(pushes.filter(\.isDone), positions)
    for push in pushes.sorted(by: { $0.start < $1.start }) {
      guard let position = positions[value(push)] else { continue }
      front.advance(to: push.start)
      if let last = front.last, last.position > position {
        throw HistoryFault(
          "\(name): \(value(last.push)) was acknowledged before \(value(push)) was sent"
            + (last.position == .max ? " and is lost" : " and stands behind it"))
      }
    }
  }

  /// A reading shows everything that was acknowledged before it, all of earlier readings, and
  /// nothing that was sent later.
  private func checkReadings(
    _ readings: [History.Operation], _ pushes: [History.Operation], _ positions: [Int: Int]
  ) throws(HistoryFault) {
    var front = Front(pushes.filter(\.isDone), positions)
    let ended = readings.sorted { $0.end < $1.end }
    var endedCount = 0
    var seenCount = 0
    for reading in readings.sorted(by: { $0.start < $1.start }) {
      let count = reading.result?.count ?? 0
      front.advance(to: reading.start)
      if let last = front.last, last.position >= count {
        throw HistoryFault(
          "\(name): \(value(last.push)) was acknowledged at \(last.push.end) and not there at"
            + " \(reading.start)")
      }
      while endedCount < ended.count, ended[endedCount].end < reading.start {
        seenCount = max(seenCount, ended[endedCount].result?.count ?? 0)
        endedCount += 1
      }
      if count < seenCount {
        throw HistoryFault("\(name): \(seenCount) elements were read, then only \(count)")
      }
    }
    let earliest = readings.sorted { ($0.result?.count ?? 0) < ($1.result?.count ?? 0) }
    for push in pushes {
      guard let position = positions[value(push)] else { continue }
      for reading in earliest where (reading.result?.count ?? 0) > position {
        if reading.end < push.start {
          throw HistoryFault("\(name): \(value(push)) was read before it was pushed")
        }
        // Longer readings are not earlier than this one: that was checked.
        break
      }
    }
  }

  /// The furthest of the pushes that were acknowledged before a moment which moves on.
  private struct Front {
    private let pushes: [History.Operation]
    private let positions: [Int: Int]
    private var count = 0
    private(set) var last: (push: History.Operation, position: Int)?

    init(_ pushes: [History.Operation], _ positions: [Int: Int]) {
      self.pushes = pushes.sorted { $0.end < $1.end }
      self.positions = positions
    }

    mutating func advance(to moment: Int64) {
      while count < pushes.count, pushes[count].end < moment {
        let push = pushes[count]
        count += 1
        guard case .append(_, let value) = push.action else { continue }
        let position = positions[value] ?? .max
        if position > last?.position ?? -1 { last = (push, position) }
      }
    }
  }
}
