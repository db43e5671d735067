// SPDX-License-Identifier: Apache-2.0

/// Prefixes of keys, found by key.
///
/// They stand in the order of their bytes, each once, and each knows the longest other one that it
/// begins with itself, its parent. Let P be the last prefix that is not behind a key. If any prefix
/// fits the key, the longest that does is P or an ancestor of P: it is not behind P, so whatever
/// stands between it and the key begins with it. Whatever its ancestors are, they fit as well.
///
/// - Complexity: finding is O(log n), and the length of the way to the top; coming and going O(n).
public struct PrefixOrder: Sendable, Equatable {
  /// In the order of their bytes.
  public private(set) var prefixes: [ByteText] = []
  /// The place of each one's parent; -1 if it has none.
  private var parents: [Int] = []

  /// Takes over prefixes, each of them once.
  public init(_ prefixes: some Sequence<ByteText> = []) {
    let sorted = prefixes.sorted { $0.rawSpan.compare($1.rawSpan) < 0 }
    self.prefixes = sorted.enumerated().filter { $0 == 0 || sorted[$0 - 1] != $1 }.map(\.element)
    linkParents()
  }

  /// Number of prefixes.
  public var count: Int { prefixes.count }

  /// Where a prefix stands, or nil.
  public func find(_ prefix: ByteText) -> Int? {
    let index = place(behind: prefix.rawSpan) - 1
    return index >= 0 && prefixes[index] == prefix ? index : nil
  }

  /// Adds a prefix that is not there yet; returns its place, from which on others have moved up.
  public mutating func insert(_ prefix: ByteText) -> Int {
    let index = place(behind: prefix.rawSpan)
    prefixes.insert(prefix, at: index)
    linkParents()
    return index
  }

  /// Takes the prefix at a place away; others move down.
  public mutating func remove(at index: Int) {
    prefixes.remove(at: index)
    linkParents()
  }

  /// The place of the longest prefix that `key` begins with, or nil.
  public func longest(of key: RawSpan) -> Int? {
    var candidate = place(behind: key) - 1
    while candidate >= 0 {
      let prefix = prefixes[candidate]
      if key.byteCount >= prefix.count, key.extracting(first: prefix.count).equals(prefix.rawSpan) {
        return candidate
      }
      candidate = parents[candidate]
    }
    return nil
  }

  /// The place of the longest other prefix that the one at a place begins with, or nil.
  public func parent(of index: Int) -> Int? { parents[index] >= 0 ? parents[index] : nil }

  /// The first place whose prefix is behind a key.
  private func place(behind key: RawSpan) -> Int {
    var low = 0
    var high = prefixes.count
    while low < high {
      let middle = (low + high) / 2
      let prefix = prefixes[middle]
      if prefix.rawSpan.compare(key) <= 0 { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private mutating func linkParents() {
    var open: [Int] = []
    parents.removeAll(keepingCapacity: true)
    for (index, prefix) in prefixes.enumerated() {
      while let last = open.last, !prefix.bytes.starts(with: prefixes[last].bytes) {
        open.removeLast()
      }
      parents.append(open.last ?? -1)
      open.append(index)
    }
  }
}
