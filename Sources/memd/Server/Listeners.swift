// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// The addresses where the server listens now.
final class Listeners {
  struct Listener {
    let address: ListenAddress
    /// Its number in the transport.
    let index: Int
  }

  fileprivate(set) var all: [Listener] = []
  var acceptance = Acceptance()
  /// Wall time, in seconds, of the last warning of an attack through HTTP.
  var lastSecurityWarning: Int64 = 0
}

extension Server {
  /// Listens where the configuration says and nowhere else; listeners that may stay are not
  /// touched.
  ///
  /// An address that may be missing is passed over when it is. On a failure what was opened stays
  /// open: the caller ends the process, or calls again with the configuration that was there
  /// before.
  func updateListeners() throws(ListenError) {
    let wanted = configuredAddresses()
    for listener in listeners.all where !wanted.contains(listener.address) {
      transport.closeListener(listener.index)
    }
    listeners.all.removeAll { !wanted.contains($0.address) }
    for address in wanted where !listeners.all.contains(where: { $0.address == address }) {
      do throws(ListenError) {
        let index = try transport.listen(on: address, backlog: Int32(configuration.tcpBacklog))
        listeners.all.append(Listeners.Listener(address: address, index: index))
      } catch {
        log.warning("Warning: \(error.message)")
        if !error.isTolerated { throw error }
      }
    }
  }

  /// Stops listening; files of unix sockets are removed.
  func closeListeners() {
    for listener in listeners.all { transport.closeListener(listener.index) }
    listeners.all = []
  }

  private func configuredAddresses() -> [ListenAddress] {
    var addresses: [ListenAddress] = []
    if let port = UInt16(exactly: configuration.port), port > 0 {
      addresses = configuration.bind.map { ListenAddress(bind: $0, port: port) }
    }
    if !configuration.unixSocket.isEmpty {
      let mode = configuration.unixSocketPermissions
      let group = configuration.unixSocketGroup
      addresses.append(
        .unix(
          path: configuration.unixSocket, mode: mode == 0 ? nil : UInt32(mode),
          group: group.isEmpty ? nil : group))
    }
    return addresses
  }
}
