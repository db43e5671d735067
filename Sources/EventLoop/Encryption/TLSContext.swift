// SPDX-License-Identifier: Apache-2.0

internal import CTLS

/// OpenSSL, as the distribution has it.
public enum TLSLibrary {
  /// Whether its libraries are there; looked for when this is first asked.
  public static let isAvailable = unsafe memd_tls_find("libcrypto.so.3", "libssl.so.3") != 0
}

/// Certificate, key and rules of one end of connections; an empty text stands for what isn't given.
public struct TLSSettings: Equatable, Sendable {
  /// Versions of the protocol.
  public struct Protocols: OptionSet, Sendable {
    /// The library's bits.
    public let rawValue: Int32

    /// Takes the library's bits.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// TLS 1.0; most distributions refuse it whatever is asked for.
    public static let version10 = Protocols(rawValue: Int32(MEMD_TLS_1_0))
    /// TLS 1.1; like 1.0.
    public static let version11 = Protocols(rawValue: Int32(MEMD_TLS_1_1))
    /// TLS 1.2.
    public static let version12 = Protocols(rawValue: Int32(MEMD_TLS_1_2))
    /// TLS 1.3.
    public static let version13 = Protocols(rawValue: Int32(MEMD_TLS_1_3))
  }

  /// Path of the certificate and of those between it and an authority's, in PEM.
  public var certificateFile = ""
  /// Path of the private key, in PEM.
  public var keyFile = ""
  /// What the key is encrypted with.
  public var keyPassword = ""
  /// Path of the certificates of authorities that are trusted.
  public var authorityFile = ""
  /// The same, one file each, named by their hashes.
  public var authorityDirectory = ""
  /// The ciphers up to TLS 1.2, as OpenSSL writes lists of them.
  public var ciphers = ""
  /// The ciphers of TLS 1.3.
  public var suites = ""
  /// Path of parameters for key agreement; OpenSSL has its own.
  public var dhFile = ""
  /// The versions that are spoken.
  public var protocols: Protocols = [.version12, .version13]
  /// Whether the order of our ciphers counts, and not that of the client's.
  public var prefersOwnCiphers = false
  /// Whether clients may go on with an earlier session's secrets, and how many are kept how long.
  public var cachesSessions = true
  /// Sessions that are kept; 0: any number.
  public var cachedSessionCount = 20 * 1024
  /// How long one is kept.
  public var cachedSessionSeconds = 300

  /// Nothing is given.
  public init() {}
}

/// Why there is no context.
public struct TLSFailure: Error, Equatable, Sendable {
  /// The part of the settings that can't be used.
  public enum Part: Int32, Sendable {
    /// There is no memory.
    case memory = 1
    /// The certificate.
    case certificate
    /// The private key.
    case key
    /// Certificates of authorities.
    case authorities
    /// The ciphers up to TLS 1.2.
    case ciphers
    /// The ciphers of TLS 1.3.
    case suites
    /// The file of the parameters for key agreement can't be read.
    case dhFile
    /// The parameters for key agreement can't be used.
    case dhParameters
  }

  /// Which part.
  public let part: Part
  /// OpenSSL's words.
  public let text: String
}

/// What is told of a certificate.
public struct TLSCertificateFacts: Equatable, Sendable {
  /// Hexadecimal digits.
  public let serial: String
  /// Seconds since 1970 between which it is valid.
  public let validFrom: Int64
  /// See `validFrom`.
  public let validUntil: Int64

  private init?(_ raw: memd_tls_certificate) {
    var serial = raw.serial
    let text = unsafe withUnsafeBytes(of: &serial) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    if text.isEmpty { return nil }
    self.serial = text
    validFrom = raw.valid_from
    validUntil = raw.valid_until
  }

  /// Of the certificates in a file the one that ends first; nil if there is none.
  public init?(file path: String) {
    var raw = memd_tls_certificate()
    guard TLSLibrary.isAvailable, unsafe memd_tls_file_certificate(path, &raw) != 0 else {
      return nil
    }
    self.init(raw)
  }

  internal init?(filledBy fill: (inout memd_tls_certificate) -> Void) {
    var raw = memd_tls_certificate()
    fill(&raw)
    self.init(raw)
  }
}

/// What connections are made with. Those that were keep it when another takes its place.
@safe
public final class TLSContext {
  internal let raw: OpaquePointer

  /// Reads the files.
  ///
  /// - Precondition: the library is available, and certificate and key are given.
  public init(_ settings: TLSSettings) throws(TLSFailure) {
    precondition(TLSLibrary.isAvailable)
    var what: Int32 = 0
    let made = unsafe TLSContext.withRaw(settings) { unsafe memd_tls_make_context($0, &what) }
    guard let made = unsafe made else {
      throw TLSFailure(
        part: TLSFailure.Part(rawValue: what) ?? .memory,
        text: unsafe String(cString: memd_tls_failure()))
    }
    unsafe raw = made
  }

  deinit { unsafe memd_tls_free_context(raw) }

  /// The certificate that this end shows.
  public var certificate: TLSCertificateFacts? {
    TLSCertificateFacts { unsafe memd_tls_own_certificate(raw, &$0) }
  }

  /// Of the authorities in the settings' file the one that ends first.
  public var firstAuthority: TLSCertificateFacts? {
    TLSCertificateFacts { unsafe memd_tls_first_authority(raw, &$0) }
  }

  private static func withRaw<Result>(
    _ settings: TLSSettings, _ body: (UnsafePointer<memd_tls_settings>) -> Result
  ) -> Result {
    let texts = [
      settings.certificateFile, settings.keyFile, settings.keyPassword, settings.authorityFile,
      settings.authorityDirectory, settings.ciphers, settings.suites, settings.dhFile,
    ]
    return unsafe withPointers(texts[...], []) { pointers in
      var raw = unsafe memd_tls_settings(
        certificate_file: pointers[0], key_file: pointers[1], key_password: pointers[2],
        authority_file: pointers[3], authority_directory: pointers[4], ciphers: pointers[5],
        suites: pointers[6], dh_file: pointers[7], protocols: settings.protocols.rawValue,
        prefers_own_ciphers: settings.prefersOwnCiphers ? 1 : 0,
        caches_sessions: settings.cachesSessions ? 1 : 0,
        cached_session_count: settings.cachedSessionCount,
        cached_session_seconds: settings.cachedSessionSeconds)
      return unsafe body(&raw)
    }
  }

  /// C's texts, nil for empty ones, which live while `body` runs.
  private static func withPointers<Result>(
    _ texts: ArraySlice<String>, _ found: [UnsafePointer<CChar>?],
    _ body: ([UnsafePointer<CChar>?]) -> Result
  ) -> Result {
    guard let first = texts.first else { return unsafe body(found) }
    let rest = texts.dropFirst()
    if first.isEmpty { return unsafe withPointers(rest, found + [nil], body) }
    return unsafe first.withCString { pointer in
      unsafe withPointers(rest, found + [pointer as UnsafePointer<CChar>?], body)
    }
  }
}
