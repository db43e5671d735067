// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// All connected clients, by slot of their connection and in the order in which they came.
@safe
final class ClientTable {
  /// By the connection's slot; nil where there is none. `all` owns the clients.
  private var slots: UnsafeMutablePointer<Unmanaged<Client>?>
  private var slotCount = 64
  /// In order of arrival; closed ones are taken out at the end of the turn.
  private(set) var all: [Client] = []
  /// Closed in this turn.
  private var closed: [Client] = []
  private var lastID = 0
  /// Those that get to see every command.
  var monitors: [Client] = []
  /// Closed clients that still have to leave channels, so many that it takes several turns.
  var leaving: [Client] = []
  /// Where the periodic look at clients goes on.
  var cursor = 0

  init() {
    unsafe slots = .allocate(capacity: slotCount)
    unsafe slots.initialize(repeating: nil, count: slotCount)
  }

  deinit { unsafe slots.deallocate() }

  /// Number of clients that are not closed.
  var count: Int { all.count - closed.count }

  /// The number of the next client.
  func nextID() -> Int {
    lastID += 1
    return lastID
  }

  func add(_ client: Client) {
    let slot = Int(client.connection.slot)
    if slot >= slotCount { grow(toHold: slot) }
    unsafe slots[slot] = .passUnretained(client)
    all.append(client)
  }

  private func grow(toHold slot: Int) {
    var larger = slotCount
    while larger <= slot { larger *= 2 }
    let moved = UnsafeMutablePointer<Unmanaged<Client>?>.allocate(capacity: larger)
    unsafe moved.initialize(repeating: nil, count: larger)
    unsafe moved.update(from: slots, count: slotCount)
    unsafe slots.deallocate()
    unsafe slots = moved
    slotCount = larger
  }

  /// The client of a connection; nil if the slot belongs to a later one by now.
  ///
  /// The client lives until `removeClosed` at the end of its last turn: no reference is counted.
  @inline(__always)
  func find(_ connection: ConnectionID) -> Unmanaged<Client>? {
    let slot = Int(connection.slot)
    guard slot < slotCount, let client = unsafe slots[slot],
      unsafe client._withUnsafeGuaranteedRef({ $0.connection == connection })
    else { return nil }
    return unsafe client
  }

  /// The client with this number, unless it is closed.
  ///
  /// - Complexity: O(log n) in the number of clients.
  func find(id: Int) -> Client? {
    let index = position(of: id)
    guard index < all.count, all[index].id == id, !all[index].flags.contains(.closed) else {
      return nil
    }
    return all[index]
  }

  /// Where the client with this number stands, or would stand: numbers grow in order of arrival.
  private func position(of id: Int) -> Int {
    var low = 0
    var high = all.count
    while low < high {
      let middle = (low + high) / 2
      if all[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The client was closed; it stays until `removeClosed`.
  func noteClosed(_ client: Client) { closed.append(client) }

  /// Forgets closed clients; a few cost little however many others there are.
  func removeClosed() {
    guard !closed.isEmpty else { return }
    for client in closed {
      let slot = Int(client.connection.slot)
      if unsafe slots[slot]?.toOpaque() == Unmanaged.passUnretained(client).toOpaque() {
        unsafe slots[slot] = nil
      }
    }
    if closed.count <= 16 {
      for client in closed {
        let index = position(of: client.id)
        if index < all.count, all[index] === client { all.remove(at: index) }
      }
    } else {
      all.removeAll { $0.flags.contains(.closed) }
    }
    closed.removeAll(keepingCapacity: closed.count <= 1024)
  }
}
