// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Tables that no longer belong to a database, waiting to be freed a slice at a time.
struct UnlinkedTables {
  private var waiting: [DetachedContents] = []

  /// Number of keys that wait to be freed (INFO's lazyfree_pending_objects).
  var keyCount: Int { waiting.reduce(0) { $0 + $1.keyCount } }
  var isEmpty: Bool { waiting.isEmpty }

  mutating func add(_ contents: DetachedContents) { waiting.append(contents) }

  /// Frees at most `limit` keys; true if more wait.
  mutating func free(upTo limit: Int, allocator: Allocator) -> Bool {
    guard let contents = waiting.last else { return false }
    if contents.free(upTo: limit, allocator: allocator) { waiting.removeLast() }
    return !waiting.isEmpty
  }
}
