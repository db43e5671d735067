// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// All connected clients, by slot of their connection and in the order in which they came.
final class ClientTable {
  /// By the connection's slot; nil where there is none.
  private var slots: [Client?] = []
  /// In order of arrival; closed ones are taken out at the end of the turn.
  private(set) var all: [Client] = []
  /// Closed in this turn.
  private var closed: [Client] = []
  private var lastID = 0

  /// Number of clients that are not closed.
  var count: Int { all.count - closed.count }

  /// The number of the next client.
  func nextID() -> Int {
    lastID += 1
    return lastID
  }

  func add(_ client: Client) {
    let slot = Int(client.connection.slot)
    while slots.count <= slot { slots.append(nil) }
    slots[slot] = client
    all.append(client)
  }

  /// The client of a connection; nil if the slot belongs to a later one by now.
  @inline(__always)
  func find(_ connection: ConnectionID) -> Client? {
    let slot = Int(connection.slot)
    guard slot < slots.count, let client = slots[slot], client.connection == connection else {
      return nil
    }
    return client
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
      if slots[slot] === client { slots[slot] = nil }
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
