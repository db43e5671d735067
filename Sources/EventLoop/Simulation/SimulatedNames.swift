// SPDX-License-Identifier: Apache-2.0

/// The names on a simulated disk, sorted by path, and what undoes the changes since their
/// directories were synced.
internal struct SimulatedNames {
  /// A path, what it stood for, and what it stands for now.
  private struct Step {
    let path: String
    let old: SimulatedNode?
    let new: SimulatedNode?
  }

  /// What one call changed: survives a crash whole or not at all.
  private typealias Change = [Step]

  private(set) var entries: [(path: String, node: SimulatedNode)] = []
  private var changes: [Change] = []

  private func position(of path: String) -> (index: Int, isFound: Bool) {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].path.utf8.lexicographicallyPrecedes(path.utf8) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return (low, low < entries.count && entries[low].path == path)
  }

  /// What a path stands for; links are not followed.
  subscript(path: String) -> SimulatedNode? {
    let (index, isFound) = position(of: path)
    return isFound ? entries[index].node : nil
  }

  // MARK: - Changing

  /// Lets a path stand for something, or for nothing.
  mutating func set(_ path: String, _ node: SimulatedNode?) {
    changes.append([Step(path: path, old: self[path], new: node)])
    put(path, node)
  }

  /// Gives a node another path, in one step.
  mutating func rename(_ source: String, to target: String) {
    let node = self[source]
    if source == target { return }
    changes.append([
      Step(path: source, old: node, new: nil), Step(path: target, old: self[target], new: node),
    ])
    put(source, nil)
    put(target, node)
  }

  private mutating func put(_ path: String, _ node: SimulatedNode?) {
    let (index, isFound) = position(of: path)
    switch (node, isFound) {
    case (let node?, true): entries[index].node = node
    case (let node?, false): entries.insert((path, node), at: index)
    case (nil, true): entries.remove(at: index)
    case (nil, false): break
    }
  }

  // MARK: - Durability

  /// Makes the changes in a directory durable, and those that they build on.
  mutating func sync(directory: String) {
    // A rename between two directories is one record of a journal: either's sync writes it.
    var needed: [String] = []
    var rest: [Change] = []
    for change in changes.reversed() {
      let isNeeded = change.contains { step in
        Disk.directory(of: step.path) == directory || needed.contains(step.path)
      }
      if isNeeded { needed += change.map(\.path) } else { rest.append(change) }
    }
    changes = rest.reversed()
  }

  /// Takes back a part of the changes that were not synced.
  mutating func crash(_ style: SimulatedCrash, using generator: inout SeededGenerator) {
    if changes.isEmpty { return }
    let made = entries.filter { $0.node.kind == .directory }.map(\.path)
    for change in changes.reversed() {
      for step in change.reversed() { put(step.path, step.old) }
    }
    let chosen = style.resolved(using: &generator)
    let kept = Int(generator.number(in: 0...Int64(changes.count)))
    var dropped: [String] = []
    for (number, change) in changes.enumerated() {
      let survives =
        switch chosen {
        case .nothing: false
        case .everything, .drawn: true
        case .prefix: number < kept
        case .sectors:
          generator.happens(perMillion: 500_000)
            && !change.contains { dropped.contains($0.path) }
        }
      if survives {
        for step in change { put(step.path, step.new) }
      } else {
        dropped += change.map(\.path)
      }
    }
    changes.removeAll()
    dropInside(of: made.filter { self[$0] == nil })
  }

  /// What is in a directory goes with it.
  private mutating func dropInside(of directories: [String]) {
    if directories.isEmpty { return }
    entries.removeAll { entry in directories.contains { entry.path.hasPrefix($0 + "/") } }
  }
}
