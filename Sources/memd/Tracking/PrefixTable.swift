// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// The prefixes of clients that want to hear of every key that begins with them (BCAST), and the
/// keys that have changed since they were last told.
///
/// - Complexity: that of `PrefixOrder`.
final class PrefixTable {
  /// A prefix, and whoever listens to it.
  final class Group {
    let prefix: [UInt8]
    /// In the order in which they came.
    fileprivate(set) var listeners: [Tracker] = []
    /// What has changed since they were last told.
    fileprivate(set) var changes = ChangedKeys()

    fileprivate init(_ prefix: [UInt8]) { self.prefix = prefix }
  }

  private var order = PrefixOrder()
  /// One for each prefix, in their order.
  private(set) var groups: [Group] = []
  /// Groups with changes, in the order in which these came.
  private var changed: [Group] = []

  /// Number of different prefixes.
  var count: Int { groups.count }

  // MARK: - Coming and going

  /// A client listens to a prefix; true if it has not done so before.
  func add(_ tracker: Tracker, to prefix: [UInt8]) -> Bool {
    let text = ByteText(prefix)
    let group: Group
    if let index = order.find(text) {
      group = groups[index]
    } else {
      group = Group(prefix)
      groups.insert(group, at: order.insert(text))
    }
    guard !group.listeners.contains(where: { $0 === tracker }) else { return false }
    group.listeners.append(tracker)
    return true
  }

  /// A client listens no more to a prefix.
  func remove(_ tracker: Tracker, from prefix: [UInt8]) {
    guard let index = order.find(ByteText(prefix)) else { return }
    let group = groups[index]
    group.listeners.removeAll { $0 === tracker }
    guard group.listeners.isEmpty else { return }
    changed.removeAll { $0 === group }
    groups.remove(at: index)
    order.remove(at: index)
  }

  // MARK: - Changes

  /// Notes a changed key for all prefixes that it begins with; true if there is one.
  ///
  /// - Parameter author: the client that has changed it; 0 if none has.
  func note(_ key: RawSpan, author: Int) -> Bool {
    var found = false
    visitPrefixes(of: key) { group in
      found = true
      if group.changes.isEmpty { changed.append(group) }
      group.changes.append(key, author: author)
    }
    return found
  }

  /// Visits the groups whose prefix the key begins with, the longest prefix first.
  func visitPrefixes(of key: RawSpan, _ visit: (Group) -> Void) {
    var next = order.longest(of: key)
    while let index = next {
      visit(groups[index])
      next = order.parent(of: index)
    }
  }

  /// The groups with changes, in the order of their prefixes; each is to be asked for its changes
  /// (`takeChanges`) before the next key changes.
  func takeChanged() -> [Group] {
    let taken = changed.sorted { $0.prefix.lexicographicallyPrecedes($1.prefix) }
    changed.removeAll(keepingCapacity: true)
    return taken
  }
}

extension PrefixTable.Group {
  /// The changes, which are forgotten here.
  func takeChanges() -> ChangedKeys {
    let taken = changes
    changes = ChangedKeys()
    return taken
  }
}

/// Keys that have changed, and by whom.
struct ChangedKeys {
  private struct Change {
    let range: Range<Int>
    let author: Int
  }

  private var bytes: [UInt8] = []
  private var changes: [Change] = []

  var isEmpty: Bool { changes.isEmpty }

  mutating func append(_ key: RawSpan, author: Int) {
    let start = bytes.count
    changes.append(Change(range: start..<(start + key.byteCount), author: author))
    unsafe key.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
  }

  /// Visits each key once, in the order of their bytes, with whoever has changed it last.
  func forEach(_ visit: (_ key: RawSpan, _ author: Int) -> Void) {
    let sorted = changes.sorted { left, right in
      let order = compare(left, right)
      return order == 0 ? left.range.lowerBound < right.range.lowerBound : order < 0
    }
    for (index, change) in sorted.enumerated() {
      let next = index + 1
      if next < sorted.count, compare(change, sorted[next]) == 0 { continue }
      visit(bytes.rawSpan.extracting(change.range), change.author)
    }
  }

  private func compare(_ left: Change, _ right: Change) -> Int {
    bytes.rawSpan.extracting(left.range).compare(bytes.rawSpan.extracting(right.range))
  }
}
