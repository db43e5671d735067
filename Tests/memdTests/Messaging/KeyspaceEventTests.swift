// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

/// A server whose keyspace events somebody hears.
private struct Listening {
  let server: TestServer
  let listener: TestClient

  init(_ letters: String, to pattern: String = "__key*") {
    server = TestServer(follows: true)
    listener = server.connect()
    server.run("CONFIG SET notify-keyspace-events \(letters)")
    listener.run("PSUBSCRIBE \(pattern)")
  }

  /// What was heard since the last call: channels without `__key` and payloads.
  func heard() -> [String] {
    listener.replies().map { message in
      let elements = message.elements
      guard elements.count == 4 else { return "?" }
      return "\(elements[2].text.dropFirst(2)) \(elements[3].text)"
    }
  }

  /// What was heard on channels of keys: events and keys.
  func events() -> [String] {
    heard().compactMap { line in
      guard line.hasPrefix("keyspace@"), let colon = line.firstIndex(of: ":") else { return nil }
      let words = line[line.index(after: colon)...].split(separator: " ")
      return words.count == 2 ? "\(words[1]) \(words[0])" : nil
    }
  }
}

@Suite struct KeyspaceEventTests {
  @Test func `an event goes to the channel of the key, then to that of the event`() {
    let listening = Listening("KEA")
    listening.server.run("SET k v EX 10")
    #expect(
      listening.heard() == [
        "keyspace@0__:k set", "keyevent@0__:set k", "keyspace@0__:k expire",
        "keyevent@0__:expire k",
      ])
    listening.server.run("SELECT 3")
    listening.server.run("DEL k")
    listening.server.run("LPUSH k v")
    #expect(listening.heard() == ["keyspace@3__:k lpush", "keyevent@3__:lpush k"])
  }

  @Test(arguments: [
    ("K$", ["keyspace@0__:k set"]), ("E$", ["keyevent@0__:set k"]), ("$", []), ("KE", []),
    ("Kl", []), ("KEn", ["keyspace@0__:k new", "keyevent@0__:new k"]), ("\"\"", []),
  ])
  func `only what was selected is published`(_ letters: String, _ expected: [String]) {
    let listening = Listening(letters)
    listening.server.run("SET k v")
    #expect(listening.heard() == expected)
    let isNeeded = !expected.isEmpty || letters == "Kl"
    #expect((listening.server.server.effects.observer != nil) == isNeeded)
  }

  /// As redis-server 7.0 prints them, and 8.8 for those that it has on top.
  @Test(arguments: [
    ("KEAn", "AKE"), ("KEAmn", "AKEm"), ("KEg$lshzxetd", "AKE"), ("n", "n"), ("Kn", "nK"),
    ("EKxgd", "gxdKE"), ("mA", "Am"), ("VITSco", "ocSTIV"), ("KEAoc", "AKE"), ("dtexzhsl$g", "A"),
  ])
  func `letters are printed in one order`(_ letters: String, _ text: String) {
    let server = TestServer()
    #expect(server.run("CONFIG SET notify-keyspace-events \(letters)") == .ok)
    #expect(
      server.run("CONFIG GET notify-keyspace-events")
        == ["notify-keyspace-events", .bulk(text)])
  }

  @Test func `a letter that stands for nothing is refused`() {
    let server = TestServer()
    let reply = server.run("CONFIG SET notify-keyspace-events KEq")
    #expect(reply.text.contains("Invalid event class"))
  }

  @Test func `events of a transaction come when it runs, a client's own behind its replies`() {
    let listening = Listening("KA")
    let client = listening.server.connect()
    client.run("HELLO 3")
    client.run("SUBSCRIBE __keyspace@0__:k")
    client.run("MULTI")
    client.run("SET k 1")
    client.run("DEL k")
    #expect(listening.events() == [])
    #expect(client.run("EXEC") == [.ok, 1])
    #expect(
      client.replies() == [
        .push(["message", "__keyspace@0__:k", "set"]),
        .push(["message", "__keyspace@0__:k", "del"]),
      ])
    #expect(listening.events() == ["set k", "del k"])
  }

  @Test func `a key that expires is announced in time`() {
    let listening = Listening("Kx")
    listening.server.run("SET k v PX 100")
    listening.server.advance(milliseconds: 100)
    #expect(listening.events() == [])
    listening.server.advance(milliseconds: 1)
    #expect(listening.events() == ["expired k"])
  }

  @Test func `evicted keys and missed keys have their events`() {
    let listening = Listening("Kem")
    listening.server.run("GET missing")
    listening.server.run("TTL missing")
    #expect(listening.events() == ["keymiss missing", "keymiss missing"])
    listening.server.run("SET k v")
    listening.server.run("CONFIG SET maxmemory-policy allkeys-random")
    listening.server.run("CONFIG SET maxmemory 1")
    listening.server.run("SET other v")
    #expect(listening.events() == ["evicted k"])
  }

  @Test func `fields of hashes expire with an event, and take their hash along`() {
    let listening = Listening("KA")
    listening.server.run("HSETEX h PX 50 FIELDS 2 a 1 b 2")
    listening.server.run("HPEXPIRE h 60 FIELDS 1 a")
    listening.server.run("HPERSIST h FIELDS 1 a")
    #expect(listening.events() == ["hset h", "hexpire h", "hexpire h", "hpersist h"])
    listening.server.advance(milliseconds: 51)
    #expect(listening.events() == ["hexpired h"])
    listening.server.run("HGETDEL h FIELDS 1 a")
    #expect(listening.events() == ["hdel h", "del h"])
  }

  @Test func `who waits for a key is served with the events of its own command`() {
    let listening = Listening("KA")
    let waiter = listening.server.connect()
    waiter.post("BLMOVE a b LEFT RIGHT 0")
    listening.server.turn()
    listening.server.run("RPUSH a x")
    #expect(listening.events() == ["rpush a", "rpush b", "lpop a", "del a"])
  }

  @Test(arguments: [
    ("SET s 1", ["overwritten s", "set s"]),
    ("SET l 1", ["overwritten l", "type_changed l", "set l"]),
    ("MSET s 1 l 1", ["overwritten s", "set s", "overwritten l", "type_changed l", "set l"]),
    ("GETSET s 1", ["overwritten s", "set s"]), ("APPEND s 1", ["append s"]),
    ("SETNX s 1", []), ("SET x 1", ["set x"]), ("INCR n", ["incrby n"]),
    ("COPY s l REPLACE", ["copy_to l", "overwritten l", "type_changed l"]),
    ("RENAME s l", ["rename_from s", "rename_to l", "overwritten l", "type_changed l"]),
    ("BITOP NOT l s", ["overwritten l", "type_changed l", "set l"]),
    ("SUNIONSTORE s set", ["overwritten s", "type_changed s", "sunionstore s"]),
    ("ZUNIONSTORE l 1 z", ["overwritten l", "type_changed l", "zunionstore l"]),
    ("SORT l STORE s", ["overwritten s", "type_changed s", "sortstore s"]),
    ("SUNIONSTORE s missing", ["del s"]), ("PFMERGE p p", ["pfadd p"]),
  ])
  func `a value that is replaced altogether has events of its own`(
    _ command: String, _ expected: [String]
  ) {
    let server = Listening("KAoc")
    for setup in ["SET s v", "SET n 1", "RPUSH l 1", "SADD set a", "ZADD z 1 a", "PFADD p a"] {
      server.server.run(setup)
    }
    _ = server.heard()
    server.server.run(command)
    #expect(server.events() == expected)
  }

  @Test func `MOVE REPLACE tells of the value that it replaces in the other database`() {
    let server = Listening("KAoc")
    for setup in ["SELECT 1", "RPUSH s x", "SELECT 0", "SET s v"] { server.server.run(setup) }
    _ = server.heard()
    server.server.run("MOVE s 1 REPLACE")
    #expect(server.events() == ["move_from s", "move_to s", "overwritten s", "type_changed s"])
  }

  @Test func `loading a snapshot announces nothing`() {
    let listening = Listening("KAn")
    listening.server.run("SET k v")
    #expect(listening.events() == ["new k", "set k"])
    listening.server.run("CONFIG SET enable-debug-command yes")
    listening.server.server.configuration.enableDebugCommand = .yes
    #expect(listening.server.run("DEBUG RELOAD") == .ok)
    #expect(listening.events() == [])
  }
}

@Suite struct FieldEventTests {
  @Test func `each kind of channel names the fields in its own way`() {
    let listening = Listening("STIVh", to: "__subkey*")
    listening.server.run("HSET h first 1 b 2")
    #expect(
      listening.heard() == [
        "subkeyspace@0__:h hset|5:first,1:b", "subkeyevent@0__:hset 1:h|5:first,1:b",
        "subkeyspaceitem@0__:h\nfirst hset", "subkeyspaceitem@0__:h\nb hset",
        "subkeyspaceevent@0__:hset|h 5:first,1:b",
      ])
  }

  @Test func `channels of fields are independent of those of keys, and need the class of hashes`() {
    let listening = Listening("SK$", to: "__*")
    listening.server.run("HSET h a 1")
    #expect(listening.heard() == [])
    listening.server.run("CONFIG SET notify-keyspace-events SKh")
    listening.server.run("HSET h a 1")
    #expect(listening.heard() == ["keyspace@0__:h hset", "subkeyspace@0__:h hset|1:a"])
  }

  @Test(arguments: [
    ("HSETNX h a 2", []), ("HSETNX h n 2", ["hset|1:n"]), ("HDEL h a x b", ["hdel|1:a,1:b"]),
    ("HMSET h a 1 a 2", ["hset|1:a,1:a"]), ("HINCRBY h a 1", ["hincrby|1:a"]),
    ("HINCRBYFLOAT h a 1", ["hincrbyfloat|1:a"]),
    ("HEXPIRE h 10 FIELDS 2 a x", ["hexpire|1:a"]), ("HEXPIRE h 0 FIELDS 2 a b", ["hdel|1:a,1:b"]),
    ("HPERSIST h FIELDS 2 a t", ["hpersist|1:t"]), ("HGETDEL h FIELDS 2 x a", ["hdel|1:a"]),
    ("HGETEX h EX 10 FIELDS 2 a x", ["hexpire|1:a"]),
    ("HGETEX h PERSIST FIELDS 2 a t", ["hpersist|1:t"]), ("HGETEX h FIELDS 1 a", []),
    ("HSETEX h EX 10 FIELDS 1 a 1", ["hset|1:a", "hexpire|1:a"]),
    ("HSETEX h PXAT 1 FIELDS 2 a 1 x 1", ["hdel|1:a"]), ("SET h 1", []),
  ])
  func `fields that an event is about are named, and no others`(
    _ command: String, _ expected: [String]
  ) {
    let listening = Listening("SAn", to: "__subkey*")
    listening.server.run("HSET h a 1 b 2 c 3")
    listening.server.run("HSETEX h EX 100 FIELDS 1 t 1")
    _ = listening.heard()
    listening.server.run(command)
    #expect(listening.heard() == expected.map { "subkeyspace@0__:h \($0)" })
  }

  @Test(arguments: [1, 600])
  func `fields that expire together are named together`(_ others: Int) {
    let listening = Listening("Sh", to: "__subkey*")
    let pairs = (0..<others).map { "o\($0) 1" }.joined(separator: " ")
    listening.server.run("HSET h \(pairs)")
    listening.server.run("HSETEX h PX 10 FIELDS 2 7 1 b 2")
    _ = listening.heard()
    listening.server.advance(milliseconds: 11)
    let heard = listening.heard()
    #expect(
      heard == ["subkeyspace@0__:h hexpired|1:7,1:b"]
        || heard == ["subkeyspace@0__:h hexpired|1:b,1:7"])
  }

  @Test func `a due field that a command meets is named first`() {
    let listening = Listening("Sh", to: "__subkey*")
    listening.server.run("HSETEX h PX 10 FIELDS 2 a 1 b 2")
    listening.server.run("HSET h c 3")
    listening.server.server.configuration.activeExpireEnabled = false
    _ = listening.heard()
    listening.server.advance(milliseconds: 11)
    listening.server.run("HINCRBY h a 1")
    #expect(
      listening.heard() == ["subkeyspace@0__:h hexpired|1:a", "subkeyspace@0__:h hincrby|1:a"])
  }

  @Test func `a key with a line feed has no channels of its fields`() {
    let listening = Listening("SIh", to: "__subkey*")
    listening.server.run(["HSET", "a\nb", "f", "1"])
    #expect(listening.heard() == ["subkeyspace@0__:a\nb hset|1:f"])
  }
}
