// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// A table of keys that belongs to nobody any more.
protocol UnlinkedTable: AnyObject {
  /// Number of keys that are left.
  var keyCount: Int { get }

  /// Frees about as many keys as the budget allows, which is reduced; true when none is left.
  func drain(budget: inout Int) -> Bool
}

/// Whoever still needs what has been removed: it is asked before anything is freed.
protocol ValueKeeper: AnyObject {
  /// True if the keeper takes over a large value, which it gives back with `UnlinkedData.add`.
  func keeps(_ value: UnlinkedValue) -> Bool
  /// The same for the contents of a database.
  func keeps(_ contents: DetachedContents) -> Bool
  /// True while something is freed that the keeper doesn't need.
  var ignoresBlocks: Bool { get set }
}

/// What no longer belongs to a database and waits to be freed a slice at a time: tables that
/// FLUSHALL and the like have taken away, and large values whose keys are gone.
final class UnlinkedData {
  /// Elements that are faster freed at once than filed for later.
  static let elementsAtOnce = 64

  private let allocator: Allocator
  private var tables: [DetachedContents] = []
  private var values: [UnlinkedValue] = []
  /// Other tables that nobody asks any more.
  private var others: [any UnlinkedTable] = []
  /// Who is asked before anything is freed; nobody unless a snapshot is being taken.
  var keeper: (any ValueKeeper)?
  /// Number of values and keys freed later than they were removed (`lazyfreed_objects`).
  private(set) var freedCount = 0

  init(allocator: Allocator) { self.allocator = allocator }

  /// Number of keys and of large values that wait to be freed (INFO's lazyfree_pending_objects).
  var pendingCount: Int {
    let tableKeyCount = tables.reduce(0) { $0 + $1.keyCount }
    return others.reduce(values.count + tableKeyCount) { $0 + $1.keyCount }
  }
  var isEmpty: Bool { tables.isEmpty && values.isEmpty && others.isEmpty }

  /// Takes over all keys of a database.
  func add(_ contents: DetachedContents) {
    if let keeper, keeper.keeps(contents) { return }
    tables.append(contents)
  }

  /// Takes over a large value that nobody needs any more.
  func add(_ value: UnlinkedValue) { values.append(value) }

  /// Takes over a table that is none of a database; few keys are freed at once.
  func add(_ table: any UnlinkedTable) {
    var budget = UnlinkedData.elementsAtOnce
    if !table.drain(budget: &budget) { others.append(table) }
  }

  /// Frees an entry that no table and no wheel knows any more; a large value waits for its turn.
  func discard(_ entry: consuming DetachedEntry) {
    if keeper != nil, let value = entry.largeValue, isKept(value) {
      return entry.freeWithoutValue(allocator)
    }
    var budget = UnlinkedData.elementsAtOnce
    if let rest = entry.free(allocator, budget: &budget) { values.append(rest) }
  }

  /// Frees what a collection has given up; much of it waits for its turn.
  @inline(never)
  func discard(_ value: UnlinkedValue) {
    if keeper != nil, isKept(value) { return }
    var budget = UnlinkedData.elementsAtOnce
    if !value.free(allocator, budget: &budget) { values.append(value) }
  }

  @inline(never)
  private func isKept(_ value: UnlinkedValue) -> Bool { keeper?.keeps(value) ?? false }

  /// Frees at most about `limit` elements and keys; true if more wait.
  func free(upTo limit: Int) -> Bool {
    keeper?.ignoresBlocks = true
    defer { keeper?.ignoresBlocks = false }
    var budget = limit
    while budget > 0, let value = values.last {
      guard value.free(allocator, budget: &budget) else { break }
      values.removeLast()
      freedCount += 1
    }
    if budget > 0, let contents = tables.last {
      let before = contents.keyCount
      if contents.free(upTo: budget, into: self) {
        tables.removeLast()
        freedCount += before
      } else {
        freedCount += before - contents.keyCount
      }
    }
    if budget > 0, let table = others.last {
      let before = table.keyCount
      if table.drain(budget: &budget) { others.removeLast() }
      freedCount += before - table.keyCount
    }
    return !isEmpty
  }

  /// Starts counting anew.
  func resetCount() { freedCount = 0 }
}
