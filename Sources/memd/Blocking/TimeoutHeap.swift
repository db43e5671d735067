// SPDX-License-Identifier: Apache-2.0

/// Waiting clients by the end of their time: a binary heap in which each knows its place.
struct TimeoutHeap {
  private struct Slot {
    unowned let waiting: BlockedClient
    let deadline: Int64
  }

  private var slots: [Slot] = []

  var count: Int { slots.count }

  /// The end that comes first, in monotonic nanoseconds; nil if nobody's time is limited.
  var earliest: Int64? { slots.first?.deadline }

  /// The client whose time ends first.
  var first: BlockedClient? { slots.first?.waiting }

  /// Adds a client.
  ///
  /// - Complexity: O(log n)
  mutating func add(_ waiting: BlockedClient) {
    slots.append(Slot(waiting: waiting, deadline: waiting.deadline))
    rise(from: slots.count - 1)
  }

  /// Takes a client out, if it is here.
  ///
  /// - Complexity: O(log n)
  mutating func remove(_ waiting: BlockedClient) {
    let index = waiting.timeoutIndex
    guard index >= 0 else { return }
    waiting.timeoutIndex = -1
    let last = slots.removeLast()
    guard index < slots.count else { return }
    slots[index] = last
    rise(from: index)
    sink(from: last.waiting.timeoutIndex)
  }

  private mutating func rise(from start: Int) {
    var index = start
    let slot = slots[index]
    while index > 0 {
      let parent = (index - 1) / 2
      guard slot.deadline < slots[parent].deadline else { break }
      place(slots[parent], at: index)
      index = parent
    }
    place(slot, at: index)
  }

  private mutating func sink(from start: Int) {
    var index = start
    let slot = slots[index]
    while true {
      var child = 2 * index + 1
      guard child < slots.count else { break }
      if child + 1 < slots.count, slots[child + 1].deadline < slots[child].deadline { child += 1 }
      guard slots[child].deadline < slot.deadline else { break }
      place(slots[child], at: index)
      index = child
    }
    place(slot, at: index)
  }

  private mutating func place(_ slot: Slot, at index: Int) {
    slots[index] = slot
    slot.waiting.timeoutIndex = index
  }
}
