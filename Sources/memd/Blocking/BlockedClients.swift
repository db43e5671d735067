// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// All clients that wait for keys: by key, in the order in which they came, and by timeout.
///
/// Who changes a key says so through `Effects`, whatever the change. Its queue is then ready, and
/// `Server` runs the requests of those who wait in it when the execution unit has ended.
final class BlockedClients {
  private let attention: Attention
  /// By hash of key and database; keys that fall together are linked.
  private var queues: [UInt64: WaitQueue] = [:]
  /// Everybody who waits.
  private let everybody = WaitQueue(database: -1, key: [], hash: 0)
  /// Those who wait for logs.
  let forSync = WaitQueue(database: -1, key: [], hash: 0)
  /// Queues whose keys have changed, in order.
  private var ready: [WaitQueue] = []
  private(set) var timeouts = TimeoutHeap()
  /// Whether clients are being served whose keys have become ready.
  var isServing = false
  /// Keys that somebody waits for, and those of them whose removal interests somebody.
  private(set) var keyCount = 0
  private(set) var removalKeyCount = 0

  /// Number of clients that wait.
  var count: Int { everybody.count }

  init(_ attention: Attention) { self.attention = attention }

  // MARK: - Coming and going

  /// A client begins to wait for the given arguments of its request.
  func add(_ waiting: BlockedClient, keys: some Sequence<Int>, in database: Database) {
    everybody.append(waiting)
    let arguments = waiting.request.arguments
    for index in keys {
      let key = Key(arguments[index], seed: database.seed)
      let queue = makeQueue(key, in: database.number)
      // A key that is named twice has one place.
      guard !waiting.places.contains(where: { $0.queue === queue }) else { continue }
      let wakedNobody = queue.removalCount == 0
      queue.append(waiting)
      if wakedNobody, queue.removalCount > 0 { removalKeyCount += 1 }
    }
    if waiting.deadline != .max { timeouts.add(waiting) }
    attention.set(.waiters, true)
  }

  /// A client begins to wait for logs.
  func addForSync(_ waiting: BlockedClient) {
    everybody.append(waiting)
    forSync.append(waiting)
    if waiting.deadline != .max { timeouts.add(waiting) }
    attention.set(.waiters, true)
  }

  /// A client waits no longer.
  func remove(_ waiting: BlockedClient) {
    for place in waiting.places {
      let queue = place.queue
      let wokeSomebody = queue.removalCount > 0
      queue.remove(at: place.index, wakesOnRemoval: waiting.wakesOnRemoval)
      guard queue !== everybody, queue !== forSync else { continue }
      if wokeSomebody, queue.removalCount == 0 { removalKeyCount -= 1 }
      if queue.count == 0 { drop(queue) }
    }
    waiting.places.removeAll()
    timeouts.remove(waiting)
    attention.set(.waiters, count > 0)
  }

  /// Everybody who waits, in the order in which they began.
  func all() -> [BlockedClient] {
    var all: [BlockedClient] = []
    everybody.visit { waiting in
      all.append(waiting)
      return true
    }
    return all
  }

  // MARK: - Keys that change

  /// A key has changed: clients that wait for it may be served, or may wait in vain.
  @inline(never)
  func signal(_ key: Key, in database: Database) {
    guard let queue = find(key, in: database.number) else { return }
    markReady(queue)
  }

  /// A log has made more durable, or is no longer there.
  func signalSync() {
    if forSync.count > 0 { markReady(forSync) }
  }

  /// All keys of a database that somebody waits for may have changed.
  func signalAll(in database: Database) {
    guard count > 0 else { return }
    everybody.visit { waiting in
      for place in waiting.places where place.queue.database == database.number {
        markReady(place.queue)
      }
      return true
    }
  }

  private func markReady(_ queue: WaitQueue) {
    guard !queue.isReady else { return }
    queue.isReady = true
    ready.append(queue)
    attention.set(.readyKeys, true)
  }

  /// The queues that are ready, in the order in which their keys changed; they are no longer noted.
  func takeReady() -> [WaitQueue] {
    let taken = ready
    ready.removeAll()
    attention.set(.readyKeys, false)
    return taken
  }

  // MARK: - Queues by key

  private static func word(_ hash: UInt64, _ database: Int) -> UInt64 {
    hash &+ UInt64(truncatingIfNeeded: database) &* 0x9E37_79B9_7F4A_7C15
  }

  private func find(_ key: Key, in database: Int) -> WaitQueue? {
    var queue = queues[BlockedClients.word(key.hash, database)]
    while let candidate = queue {
      let bytes = candidate.key
      if candidate.database == database, key.bytes.equals(bytes.rawSpan) { return candidate }
      queue = candidate.sibling
    }
    return nil
  }

  private func makeQueue(_ key: Key, in database: Int) -> WaitQueue {
    if let queue = find(key, in: database) { return queue }
    let queue = WaitQueue(database: database, key: key.bytes.copied, hash: key.hash)
    let word = BlockedClients.word(key.hash, database)
    queue.sibling = queues[word]
    queues[word] = queue
    keyCount += 1
    return queue
  }

  /// Nobody waits for this key any more.
  private func drop(_ queue: WaitQueue) {
    let word = BlockedClients.word(queue.hash, queue.database)
    keyCount -= 1
    guard let first = queues[word], first !== queue else {
      queues[word] = queue.sibling
      return
    }
    var previous = first
    while let next = previous.sibling, next !== queue { previous = next }
    previous.sibling = queue.sibling
  }
}
