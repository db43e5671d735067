// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// Passwords, names and options are bytes: what is not UTF-8 comes back as it was given.
@Suite struct ByteTextTests {
  /// Not UTF-8, and with everything that lines, quotes and C's strings end at.
  static let odd: [UInt8] = [0xff, 0xfe, 0x20, 0x22, 0x27, 0x5c, 0x0d, 0x0a, 0x00, 0x80, 0xcc]
  /// Without what names can't contain.
  static let oddName: [UInt8] = [0xff, 0xfe, 0x22, 0x5c, 0x80, 0xcc]

  private static func words(_ texts: String...) -> [[UInt8]] { texts.map { Array($0.utf8) } }
  private static func bulk(_ bytes: [UInt8]) -> [UInt8] {
    Array("$\(bytes.count)\r\n".utf8) + bytes + [13, 10]
  }
  private static let ok = Array("+OK\r\n".utf8)

  @Test(arguments: ["requirepass", "masterauth", "masteruser", "ignore-warnings"])
  func `an option takes any bytes and gives them back`(_ name: String) {
    let server = TestServer()
    let client = server.client!
    #expect(client.exchange(octets: Self.words("CONFIG", "SET", name) + [Self.odd]) == Self.ok)
    #expect(
      client.exchange(octets: Self.words("CONFIG", "GET", name))
        == Array("*2\r\n".utf8) + Self.bulk(Array(name.utf8)) + Self.bulk(Self.odd))
  }

  @Test func `AUTH compares bytes`() {
    let server = TestServer()
    let set = Self.words("CONFIG", "SET", "requirepass")
    let auth = Self.words("AUTH")
    #expect(server.client.exchange(octets: set + [Self.odd]) == Self.ok)
    let client = server.connect()
    #expect(client.run("PING") == .error("NOAUTH Authentication required."))
    let repaired = Array(String(decoding: Self.odd, as: UTF8.self).utf8)
    #expect(client.exchange(octets: auth + [repaired]).first == UInt8(ascii: "-"))
    #expect(client.exchange(octets: auth + [Self.odd]) == Self.ok)
  }

  @Test func `two passwords that read alike are two passwords`() {
    let server = TestServer()
    // The same letter in one piece and in two, which a String takes for equal.
    let (one, other) = (Array("\u{e9}".utf8), Array("e\u{301}".utf8))
    let set = Self.words("CONFIG", "SET", "requirepass")
    #expect(server.client.exchange(octets: set + [one]) == Self.ok)
    #expect(server.client.exchange(octets: set + [other]) == Self.ok)
    let client = server.connect()
    #expect(client.exchange(octets: Self.words("AUTH") + [one]).first == UInt8(ascii: "-"))
    #expect(client.exchange(octets: Self.words("AUTH") + [other]) == Self.ok)
  }

  @Test func `a password in redis.conf has any bytes`() throws {
    let line = Array("requirepass \"\\xff\\xfe\\x00\"\nmasterauth ".utf8) + [0xfe, 0xff]
    let disk = SimulatedDisk(seed: 1, clock: SimulatedClock())
    try disk.writeAtomically("c", line)
    let configuration = Configuration()
    try ConfigurationReader(configuration, disk: disk).read(path: "c")
    #expect(configuration.requirePass.bytes == [0xff, 0xfe, 0])
    let option = try #require(OptionTable.find("masterauth")).option
    #expect(option.read(configuration).bytes == [0xfe, 0xff])
  }

  @Test func `every option that is any text is rewritten so that it reads again`() throws {
    let configuration = Configuration()
    var names: [ByteText] = []
    for option in OptionTable.options {
      guard case .text = option.syntax, option.refusal == nil,
        (try? option.write(configuration, text: ByteText(Self.odd))) != nil
      else { continue }
      names.append(ByteText(option.name))
    }
    #expect(names.count > 10)
    configuration.declaredUsers = []
    var rewrite = ConfigurationRewrite(configuration, old: [])
    let disk = SimulatedDisk(seed: 1, clock: SimulatedClock())
    try disk.writeAtomically("c", rewrite.text(disk))
    let copy = Configuration()
    try ConfigurationReader(copy, disk: disk).read(path: "c")
    for name in names {
      let option = try #require(OptionTable.find(name)).option
      #expect(option.read(copy).bytes == Self.odd, "\(option.name)")
    }
  }

  @Test func `CONFIG REWRITE writes users and passwords of any bytes back`() throws {
    let server = TestServer { $0.configFile = "c" }
    let client = server.client!
    let user =
      Self.words("ACL", "SETUSER") + [Self.oddName, Array("on".utf8)]
      + [Array(">".utf8) + Self.odd, Array("~".utf8) + [0xff, 0x2a], Array("+@all".utf8)]
    #expect(client.exchange(octets: user) == Self.ok)
    #expect(
      client.exchange(octets: Self.words("CONFIG", "SET", "requirepass") + [Self.odd]) == Self.ok)
    #expect(client.run("CONFIG REWRITE") == .ok)
    let configuration = Configuration()
    try ConfigurationReader(configuration, disk: server.disk).read(path: "c")
    let other = TestServer { $0.declaredUsers = configuration.declaredUsers }
    try other.server.loadUsersAtStart()
    #expect(configuration.requirePass.bytes == Self.odd)
    let visitor = other.connect()
    #expect(visitor.exchange(octets: Self.words("AUTH") + [Self.oddName, Self.odd]) == Self.ok)
    #expect(visitor.exchange(octets: Self.words("ACL", "WHOAMI")) == Self.bulk(Self.oddName))
    #expect(visitor.exchange(octets: Self.words("SET") + [Self.oddName, [1]]) == Self.ok)
    let line = visitor.exchange(octets: Self.words("CLIENT", "INFO"))
    #expect(Self.contains(line, Array("user=".utf8) + Self.oddName + [0x20]))
    #expect(
      Self.contains(
        visitor.exchange(octets: Self.words("ACL", "LIST")),
        Array("user ".utf8) + Self.oddName + Array(" on ".utf8)))
  }

  @Test func `words of the command line have any bytes`() throws {
    let words: [ByteText] = ["--requirepass", ByteText(Self.odd)]
    guard case .run(_, _, let options) = Invocation(words) else {
      Issue.record("it does not run")
      return
    }
    let configuration = Configuration()
    try ConfigurationReader(configuration, disk: SimulatedFiles.empty)
      .read(path: "", options: options)
    #expect(configuration.requirePass.bytes == Self.odd)
  }

  @Test func `a path has to be UTF-8, as files are named by text`() {
    let server = TestServer { $0.enableProtectedConfigs = .yes }
    for value in [[0xff], [0x61, 0, 0x62], [UInt8](repeating: 0x61, count: 4096)] {
      let set = Self.words("CONFIG", "SET", "dbfilename")
      let reply = server.client.exchange(octets: set + [value])
      let text = String(decoding: reply, as: UTF8.self)
      #expect(text.hasSuffix("argument must be a path of at most 4095 bytes in UTF-8\r\n"))
    }
  }

  private static func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
    bytes.indices.contains { bytes[$0...].starts(with: part) }
  }
}
