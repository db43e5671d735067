// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// The prefixes of clients that want to hear of every key that begins with them (BCAST), and the
/// keys that have changed since they were last told.
///
/// Prefixes stand in the order of their bytes, and each knows the longest other one that it begins
/// with itself, its parent. Let P be the last prefix that is not behind a key. If any prefix fits
/// the key, the longest that does is P or an ancestor of P: it is not behind P, so whatever stands
/// between it and the key begins with it. So all that fit are found on the way from P to the top.
///
/// - Complexity: finding is O(log n) and the length of that way; coming and going is O(n).
final class PrefixTable {
  /// A prefix, and whoever listens to it.
  final class Group {
    let prefix: [UInt8]
    fileprivate(set) unowned var parent: Group?
    /// In the order in which they came.
    fileprivate(set) var listeners: [Tracker] = []
    /// What has changed since they were last told.
    fileprivate(set) var changes = ChangedKeys()

    fileprivate init(_ prefix: [UInt8]) { self.prefix = prefix }

    /// Negative if the prefix stands before `key`, 0 if they are the same, positive otherwise.
    fileprivate func order(to key: RawSpan) -> Int {
      let prefix = self.prefix
      return prefix.rawSpan.compare(key)
    }

    /// True if `key` begins with the prefix.
    fileprivate func fits(_ key: RawSpan) -> Bool {
      let prefix = self.prefix
      guard key.byteCount >= prefix.count else { return false }
      return key.extracting(first: prefix.count).equals(prefix.rawSpan)
    }
  }

  /// In the order of the prefixes.
  private(set) var groups: [Group] = []
  /// Groups with changes, in the order in which these came.
  private var changed: [Group] = []

  /// Number of different prefixes.
  var count: Int { groups.count }

  // MARK: - Coming and going

  /// A client listens to a prefix; true if it has not done so before.
  func add(_ tracker: Tracker, to prefix: [UInt8]) -> Bool {
    let index = position(of: prefix)
    if index == groups.count || groups[index].prefix != prefix {
      groups.insert(Group(prefix), at: index)
      linkParents()
    }
    let group = groups[index]
    guard !group.listeners.contains(where: { $0 === tracker }) else { return false }
    group.listeners.append(tracker)
    return true
  }

  /// A client listens no more to a prefix.
  func remove(_ tracker: Tracker, from prefix: [UInt8]) {
    let index = position(of: prefix)
    guard index < groups.count, groups[index].prefix == prefix else { return }
    let group = groups[index]
    group.listeners.removeAll { $0 === tracker }
    guard group.listeners.isEmpty else { return }
    changed.removeAll { $0 === group }
    groups.remove(at: index)
    linkParents()
  }

  /// Where a prefix stands, or would stand.
  private func position(of prefix: [UInt8]) -> Int {
    var low = 0
    var high = groups.count
    while low < high {
      let middle = (low + high) / 2
      if groups[middle].order(to: prefix.rawSpan) < 0 {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }

  private func linkParents() {
    var open: [Group] = []
    for group in groups {
      while let last = open.last, !group.prefix.starts(with: last.prefix) {
        open.removeLast()
      }
      group.parent = open.last
      open.append(group)
    }
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
    var low = 0
    var high = groups.count
    while low < high {
      let middle = (low + high) / 2
      if groups[middle].order(to: key) <= 0 { low = middle + 1 } else { high = middle }
    }
    var candidate = low > 0 ? groups[low - 1] : nil
    while let group = candidate {
      if group.fits(key) { visit(group) }
      candidate = group.parent
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
