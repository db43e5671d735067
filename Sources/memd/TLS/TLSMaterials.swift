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
    if configuration.certFile.isEmpty {
      throw TLSRefusal("No tls-cert-file configured!", TLSRefusal.missingFile("tls-cert-file"))
    }
    if configuration.keyFile.isEmpty {
      throw TLSRefusal("No tls-key-file configured!", TLSRefusal.missingFile("tls-key-file"))
    }
    let verifies =
      configuration.authClients != .no || configuration.cluster || configuration.replication
    if verifies, configuration.caCertFile.isEmpty, configuration.caCertDir.isEmpty {
      throw TLSRefusal(
        "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster,"
          + " tls-replication or tls-auth-clients are enabled!",
        "set 'tls-ca-cert-file' to the certificate of who signed those of the others; or"
          + " 'tls-auth-clients no', if clients need none.")
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
  /// What helps, in words that follow "Remedy: ".
  let remedy: String

  static let noLibrary = TLSRefusal(
    "There is no OpenSSL 3 (libssl.so.3), which TLS needs.",
    "install it (apt-get install libssl3) and start again.")

  static let expired = TLSRefusal(
    "The new TLS certificate has expired or isn't valid yet; the one in use is valid, and stays.",
    "give the server a certificate that is valid now ('openssl x509 -noout -dates -in FILE').")

  fileprivate static let protocols = TLSRefusal(
    "Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and"
      + " 'TLSv1.3'.",
    "write: tls-protocols \"TLSv1.2 TLSv1.3\".")

  fileprivate static func missingFile(_ name: String) -> String {
    "set '\(name)' to a file in PEM format, or 'tls-port 0' and 'tls-replication no'."
  }

  fileprivate init(_ text: String, _ remedy: String) {
    self.text = text
    self.remedy = remedy
  }

  fileprivate init(_ failure: TLSFailure, _ settings: TLSSettings) {
    (text, remedy) =
      switch failure.part {
      case .memory:
        ("Failed to make a TLS context: \(failure.text)", "there may be too little memory.")
      case .certificate:
        (
          "Failed to load certificate: \(settings.certificateFile): \(failure.text)",
          "the file must be a certificate in PEM format (-----BEGIN CERTIFICATE-----), and the user"
            + " who runs memd must be allowed to read it."
        )
      case .key:
        (
          "Failed to load private key: \(settings.keyFile): \(failure.text)",
          "the file must be the certificate's own key in PEM format, which the user who runs memd"
            + " must be allowed to read; a key with a password needs 'tls-key-file-pass'."
        )
      case .authorities:
        (
          "Failed to configure CA certificate(s) file/directory: \(failure.text)",
          "'tls-ca-cert-file' must be a file of certificates in PEM format, 'tls-ca-cert-dir' a"
            + " directory of such that 'openssl rehash' was run on."
        )
      case .ciphers:
        (
          "Failed to configure ciphers: \(settings.ciphers)",
          "'openssl ciphers' lists those that there are."
        )
      case .suites:
        (
          "Failed to configure ciphersuites: \(settings.suites)",
          "'openssl ciphers -s -tls1_3' lists those that there are."
        )
      case .dhFile:
        (
          "Failed to load \(settings.dhFile): \(failure.text)",
          "correct 'tls-dh-params-file', or leave it out: parameters are chosen then."
        )
      case .dhParameters:
        (
          "\(settings.dhFile): failed to read DH params.",
          "make the file with 'openssl dhparam -out FILE 2048', or leave 'tls-dh-params-file' out."
        )
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
