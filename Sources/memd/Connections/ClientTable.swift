// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// All connected clients, by slot of their connection and in the order in which they came.
final class ClientTable {
  /// By the connection's slot; nil where there is none.
  private var slots: [Client?] = []
  /// In order of arrival; closed ones are taken out at the end of the turn.
  private(set) var all: [Client] = []
  private var lastID = 0

  var count: Int { all.count }

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

  /// The client with this number.
  func find(id: Int) -> Client? {
    // Numbers grow in order of arrival.
    var low = 0
    var high = all.count
    while low < high {
      let middle = (low + high) / 2
      if all[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return low < all.count && all[low].id == id ? all[low] : nil
  }

  /// Forgets closed clients.
  func removeClosed() {
    all.removeAll { client in
      guard client.flags.contains(.closed) else { return false }
      let slot = Int(client.connection.slot)
      if slots[slot] === client { slots[slot] = nil }
      return true
    }
  }
}
