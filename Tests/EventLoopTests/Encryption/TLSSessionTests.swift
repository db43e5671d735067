// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import EventLoop

/// One end, and what lies between it and the other one.
private final class End {
  let session: TLSSession
  private let output = TLSOutput()
  /// Encrypted bytes that have arrived.
  var arrived: [UInt8] = []
  private(set) var text: [UInt8] = []
  private(set) var isDone = false
  private(set) var last = TLSSession.Step.wantsInput

  init(_ context: TLSContext, accepts: Bool, _ verification: TLSVerification) throws {
    session = try #require(
      TLSSession(context, accepts: accepts, verification, name: "example.org", output: output))
  }

  /// Takes what has been left for the peer.
  func takeOutput() -> [UInt8] {
    defer { output.clear() }
    return unsafe Array(output.bytes)
  }

  /// Goes on with what has arrived; bytes for the peer.
  func proceed(roomByteCount: Int = 4096) -> [UInt8] {
    if !isDone {
      last = unsafe arrived.withUnsafeBytes { unsafe session.continueHandshake($0) }
      arrived.removeFirst(arrived.count - session.unusedByteCount)
      isDone = last == .done
      guard isDone else { return takeOutput() }
    }
    var room = [UInt8](repeating: 0, count: roomByteCount)
    repeat {
      let (count, step) = unsafe room.withUnsafeMutableBytes { room in
        unsafe arrived.withUnsafeBytes { unsafe session.read($0, into: room) }
      }
      arrived.removeFirst(arrived.count - session.unusedByteCount)
      text += room[..<count]
      last = step
    } while last == .done
    return takeOutput()
  }

  /// Encrypts; bytes for the peer.
  func write(_ bytes: [UInt8]) -> [UInt8] {
    var rest = bytes
    var encrypted: [UInt8] = []
    while !rest.isEmpty {
      let (count, step) = unsafe rest.withUnsafeBytes { unsafe session.write($0) }
      encrypted += takeOutput()
      guard count > 0 || step == .wantsRoom else { return encrypted }
      rest.removeFirst(count)
    }
    return encrypted
  }
}

@Suite struct TLSSessionTests {
  private let certificates: TestCertificates

  init() throws { certificates = try TestCertificates.shared.get() }

  private func pair(
    client: String = "client", _ verification: TLSVerification = .required,
    change: (inout TLSSettings) -> Void = { _ in }
  ) throws -> (client: End, server: End) {
    (
      try End(certificates.context(client, change: change), accepts: false, .required),
      try End(certificates.context("server", change: change), accepts: true, verification)
    )
  }

  /// Carries bytes to and fro, in pieces as `cut` wants them, until nothing moves.
  private func run(_ ends: (client: End, server: End), cut: (Int) -> Int = { $0 }) {
    var ways: [(bytes: [UInt8], end: End, peer: Int)] = [
      (ends.client.proceed(), ends.server, 1), (ends.server.proceed(), ends.client, 0),
    ]
    while ways.contains(where: { !$0.bytes.isEmpty }) {
      for index in ways.indices where !ways[index].bytes.isEmpty {
        let count = min(max(cut(ways[index].bytes.count), 1), ways[index].bytes.count)
        ways[index].end.arrived += ways[index].bytes[..<count]
        ways[index].bytes.removeFirst(count)
        ways[ways[index].peer].bytes += ways[index].end.proceed()
      }
    }
  }

  @Test(arguments: [1, 2, 5, 100, 1000, .max])
  func `a handshake succeeds however its bytes are cut`(pieceByteCount: Int) throws {
    for version in [TLSSettings.Protocols.version12, .version13] {
      let ends = try pair { $0.protocols = version }
      run(ends) { _ in pieceByteCount }
      #expect(ends.client.isDone && ends.server.isDone)
      #expect(ends.server.session.version == (version == .version12 ? "TLSv1.2" : "TLSv1.3"))
      #expect(ends.server.session.peerNames(.commonName) == [Array("client".utf8)])
      #expect(ends.server.session.peerNames(.uri) == [Array("urn:a".utf8), Array("urn:b".utf8)])
    }
  }

  @Test func `data of any size arrive in both directions, cut at random`() throws {
    var generator = SeededGenerator(seed: 7)
    let ends = try pair()
    run(ends)
    for size in [1, 100, 16384, 16385, 200_000] {
      let sent = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      for (from, to) in [(ends.client, ends.server), (ends.server, ends.client)] {
        var encrypted = from.write(sent)
        let start = to.text.count
        while !encrypted.isEmpty {
          let count = min(encrypted.count, Int(generator.number(in: 1...30_000)))
          to.arrived += encrypted[..<count]
          encrypted.removeFirst(count)
          _ = to.proceed(roomByteCount: Int(generator.number(in: 1...20_000)))
        }
        #expect(Array(to.text[start...]) == sent)
      }
    }
  }

  @Test func `small pieces of a call become one record`() throws {
    let ends = try pair()
    run(ends)
    #expect(ends.client.write([UInt8](repeating: 1, count: 16000)).count < 16100)
  }

  @Test func `taking leave is told from a cut`() throws {
    let ends = try pair()
    run(ends)
    ends.client.session.sayGoodbye()
    ends.server.arrived = ends.client.takeOutput()
    _ = ends.server.proceed()
    #expect(ends.server.last == .closed)

    let others = try pair()
    run(others)
    others.server.session.noteEnd()
    _ = others.server.proceed()
    #expect(others.server.last == .failed)
    #expect(others.server.session.failure.contains("unexpected eof"))
  }

  @Test func `a handshake that is cut off anywhere fails and doesn't go on`() throws {
    let hello = try pair().client.proceed()
    for count in stride(from: 0, to: hello.count, by: 7) {
      let server = try pair().server
      server.arrived = Array(hello[..<count])
      _ = server.proceed()
      #expect(server.last == .wantsInput)
      server.session.noteEnd()
      _ = server.proceed()
      #expect(server.last == .failed)
    }
  }

  @Test func `junk is refused, with an alert for whoever understands it`() throws {
    var generator = SeededGenerator(seed: 11)
    for round in 0..<200 {
      let server = try pair().server
      var junk = (0..<200).map { _ in UInt8(truncatingIfNeeded: generator.number(in: 0...255)) }
      if round.isMultiple(of: 2) { junk.replaceSubrange(0..<5, with: [22, 3, 1, 0, 195]) }
      server.arrived = junk
      _ = server.proceed()
      #expect(server.last == .failed)
      #expect(!server.session.failure.isEmpty)
    }
  }

  @Test func `a changed bit anywhere in a record ends the session`() throws {
    for place in [0, 3, 5, 20, 60] {
      let ends = try pair()
      run(ends)
      var record = ends.client.write(Array(repeating: 65, count: 50))
      record[place] ^= 1
      ends.server.arrived = record
      _ = ends.server.proceed()
      if ends.server.last == .wantsInput {
        // A longer record was announced.
        ends.server.session.noteEnd()
        _ = ends.server.proceed()
      }
      #expect(ends.server.last == .failed)
      #expect(ends.server.text == [])
    }
  }

  @Test func `certificates are asked for and verified as the server wants it`() throws {
    for (client, verification, isIn) in [
      ("client", TLSVerification.required, true), ("strange", .required, false),
      ("strange", .ifGiven, false), ("strange", .none, true),
    ] {
      let ends = try pair(client: client, verification)
      run(ends)
      #expect((ends.server.isDone && ends.server.last != .failed) == isIn, "\(client)")
    }
    // Nor does a client trust a strange server.
    let ends = (
      client: try End(certificates.context("client"), accepts: false, .required),
      server: try End(certificates.context("strange"), accepts: true, .none)
    )
    run(ends)
    #expect(ends.client.last == .failed)
    #expect(ends.client.session.failure.contains("certificate verify failed"))
  }

  @Test func `no common version, no session`() throws {
    let server = try End(
      certificates.context("server") { $0.protocols = .version13 }, accepts: true, .none)
    let client = try End(
      certificates.context("client") { $0.protocols = .version12 }, accepts: false, .required)
    run((client: client, server: server))
    #expect(server.last == .failed)
    #expect(client.last == .failed)
  }

  @Test func `what can't be used is named`() throws {
    func part(_ change: (inout TLSSettings) -> Void) -> TLSFailure.Part? {
      do throws {
        _ = try certificates.context("server", change: change)
        return nil
      } catch {
        return (error as? TLSFailure)?.part
      }
    }
    #expect(part { $0.certificateFile = "/nowhere" } == .certificate)
    #expect(part { $0.keyFile = self.certificates.path("client.key") } == .key)
    #expect(part { $0.authorityFile = "/nowhere" } == .authorities)
    #expect(part { $0.ciphers = "nonsense" } == .ciphers)
    #expect(part { $0.suites = "nonsense" } == .suites)
    #expect(part { $0.dhFile = "/nowhere" } == .dhFile)
    #expect(part { $0.dhFile = self.certificates.path("server.key") } == .dhParameters)
  }

  @Test func `a certificate's serial number and dates are told`() throws {
    let facts = try #require(try certificates.context("server").certificate)
    #expect(facts.serial.count >= 16)
    #expect(facts.validUntil - facts.validFrom == 9 * 86400)
    let authority = try #require(try certificates.context("server").firstAuthority)
    #expect(authority == TLSCertificateFacts(file: certificates.path("authority.crt")))
  }
}
