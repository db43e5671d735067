// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Which clients hold which keys in their caches.
///
/// Keys have no database here: a client that is told of a change forgets the key, whichever
/// database it was read from. A client that leaves stays in the table until its keys change, or
/// until another client comes to one of them: looking for it would take a pass over all keys.
///
/// - Complexity: O(1) in the number of keys. Finding a client of a key is O(log n) in their number,
///   inserting one O(n), a move of memory. Memory: about 47 bytes for a key of 16 bytes that one
///   client holds, and four to eight for each further client.
final class InvalidationTable: UnlinkedTable {
  private let allocator: Allocator
  private var table: HashTable<TrackedKey>
  /// Number of pairs of a key and a client.
  private(set) var itemCount = 0

  init(allocator: Allocator, seed: HashSeed) {
    self.allocator = allocator
    table = HashTable(allocator: allocator, seed: seed)
  }

  /// Number of different keys.
  var keyCount: Int { table.count }

  /// Notes that a client holds a key.
  ///
  /// - Parameter isHere: whether the client with a number has not left; the others are dropped when
  ///   the key has no room for one more.
  func insert(_ key: Key, for number: UInt32, isHere: (UInt32) -> Bool) {
    guard let location = table.locate(key.bytes, hash: key.hash) else {
      guard key.bytes.byteCount <= TrackedKey.byteCountMax else { return }
      let new = TrackedKey(key.bytes, heldBy: [number], allocator: allocator)
      table.insert(new, hash: key.hash)
      itemCount += 1
      return
    }
    let tracked = table.element(at: location)
    let position = tracked.position(of: number)
    if position < tracked.count, tracked[position] == number { return }
    if !tracked.isFull {
      tracked.insert(number, at: position)
      itemCount += 1
      return
    }
    var numbers: [UInt32] = []
    numbers.reserveCapacity(tracked.count + 1)
    for index in 0..<tracked.count {
      if index == position { numbers.append(number) }
      if isHere(tracked[index]) { numbers.append(tracked[index]) }
    }
    if position == tracked.count { numbers.append(number) }
    itemCount += numbers.count - tracked.count
    table.replace(
      at: location, with: TrackedKey(key.bytes, heldBy: numbers, allocator: allocator))
    tracked.free(allocator)
  }

  /// Takes a key out; nil if nobody holds it. The caller gives it back to `free`.
  func remove(_ key: Key) -> TrackedKey? {
    guard let tracked = table.remove(key.bytes, hash: key.hash) else { return nil }
    itemCount -= tracked.count
    return tracked
  }

  /// Takes out some key, each with the same chance; nil if there is none.
  func removeRandom(using random: inout RandomGenerator) -> TrackedKey? {
    guard let tracked = table.random(using: &random) else { return nil }
    return remove(Key(tracked.bytes, seed: table.seed))
  }

  /// Gives back the memory of a key that was taken out.
  func free(_ tracked: TrackedKey) { tracked.free(allocator) }

  /// Frees about as many keys as the budget allows, which is reduced; true when none is left. The
  /// table must not be used for anything else from then on.
  func drain(budget: inout Int) -> Bool {
    let before = table.count
    let isEmpty = table.drain(upTo: budget) { $0.free(allocator) }
    budget -= max(1, before - table.count)
    return isEmpty
  }

  /// Visits every key, in no order that means anything. For tests.
  func forEach(_ visit: (TrackedKey) -> Void) { table.forEach(visit) }
}
