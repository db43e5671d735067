// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// The addresses where the server listens now.
final class Listeners {
  /// Where the server listens.
  struct Place: Equatable {
    let address: ListenAddress
    var isEncrypted = false
  }

  struct Listener {
    let place: Place
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
    let wanted = configuration.listenPlaces
    for listener in listeners.all where !wanted.contains(listener.place) {
      transport.closeListener(listener.index)
    }
    listeners.all.removeAll { !wanted.contains($0.place) }
    for place in wanted where !listeners.all.contains(where: { $0.place == place }) {
      do throws(ListenError) {
        let index = try listen(at: place)
        listeners.all.append(Listeners.Listener(place: place, index: index))
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

  private func listen(at place: Listeners.Place) throws(ListenError) -> Int {
    let backlog = Int32(configuration.tcpBacklog)
    guard place.isEncrypted, let encryption else {
      return try transport.listen(on: place.address, backlog: backlog)
    }
    return try encryption.listen(on: place.address, backlog: backlog)
  }
}

extension Configuration {
  /// The directives that have this port.
  func directives(ofPort number: Int) -> [String] {
    [("port", port), ("tls-port", tls.port), ("metrics-port", metricsPort)]
      .filter { $0.1 == number }.map(\.0)
  }

  /// Where clients are to reach the server.
  var listenPlaces: [Listeners.Place] {
    var places: [Listeners.Place] = []
    for (number, isEncrypted) in [(port, false), (tls.port, true)] {
      guard let port = UInt16(exactly: number), port > 0 else { continue }
      places += bind.map {
        Listeners.Place(address: ListenAddress(bind: $0, port: port), isEncrypted: isEncrypted)
      }
    }
    if !unixSocket.isEmpty {
      let mode = unixSocketPermissions
      places.append(
        Listeners.Place(
          address: .unix(
            path: unixSocket, mode: mode == 0 ? nil : UInt32(mode),
            group: unixSocketGroup.isEmpty ? nil : unixSocketGroup)))
    }
    return places
  }
}
