// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP
import Testing

@testable import memd

@Suite struct ConfigCommandsTests {
  private func refusal(_ name: String, _ reason: String) -> Reply {
    .error("ERR CONFIG SET failed (possibly related to argument '\(name)') - \(reason)")
  }

  @Test func `CONFIG GET lists each match once, in the spelling of a plain name`() {
    let server = TestServer()
    #expect(
      server.run("CONFIG GET MaxMemory maxmemory maxmemory-s*") == [
        "MaxMemory", "0", "maxmemory-samples", "5",
      ])
    #expect(server.run("CONFIG GET nothing") == [])
    let both = server.run("CONFIG GET *of").elements
    #expect(both.contains("slaveof") && both.contains("replicaof"))
  }

  @Test func `CONFIG GET replies with a map in RESP3`() throws {
    let server = TestServer()
    server.server.clients.all.forEach { $0.version = .resp3 }
    #expect(server.client.exchange("CONFIG GET port\r\n") == "%1\r\n$4\r\nport\r\n$4\r\n6379\r\n")
  }

  @Test func `Hidden options are shown under their full name only`() {
    let server = TestServer()
    #expect(!server.run("CONFIG GET *").elements.contains("key-load-delay"))
    #expect(server.run("CONFIG GET key-load-delay") == ["key-load-delay", "0"])
  }

  @Test func `CONFIG SET changes several options`() {
    let server = TestServer()
    #expect(server.run("CONFIG SET maxmemory 10mb HZ 50 save \"\" appendonly no") == .ok)
    #expect(server.server.configuration.maxMemory == 10 << 20)
    #expect(server.server.configuration.hz == 50)
  }

  @Test func `A wrong value leaves everything as it was`() {
    let server = TestServer()
    server.run("CONFIG SET maxmemory 10000002")
    #expect(
      server.run(
        "CONFIG SET maxmemory 10000001 maxmemory-clients 200% client-query-buffer-limit invalid")
        == refusal("maxmemory-clients", "percentage argument must be less or equal to 100"))
    #expect(server.run("CONFIG GET maxmemory") == ["maxmemory", "10000002"])
  }

  @Test func `A rollback undoes two names of one option`() {
    let server = TestServer()
    #expect(
      server.run("CONFIG SET hash-max-listpack-entries 1 hash-max-ziplist-entries 2 hz x").isError)
    #expect(server.server.configuration.hashMaxListpackEntries == 512)
  }

  @Test(arguments: [
    (
      "CONFIG SET nosuch 1 maxmemory 1",
      "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'"
    ),
    ("CONFIG SET maxmemory 1 hz", "ERR syntax error"),
    ("CONFIG SET maxmemory 1", "OK"),
  ])
  func `Names and numbers of arguments are checked`(line: String, expected: String) {
    #expect(TestServer().run(line).text == expected)
  }

  @Test(arguments: [
    ("daemonize yes", "daemonize", "can't set immutable config"),
    ("SLAVEOF x", "SLAVEOF", "can't set immutable config"),
    ("dir /tmp", "dir", "can't set protected config"),
    ("maxmemory 1 MAXMEMORY 2", "MAXMEMORY", "duplicate parameter"),
    ("timeout -1", "timeout", "argument must be between 0 and 2147483647 inclusive"),
    ("timeout 05", "timeout", "argument couldn't be parsed into an integer"),
    ("maxmemory 1t", "maxmemory", "argument must be a memory value"),
    ("activedefrag 1", "activedefrag", "argument must be 'yes' or 'no'"),
    (
      "notify-keyspace-events q", "notify-keyspace-events",
      "Invalid event class character. Use 'Ag$lshzxeKEtmdnocSTIV'."
    ),
  ])
  func `CONFIG SET says what is wrong`(pairs: String, name: String, reason: String) {
    #expect(TestServer().run("CONFIG SET \(pairs)") == refusal(name, reason))
  }

  @Test func `Protected options may be set where the configuration allows it`() {
    let local = TestServer { $0.enableProtectedConfigs = .local }
    #expect(local.run("CONFIG SET dbfilename other.rdb") == .ok)
    let open = TestServer { $0.enableProtectedConfigs = .yes }
    #expect(open.run("CONFIG SET dir somewhere") == .ok)
    #expect(open.run("CONFIG SET dbfilename a/b").isError)
  }

  @Test func `Every listed name takes its own value back`() {
    let server = TestServer()
    var settings = server.run("CONFIG GET *").elements.map(\.text)[...]
    while settings.count >= 2 {
      let name = settings.removeFirst()
      let value = settings.removeFirst()
      let option = OptionTable.find(ByteText(name))?.option
      guard option?.traits.isDisjoint(with: [.immutable, .protected]) ?? true else { continue }
      #expect(server.run(["CONFIG", "SET", name, value]) == .ok, "\(name) = \(value)")
      #expect(server.run(["CONFIG", "GET", name]) == [.bulk(name), .bulk(value)])
    }
    // Redis 7.0 refuses it, but in Valkey 8 it can be set as well.
    #expect(server.run("CONFIG SET io-threads-do-reads no") == .ok)
  }

  @Test func `A change that can't be applied is taken back`() {
    let server = TestServer()
    var attempts: [Int] = []
    let configuration = server.server.configuration
    configuration.changeObserver = { change throws(ConfigurationChange.Failure) in
      attempts.append(configuration.port)
      if configuration.port == 22 {
        throw ConfigurationChange.Failure(option: "port", message: "Unable to listen")
      }
    }
    #expect(
      server.run("CONFIG SET maxmemory 5 port 22") == refusal("port", "Unable to listen"))
    #expect(configuration.maxMemory == 0)
    #expect(attempts == [22, 6379])
  }

  @Test func `Observers hear of changes only`() {
    let server = TestServer()
    var heard: [[String]] = []
    server.server.configuration.changeObserver = {
      change throws(ConfigurationChange.Failure) in heard.append(change.names)
    }
    server.run("CONFIG SET maxmemory 0 hz 10")
    server.run("CONFIG SET maxmemory 1 hz 10 slave-priority 7")
    #expect(heard == [["maxmemory", "replica-priority"]])
  }

  @Test func `A new port is listened on, and the old one no more`() {
    let server = TestServer {
      $0.port = 7000
      $0.bind = ["127.0.0.1"]
    }
    #expect(throws: Never.self) { try server.server.updateListeners() }
    #expect(server.run("CONFIG SET port 7001") == .ok)
    #expect(server.server.listeners.all.map(\.place.address.text) == ["127.0.0.1:7001"])
    #expect(server.run("CONFIG SET port 0") == .ok)
    #expect(server.server.listeners.all.isEmpty)
  }

  @Test func `Taking the password away lets everybody in`() {
    let server = TestServer()
    #expect(server.run("CONFIG SET requirepass secret") == .ok)
    let other = server.connect()
    #expect(other.run("PING").text.hasPrefix("NOAUTH"))
    #expect(server.run("CONFIG SET requirepass \"\"") == .ok)
    #expect(other.run("PING") == .status("PONG"))
  }

  @Test func `CONFIG RESETSTAT starts counting anew`() {
    let server = TestServer()
    server.run("NOSUCH")
    server.run("PING")
    #expect(server.run("CONFIG RESETSTAT") == .ok)
    #expect(server.server.statistics.errorReplies == 0)
    #expect(server.server.metrics.errors.counts.isEmpty)
    #expect(server.server.statistics.commandsProcessed <= 1)
  }

  @Test func `CONFIG HELP explains every subcommand`() {
    let lines = TestServer().run("CONFIG HELP").elements.map(\.text)
    #expect(lines.first == "CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
    #expect(lines.count == 11)
  }
}
