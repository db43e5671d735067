// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing

@testable import EventLoop

/// An authority, a server's and a client's certificate, and a stranger's; made by openssl once per
/// process, in a directory that goes away with it.
final class TestCertificates: Sendable {
  static let shared = Result { try TestCertificates() }

  private let directory: String

  private init() throws {
    var template = Array("/tmp/memd-tls-XXXXXX".utf8CString)
    let path = unsafe template.withUnsafeMutableBufferPointer { buffer -> String? in
      guard let base = buffer.baseAddress, let made = unsafe mkdtemp(base) else { return nil }
      return unsafe String(cString: made)
    }
    directory = try #require(path)
    unsafe setenv("MEMD_TEST_CERTIFICATES", directory, 1)
    atexit { _ = unsafe system("rm -rf \"$MEMD_TEST_CERTIFICATES\"") }
    for authority in ["authority", "stranger"] {
      try makeKey(authority)
      try run(
        "req -x509 -new -key \(authority).key -days 10 -subj /CN=\(authority) -out"
          + " \(authority).crt")
    }
    try sign("server", by: "authority")
    try sign("client", by: "authority")
    try sign("strange", by: "stranger")
  }

  private func run(_ words: String) throws {
    let status = unsafe system("cd \(directory) && openssl \(words) >/dev/null 2>&1")
    try #require(status == 0, "openssl \(words)")
  }

  private func makeKey(_ name: String) throws {
    try run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out \(name).key")
  }

  private func sign(_ name: String, by authority: String) throws {
    try makeKey(name)
    try run(
      "req -new -key \(name).key -subj /CN=\(name) -addext"
        + " subjectAltName=URI:urn:a,DNS:x,URI:urn:b -out \(name).csr")
    try run(
      "x509 -req -in \(name).csr -CA \(authority).crt -CAkey \(authority).key -CAcreateserial"
        + " -copy_extensions copy -days 9 -out \(name).crt")
  }

  /// A context that shows a certificate and trusts the authority.
  func context(
    _ name: String, change: (inout TLSSettings) -> Void = { _ in }
  ) throws -> TLSContext {
    var settings = TLSSettings()
    settings.certificateFile = "\(directory)/\(name).crt"
    settings.keyFile = "\(directory)/\(name).key"
    settings.authorityFile = "\(directory)/authority.crt"
    change(&settings)
    return try TLSContext(settings)
  }

  /// The path of a file.
  func path(_ name: String) -> String { "\(directory)/\(name)" }
}
