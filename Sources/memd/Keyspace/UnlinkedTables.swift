// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Tables that no longer belong to a database, waiting to be freed a slice at a time.
struct UnlinkedTables {
  private var waiting: [Holder] = []

  /// Arrays can't hold noncopyable values, so each sits in an object.
  private final class Holder {
    var contents: DatabaseContents
    init(_ contents: consuming DatabaseContents) { self.contents = contents }
  }

  /// Number of keys that wait to be freed (INFO's lazyfree_pending_objects).
  var keyCount: Int { waiting.reduce(0) { $0 + $1.contents.table.count } }
  var isEmpty: Bool { waiting.isEmpty }

  mutating func add(_ contents: consuming DatabaseContents) { waiting.append(Holder(contents)) }

  /// Frees at most `limit` keys; true if more wait.
  mutating func free(upTo limit: Int, allocator: Allocator) -> Bool {
    guard let holder = waiting.last else { return false }
    if holder.contents.free(upTo: limit, allocator: allocator) { waiting.removeLast() }
    return !waiting.isEmpty
  }
}
