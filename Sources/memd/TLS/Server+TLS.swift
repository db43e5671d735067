// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// What the server remembers of its encrypted connections.
struct Encrypting {
  /// The files as they were when they were read last, or when that failed.
  var fingerprint: TLSFingerprint?
  /// Monotonic nanoseconds at which the files are looked at next.
  var nextLook: Int64 = 0
}

extension Server {
  /// TLS of the transport's connections; nil as long as nothing was to be encrypted.
  var encryption: Encryption? { transport.encryption }

  /// Reads certificates and keys, and has connections made with them from now on; those that there
  /// are keep what they have.
  ///
  /// - Throws: what can't be used; everything is as it was then.
  func loadTLSMaterials() throws(TLSRefusal) {
    let materials = try TLSMaterials(configuration.tls)
    if let current = transport.encryption?.serverContext?.certificate, isValid(current),
      let new = materials.server.certificate, !isValid(new)
    {
      throw .expired
    }
    let encryption = transport.encryption ?? makeEncryption()
    encryption.serverContext = materials.server
    encryption.clientContext = materials.client
    encrypting.fingerprint = TLSFingerprint(configuration.tls, disk)
    updateClientVerification()
    warnOfDates(materials.server.certificate, "Server")
    if materials.client !== materials.server {
      warnOfDates(materials.client.certificate, "Client")
    }
  }

  private func makeEncryption() -> Encryption {
    let encryption = Encryption(transport, clock)
    encryption.onRefusal = { [unowned self] refusal in
      log.warning(
        "Error accepting a client connection: \(refusal.reason)"
          + " (addr=\(refusal.peerAddress) laddr=\(refusal.localAddress))")
    }
    transport.encryption = encryption
    return encryption
  }

  private func isValid(_ certificate: TLSCertificateFacts) -> Bool {
    let now = clock.wallMicroseconds() / 1_000_000
    return certificate.validFrom <= now && now <= certificate.validUntil
  }

  private func warnOfDates(_ certificate: TLSCertificateFacts?, _ whose: String) {
    guard let certificate, !isValid(certificate) else { return }
    log.warning("\(whose) TLS certificate is invalid: it has expired or isn't valid yet.")
  }

  /// Asks for certificates of clients that come from now on, or doesn't.
  func updateClientVerification() {
    switch configuration.tls.authClients {
    case .no: encryption?.verification = .none
    case .optional: encryption?.verification = .ifGiven
    case .yes: encryption?.verification = .required
    }
    encryption?.limits.count = min(HandshakeLimits().count, configuration.maxClients)
  }

  /// Takes over options about encryption that were changed while the server runs.
  func applyEncryption(
    _ change: ConfigurationChange
  ) throws(ConfigurationChange.Failure) {
    updateClientVerification()
    guard change.effects.contains(.encryption), configuration.tls.isUsed else { return }
    let changed = change.names.filter { name in
      OptionTable.find(ByteText(name))?.option.effect.contains(.encryption) ?? false
    }
    // Another port needs nothing else.
    if changed == ["tls-port"], encryption?.serverContext != nil { return }
    do throws(TLSRefusal) {
      try loadTLSMaterials()
    } catch {
      log.warning(error.text)
      throw ConfigurationChange.Failure(
        option: changed.first ?? "tls-port",
        message: "Unable to update TLS configuration. Check server logs.")
    }
  }

  /// Reads certificates and keys again if their files have changed.
  func considerTLSReload() {
    let seconds = configuration.tls.autoReloadIntervalSeconds
    guard seconds > 0, configuration.tls.isUsed, encryption != nil else { return }
    let now = clock.monotonicNanoseconds()
    guard now >= encrypting.nextLook else { return }
    encrypting.nextLook = now + Int64(seconds) * 1_000_000_000
    let fingerprint = TLSFingerprint(configuration.tls, disk)
    guard fingerprint != encrypting.fingerprint else {
      return log.debug("TLS materials unchanged, nothing to reload")
    }
    // What can't be used now is not tried again before it changes.
    encrypting.fingerprint = fingerprint
    do throws(TLSRefusal) {
      try loadTLSMaterials()
      log.notice("TLS materials reloaded successfully")
    } catch {
      log.warning(error.text)
      log.warning("TLS materials couldn't be reloaded: those that were there stay in use")
    }
  }

  // MARK: - Users by certificate

  /// Makes a client the user that its certificate names, if there is one who may come in.
  ///
  /// Compatibility: a name that is nobody's is logged as a denial, and the client is what it would
  /// be without a certificate. One of a user who is switched off has to give a password first: else
  /// that would raise the rights of whoever holds the certificate.
  func authenticateByCertificate(_ client: Client) {
    let setting = configuration.tls.authClientsUser
    guard setting != .off, let encryption else { return }
    let kind = setting == .uri ? TLSNameKind.uri : .commonName
    let names = encryption.peerNames(of: client.connection, kind)
    for name in names {
      guard let user = users.find(name.rawSpan), user.rules.isOn else { continue }
      client.user = user
      client.isAuthenticated = true
      client.updateGate()
      return log.verbose("TLS: Auto-authenticated client as \(name.rawSpan.logText())")
    }
    guard let name = names.first else { return }
    if let user = names.lazy.compactMap({ self.users.find($0.rawSpan) }).first {
      client.user = user
      client.isAuthenticated = false
      client.updateGate()
    }
    statistics.accessDeniedCertificate += 1
    users.accessLog.add(
      .certificate, context: .topLevel, object: [], user: name, client: clientLine(client),
      time: moment.milliseconds, limit: configuration.aclLogMaxLength)
  }

  // MARK: - Connections to others

  /// The port on which others reach this server as it reaches its leader.
  var announcedPort: Int {
    let tls = configuration.tls
    return tls.replication && tls.port != 0 ? tls.port : configuration.port
  }

  /// Starts a connection with the leader.
  func connectToLeader(at address: String, port: UInt16) throws(SystemError) -> ConnectionID {
    let source = configuration.bindSourceAddr
    let origin = source.isEmpty ? nil : source.logText
    guard configuration.tls.replication, let encryption else {
      return try transport.connect(to: address, port: port, from: origin)
    }
    return try encryption.connect(to: address, port: port, from: origin)
  }

  /// Opens a connection for MIGRATE.
  func connectBlocking(
    to host: String, port: UInt16, timeoutMilliseconds: Int
  ) throws(SystemError) -> BlockingConnection {
    guard configuration.tls.cluster, let encryption else {
      return try transport.connectBlocking(
        to: host, port: port, timeoutMilliseconds: timeoutMilliseconds)
    }
    return try encryption.connectBlocking(
      to: host, port: port, timeoutMilliseconds: timeoutMilliseconds)
  }

  // MARK: - Figures

  /// Certificates and handshakes.
  func writeEncryptionInfo(to text: inout InfoText) {
    let used = configuration.tls.isUsed ? encryption : nil
    let own = used?.serverContext?.certificate
    let hasClientContext = used?.clientContext !== used?.serverContext
    text.section("TLS")
    write(own, "server", to: &text)
    write(hasClientContext ? used?.clientContext?.certificate : nil, "client", to: &text)
    write(used == nil ? nil : firstAuthority, "ca", to: &text)
    text.field("memd_tls_handshakes_half_done", encryption?.halfDone ?? 0)
    text.field("memd_tls_handshakes_completed", encryption?.completedCount ?? 0)
    text.field("memd_tls_handshakes_failed", encryption?.failedCount ?? 0)
  }

  private func write(
    _ certificate: TLSCertificateFacts?, _ whose: String, to text: inout InfoText
  ) {
    let now = clock.wallMicroseconds() / 1_000_000
    text.line("tls_\(whose)_cert_serial:\(certificate?.serial ?? "none")")
    text.line(
      "tls_\(whose)_cert_expires_in_seconds:\(certificate.map { $0.validUntil - now } ?? 0)")
  }

  /// Of all authorities that are trusted the one that ends first.
  private var firstAuthority: TLSCertificateFacts? {
    var found = encryption?.serverContext?.firstAuthority
    let directory = configuration.tls.caCertDir
    guard !directory.isEmpty else { return found }
    for name in (try? disk.names(inDirectory: directory)) ?? [] {
      guard let other = TLSCertificateFacts(file: "\(directory)/\(name)") else { continue }
      if found.map({ other.validUntil < $0.validUntil }) ?? true { found = other }
    }
    return found
  }
}
