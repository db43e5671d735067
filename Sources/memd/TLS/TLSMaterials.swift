// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// What encrypted connections are made with: certificates, keys and rules, as the configuration
/// has them.
struct TLSMaterials {
  let server: TLSContext
  /// For connections to other servers.
  let client: TLSContext

  /// Reads everything that the configuration names.
  ///
  /// - Throws: a line for the log that says what can't be used.
  init(_ configuration: TLSConfiguration) throws(TLSRefusal) {
    guard TLSLibrary.isAvailable else { throw TLSRefusal.noLibrary }
    var settings = try TLSMaterials.settings(configuration)
    server = try TLSMaterials.context(settings)
    if configuration.clientCertFile.isEmpty || configuration.clientKeyFile.isEmpty {
      client = server
    } else {
      settings.certificateFile = configuration.clientCertFile
      settings.keyFile = configuration.clientKeyFile
      settings.keyPassword = configuration.clientKeyFilePass
      client = try TLSMaterials.context(settings)
    }
  }

  private static func settings(
    _ configuration: TLSConfiguration
  ) throws(TLSRefusal) -> TLSSettings {
    if configuration.certFile.isEmpty { throw TLSRefusal("No tls-cert-file configured!") }
    if configuration.keyFile.isEmpty { throw TLSRefusal("No tls-key-file configured!") }
    let verifies =
      configuration.authClients != .no || configuration.cluster || configuration.replication
    if verifies, configuration.caCertFile.isEmpty, configuration.caCertDir.isEmpty {
      throw TLSRefusal(
        "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster,"
          + " tls-replication or tls-auth-clients are enabled!")
    }
    var settings = TLSSettings()
    settings.certificateFile = configuration.certFile
    settings.keyFile = configuration.keyFile
    settings.keyPassword = configuration.keyFilePass
    settings.authorityFile = configuration.caCertFile
    settings.authorityDirectory = configuration.caCertDir
    settings.ciphers = configuration.ciphers
    settings.suites = configuration.ciphersuites
    settings.dhFile = configuration.dhParamsFile
    settings.prefersOwnCiphers = configuration.preferServerCiphers
    settings.cachesSessions = configuration.sessionCaching
    settings.cachedSessionCount = configuration.sessionCacheSize
    settings.cachedSessionSeconds = configuration.sessionCacheTimeoutSeconds
    if !configuration.protocols.isEmpty {
      settings.protocols = try protocols(configuration.protocols)
    }
    return settings
  }

  private static func protocols(
    _ words: String
  ) throws(TLSRefusal) -> TLSSettings.Protocols {
    var protocols: TLSSettings.Protocols = []
    for word in words.split(separator: " ") {
      switch Keyword(folding: ByteText(String(word)).rawSpan) {
      case Keyword("tlsv1"): protocols.insert(.version10)
      case Keyword("tlsv1.1"): protocols.insert(.version11)
      case Keyword("tlsv1.2"): protocols.insert(.version12)
      case Keyword("tlsv1.3"): protocols.insert(.version13)
      default: throw TLSRefusal.protocols
      }
    }
    if protocols.isEmpty { throw TLSRefusal.protocols }
    return protocols
  }

  private static func context(_ settings: TLSSettings) throws(TLSRefusal) -> TLSContext {
    do throws(TLSFailure) {
      return try TLSContext(settings)
    } catch {
      throw TLSRefusal(error, settings)
    }
  }
}

/// Why connections can't be encrypted.
struct TLSRefusal: Error {
  /// A line for the log.
  let text: String

  static let noLibrary = TLSRefusal(
    "There is no OpenSSL 3 (libssl.so.3), which TLS needs. Install it (apt-get install libssl3)"
      + " and start again.")

  fileprivate static let protocols = TLSRefusal(
    "Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and"
      + " 'TLSv1.3'.")

  init(_ text: String) { self.text = text }

  fileprivate init(_ failure: TLSFailure, _ settings: TLSSettings) {
    switch failure.part {
    case .memory: text = "Failed to make a TLS context: \(failure.text)"
    case .certificate:
      text = "Failed to load certificate: \(settings.certificateFile): \(failure.text)"
    case .key: text = "Failed to load private key: \(settings.keyFile): \(failure.text)"
    case .authorities:
      text = "Failed to configure CA certificate(s) file/directory: \(failure.text)"
    case .ciphers: text = "Failed to configure ciphers: \(settings.ciphers)"
    case .suites: text = "Failed to configure ciphersuites: \(settings.suites)"
    case .dhFile: text = "Failed to load \(settings.dhFile): \(failure.text)"
    case .dhParameters: text = "\(settings.dhFile): failed to read DH params."
    }
  }
}

/// The contents of all files that connections are made with, to see whether they have changed.
struct TLSFingerprint: Equatable {
  private let digest: String

  init(_ configuration: TLSConfiguration, _ disk: Disk) {
    var hash = SHA256()
    let files = [
      configuration.certFile, configuration.keyFile, configuration.clientCertFile,
      configuration.clientKeyFile, configuration.dhParamsFile, configuration.caCertFile,
    ]
    let directory = configuration.caCertDir
    var names: [String] = []
    if !directory.isEmpty {
      names = ((try? disk.names(inDirectory: directory)) ?? []).sorted()
    }
    for path in files.filter({ !$0.isEmpty }) + names.map({ "\(directory)/\($0)" }) {
      // What can't be read is like nothing: it will be found out when it is used.
      let content = (try? disk.read(path)) ?? []
      hash.update(Array("\(path)\0\(content.count)\0".utf8).rawSpan)
      hash.update(content.rawSpan)
    }
    digest = hash.finish().description
  }
}
