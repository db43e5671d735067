// SPDX-License-Identifier: Apache-2.0

/// Clients in the order in which they began to wait for one key.
///
/// Who leaves leaves a gap behind, so that leaving costs nothing; gaps are closed when they are
/// more than those who wait.
final class WaitQueue {
  private struct Slot {
    unowned let waiting: BlockedClient
  }

  let database: Int
  let key: [UInt8]
  let hash: UInt64
  /// Another key whose hash falls together with this one's.
  var sibling: WaitQueue?
  /// The key has changed and its clients have not been served since.
  var isReady = false
  /// How many of the clients want to know when the key goes.
  private(set) var removalCount = 0
  private(set) var count = 0
  private var slots: [Slot?] = []
  /// Slots in front of this one are gaps.
  private var head = 0
  /// While somebody goes through the queue its slots stay where they are.
  private var isVisited = false

  init(database: Int, key: [UInt8], hash: UInt64) {
    self.database = database
    self.key = key
    self.hash = hash
  }

  /// Adds a client at the end.
  ///
  /// - Complexity: O(1) amortised.
  func append(_ waiting: BlockedClient) {
    if slots.count >= 2 * count + 16, !isVisited { closeGaps() }
    waiting.places.append(BlockedClient.Place(queue: self, index: slots.count))
    slots.append(Slot(waiting: waiting))
    count += 1
    if waiting.wakesOnRemoval { removalCount += 1 }
  }

  /// Takes out the client of a place.
  func remove(at index: Int, wakesOnRemoval: Bool) {
    slots[index] = nil
    count -= 1
    if wakesOnRemoval { removalCount -= 1 }
    while head < slots.count, slots[head] == nil { head += 1 }
  }

  /// Visits those who wait now, in order, until `body` returns false. They may leave meanwhile, and
  /// others may come, who are not visited.
  func visit(_ body: (BlockedClient) -> Bool) {
    isVisited = true
    defer { isVisited = false }
    let end = slots.count
    var index = head
    while index < end {
      if let slot = slots[index], !body(slot.waiting) { return }
      index += 1
    }
  }

  private func closeGaps() {
    var kept: [Slot?] = []
    kept.reserveCapacity(count * 2)
    for case let slot? in slots {
      let places = slot.waiting.places
      // A client waits for few keys.
      if let place = places.firstIndex(where: { $0.queue === self }) {
        slot.waiting.places[place].index = kept.count
      }
      kept.append(slot)
    }
    slots = kept
    head = 0
  }
}
