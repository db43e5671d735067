// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Keys that clients of a writable follower have written themselves, and that expire.
///
/// Nobody else says when these go: a follower removes what its leader tells it to, and the leader
/// doesn't know them. A key that the leader's stream writes is the leader's from then on.
final class LocalDeadlines {
  struct LocalKey: Hashable {
    let database: Int
    let bytes: [UInt8]
  }

  private struct Item {
    let deadline: Int64
    let key: LocalKey
  }

  /// Keys that were written since `file` was called last, with a deadline or without, and the order
  /// in which they were first; some of those are the leader's again.
  private var written: Set<LocalKey> = []
  private var order: [LocalKey] = []
  /// By database and key.
  private var deadlines: [Int: [[UInt8]: Int64]] = [:]
  /// How many of them there are.
  private var count = 0
  /// A binary heap, the earliest deadline first; what `deadlines` contradicts is out of date.
  private var heap: [Item] = []

  var isEmpty: Bool { written.isEmpty && deadlines.isEmpty }

  /// A key has been changed, by a client or by the leader's stream.
  func noteChange(of key: Key, in database: Database) {
    let name = LocalKey(database: database.number, bytes: key.bytes.copied)
    if database.moment.expiryMode == .ignore {
      written.remove(name)
      setDeadline(nil, of: name)
    } else if written.insert(name).inserted {
      order.append(name)
    }
  }

  /// All keys of a database have gone, or are others.
  func forgetAll(in database: Int) {
    for key in order where key.database == database { written.remove(key) }
    count -= deadlines[database]?.count ?? 0
    deadlines[database] = nil
  }

  /// Takes over the deadlines of what was written.
  ///
  /// - Parameter deadline: tells that of a key in milliseconds since 1970; nil if it has none.
  func file(_ deadline: (LocalKey) -> Int64?) {
    for key in order where written.remove(key) != nil {
      let time = deadline(key)
      setDeadline(time, of: key)
      if let time { push(Item(deadline: time, key: key)) }
    }
    if heap.count > 2 * count + 64 { dropOutdated() }
    order.removeAll(keepingCapacity: false)
  }

  /// The next key whose deadline has passed, which is forgotten; nil if there is none.
  func takeDue(now: Int64) -> LocalKey? {
    while let first = heap.first, first.deadline < now {
      pop()
      guard deadlines[first.key.database]?[first.key.bytes] == first.deadline else { continue }
      setDeadline(nil, of: first.key)
      return first.key
    }
    return nil
  }

  private func dropOutdated() {
    let current = heap.filter { deadlines[$0.key.database]?[$0.key.bytes] == $0.deadline }
    heap.removeAll()
    for item in current { push(item) }
  }

  private func setDeadline(_ deadline: Int64?, of key: LocalKey) {
    let before = deadlines[key.database]?[key.bytes]
    count += (deadline == nil ? 0 : 1) - (before == nil ? 0 : 1)
    deadlines[key.database, default: [:]][key.bytes] = deadline
    if deadlines[key.database]?.isEmpty == true { deadlines[key.database] = nil }
  }

  // MARK: - The heap

  private func push(_ item: Item) {
    var index = heap.count
    heap.append(item)
    while index > 0, heap[(index - 1) / 2].deadline > heap[index].deadline {
      heap.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  private func pop() {
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var index = 0
    while true {
      let children = [2 * index + 1, 2 * index + 2].filter { $0 < heap.count }
      guard let least = children.min(by: { heap[$0].deadline < heap[$1].deadline }),
        heap[least].deadline < heap[index].deadline
      else { return }
      heap.swapAt(index, least)
      index = least
    }
  }
}
