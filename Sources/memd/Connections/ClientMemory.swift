// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// What the buffers of clients take, together and each, and `maxmemory-clients`: over that limit the
// largest clients are closed until the rest fits.

extension Client {
  /// Memory of the input that waits, of the output, and of what the client has stored about itself.
  @inline(__always)
  var bufferMemory: Int {
    reply.capacity + (input?.memory ?? 0) + (details?.byteCount ?? 0)
  }

  /// All memory of the client.
  var memory: Int { bufferMemory + Client.objectByteCount }

  /// Memory of the object without buffers, addresses included, roughly.
  static let objectByteCount = 320
}

/// The memory of all clients together.
struct ClientMemory {
  /// Bytes in the buffers of all clients.
  var total = 0
  /// The part of it that the allocator counts, too: what clients share, and tables.
  var elsewhere = 0
  /// Nobody was left to close for `maxmemory-clients`; until the next chore that won't change.
  var evictionIsFutile = false
  var peaks = ClientPeaks()
}

extension Server {
  /// Brings the sum over all clients up to date for one of them; called where its buffers change.
  @inline(__always)
  func accountMemory(of client: Client) {
    let memory = client.flags.contains(.closed) ? 0 : client.bufferMemory
    guard memory != client.accountedMemory else { return }
    clientMemory.total &+= memory &- client.accountedMemory
    client.accountedMemory = memory
    if let details = client.details { accountElsewhere(client, details) }
  }

  /// What the allocator counts must not count twice in `used_memory`.
  @inline(never)
  private func accountElsewhere(_ client: Client, _ details: ClientDetails) {
    let bytes = client.flags.contains(.closed) ? 0 : details.byteCountElsewhere
    clientMemory.elsewhere += bytes - details.accountedElsewhere
    details.accountedElsewhere = bytes
  }

  /// `maxmemory-clients` in bytes; nil if there is no limit.
  var clientMemoryLimit: Int? {
    let setting = configuration.maxMemoryClients
    guard setting != 0 else { return nil }
    var limit = setting
    if setting < 0 {
      let share = Double(configuration.maxMemory) * Double(-setting) / 100
      guard share > 0 else { return nil }
      limit = Int(min(share, Double(1 << 62)))
    }
    // Compatibility: with less, nobody could connect to correct a mistake.
    return max(limit, 128 << 10)
  }

  /// Closes the largest clients while all together take more than they may.
  ///
  /// - Parameter spared: stays, as its request is under way.
  func evictClients(sparing spared: Client? = nil) {
    guard let limit = clientMemoryLimit, clientMemory.total > limit, !clientMemory.evictionIsFutile
    else {
      return
    }
    let candidates = clients.all.filter {
      $0.accountedMemory > 0 && $0.flags.isDisjoint(with: [.closeASAP, .closed]) && $0 !== spared
        && !$0.flags.contains(.noEvict)
        && ($0.clientClass == .normal || $0.clientClass == .pubsub)
    }.sorted { $0.accountedMemory > $1.accountedMemory }
    for client in candidates {
      guard clientMemory.total > limit else { return }
      log.notice("Evicting client: \(clientLine(client).logText)")
      statistics.evictedClients += 1
      close(client)
    }
    if clientMemory.total > limit, spared == nil {
      log.warning("Over client maxmemory after evicting all evictable clients")
      // Looking again at once would cost a pass over all clients per turn, for nothing.
      clientMemory.evictionIsFutile = true
    }
  }
}
