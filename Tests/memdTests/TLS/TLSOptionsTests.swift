// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP
import Testing

@testable import memd

@Suite struct TLSOptionsTests {
  private func refusal(_ name: String) -> Reply {
    .error(
      "ERR CONFIG SET failed (possibly related to argument '\(name)') - Unable to update TLS"
        + " configuration. Check server logs.")
  }

  private func reason(_ change: (inout TLSConfiguration) -> Void) -> String {
    var configuration = TLSConfiguration()
    configuration.certFile = "/nowhere.crt"
    configuration.keyFile = "/nowhere.key"
    configuration.authClients = .no
    change(&configuration)
    do throws(TLSRefusal) {
      _ = try TLSMaterials(configuration)
      return ""
    } catch {
      return error.text
    }
  }

  @Test func `Without a certificate nothing is encrypted, and the option stays as it was`() {
    let server = TestServer()
    #expect(server.run("CONFIG SET tls-port 6390") == refusal("tls-port"))
    #expect(server.run("CONFIG GET tls-port") == ["tls-port", "0"])
    #expect(server.run("CONFIG SET tls-replication yes") == refusal("tls-replication"))
    #expect(server.run("CONFIG GET tls-replication") == ["tls-replication", "no"])
    #expect(server.server.encryption == nil)
  }

  @Test func `As long as nothing is encrypted, certificates are only remembered`() {
    let server = TestServer()
    #expect(server.run("CONFIG SET tls-cert-file /nowhere tls-ciphers nonsense") == .ok)
    #expect(server.run("CONFIG GET tls-cert-file") == ["tls-cert-file", "/nowhere"])
    #expect(server.run("CONFIG SET tls-auth-clients-user cn tls-auto-reload-interval 5") == .ok)
    #expect(server.run("CONFIG GET tls-auth-clients-user") == ["tls-auth-clients-user", "CN"])
    #expect(server.run("CONFIG SET tls-auto-reload-interval -1").isError)
    #expect(server.run("CONFIG SET tls-auth-clients-user other").isError)
  }

  @Test func `The log says what is missing`() {
    #expect(reason { $0.certFile = "" } == "No tls-cert-file configured!")
    #expect(reason { $0.keyFile = "" } == "No tls-key-file configured!")
    #expect(
      reason { $0.protocols = "TLSv1.2 SSLv3" }.hasPrefix("Invalid tls-protocols specified."))
    for change: (inout TLSConfiguration) -> Void in [
      { $0.authClients = .yes }, { $0.authClients = .optional }, { $0.cluster = true },
      { $0.replication = true },
    ] {
      #expect(reason(change).hasPrefix("Either tls-ca-cert-file or tls-ca-cert-dir must be"))
    }
    #expect(reason { _ in }.hasPrefix("Failed to load certificate: /nowhere.crt: error:"))
  }

  @Test func `INFO tells that there is no encryption`() {
    let server = TestServer()
    let info = server.run("INFO tls").text
    for whose in ["server", "client", "ca"] {
      #expect(info.contains("tls_\(whose)_cert_serial:none\r\n"))
      #expect(info.contains("tls_\(whose)_cert_expires_in_seconds:0\r\n"))
    }
  }

  @Test func `A follower with encryption announces the encrypted port`() {
    let server = TestServer().server
    #expect(server.announcedPort == 6379)
    server.configuration.tls.replication = true
    #expect(server.announcedPort == 6379)
    server.configuration.tls.port = 6390
    #expect(server.announcedPort == 6390)
    server.configuration.tls.replication = false
    #expect(server.announcedPort == 6379)
  }

  @Test func `Contents of files decide whether they are read again, wherever they lie`() throws {
    let disk = SimulatedDisk(seed: 1, clock: SimulatedClock())
    var configuration = TLSConfiguration()
    configuration.certFile = "a"
    configuration.keyFile = "b"
    configuration.caCertDir = "authorities"
    try disk.makeDirectory("authorities")
    let first = TLSFingerprint(configuration, disk)
    try disk.writeAtomically("a", [1])
    let second = TLSFingerprint(configuration, disk)
    #expect(first != second)
    try disk.writeAtomically("a", [1])
    #expect(TLSFingerprint(configuration, disk) == second)
    try disk.writeAtomically("authorities/x", [1])
    let third = TLSFingerprint(configuration, disk)
    #expect(third != second)
    configuration.certFile = "b"
    configuration.keyFile = "a"
    #expect(TLSFingerprint(configuration, disk) != third)
  }
}
