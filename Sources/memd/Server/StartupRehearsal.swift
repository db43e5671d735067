// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Glibc

/// What a start would stumble over behind reading the configuration: users, certificates, and
/// addresses. Nobody can connect meanwhile.
struct Rehearsal {
  /// All that would keep the server from starting: each with its cause and a remedy.
  private(set) var complaints: [String] = []
  /// What need not be wrong; whole lines.
  private(set) var notes = ""
  private let server: Server

  /// - Parameter server: one that has a configuration and has not been opened.
  init(_ server: Server) {
    self.server = server
    loadUsers()
    loadCertificates()
    findAddresses()
  }

  private mutating func complain(_ cause: String, _ remedy: String) {
    complaints.append("\(cause)\nRemedy: \(remedy)\n")
  }

  private mutating func loadUsers() {
    do throws(UserFileError) {
      try server.loadUsersAtStart()
    } catch {
      complain(error.message.logText, StartupRemedy.text(for: error))
    }
  }

  private mutating func loadCertificates() {
    guard server.configuration.tls.isUsed else { return }
    do throws(TLSRefusal) {
      try server.loadTLSMaterials()
    } catch {
      complain(error.text, error.remedy)
    }
  }

  private mutating func findAddresses() {
    let configuration = server.configuration
    let places = configuration.listenPlaces
    if places.isEmpty { complain("There is nowhere to listen.", StartupRemedy.nowhere) }
    if configuration.metricsPort != 0, configuration.monitoringAddresses.isEmpty {
      complain("metrics-port has no address to listen on.", "give 'metrics-bind' an address.")
    }
    findConflicts(places.map(\.address) + configuration.monitoringAddresses)
    for place in places {
      find(place.address, portName: place.isEncrypted ? "tls-port" : "port", bindName: "bind")
    }
    for address in configuration.monitoringAddresses {
      find(address, portName: "metrics-port", bindName: "metrics-bind")
    }
  }

  /// Addresses that the server itself would ask for twice.
  private mutating func findConflicts(_ addresses: [ListenAddress]) {
    for (index, address) in addresses.enumerated() {
      guard let other = addresses[..<index].first(where: { $0.excludes(address) }) else { continue }
      let error = ListenError(address: address, operation: "bind", code: EADDRINUSE)
      return complain(
        "\(address.text) and \(other.text) can't be listened on both.",
        StartupRemedy.text(for: error, server.configuration))
    }
  }

  private mutating func find(_ address: ListenAddress, portName: String, bindName: String) {
    let configuration = server.configuration
    do throws(ListenError) {
      try server.transport.rehearseListening(on: address)
    } catch {
      if error.isTolerated { return }
      // Most likely by the server whose configuration this is.
      if error.code == EADDRINUSE, case .internet(_, let port, _) = address {
        let note = "\(portName) \(port) is in use now: by memd itself, if it runs.\n"
        // Once, and not for each address.
        if !notes.hasSuffix(note) { notes += note }
        return
      }
      let remedy = StartupRemedy.text(
        for: error, configuration, portName: portName, bindName: bindName)
      return complain(error.message, remedy)
    }
    guard case .unix(let path, _, _) = address else { return }
    let directory = Disk.directory(of: path)
    do throws(DiskError) {
      try server.disk.probe(directory: directory, processID: ProcessFacts.processID)
    } catch {
      let missing = ListenError(address: address, operation: "bind", code: 0)
      complain(
        "The directory of unixsocket \(path) can't be written: \(error.cause.text)",
        StartupRemedy.text(for: missing, configuration))
    }
  }
}
