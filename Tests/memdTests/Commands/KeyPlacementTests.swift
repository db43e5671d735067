// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

@Suite struct KeyPlacementTests {
  // MARK: - RENAME

  @Test func `RENAME takes value and deadline along and replaces the target`() {
    let server = TestServer()
    server.run("SET a 1")
    server.run("PEXPIRE a 5000")
    server.run("SET b 2")
    let events = server.recordEvents()
    let before = server.changeCount
    let stream = server.stream { #expect(server.run("RENAME a b") == .ok) }
    #expect(events.take() == ["0 new b", "0 rename_from a", "0 rename_to b"])
    #expect(stream == ["RENAME a b"])
    #expect(server.changeCount == before + 1)
    #expect(server.run("GET b") == "1")
    #expect(server.run("PTTL b") == 5000)
    #expect(server.run("EXISTS a") == 0)
  }

  @Test func `renaming to the same name does nothing, but the key must exist`() {
    let server = TestServer()
    server.run("SET a 1")
    let stream = server.stream {
      #expect(server.run("RENAME a a") == .ok)
      #expect(server.run("RENAMENX a a") == 0)
    }
    #expect(stream == [])
    #expect(server.run("RENAME m m") == .error("ERR no such key"))
  }

  @Test func `RENAMENX keeps an existing target, but not one that is due`() {
    let server = TestServer { $0.activeExpireEnabled = false }
    server.run("SET a 1")
    server.run("SET b 2")
    #expect(server.run("RENAMENX a b") == 0)
    server.run("PEXPIRE b 10")
    server.advance(milliseconds: 11)
    let events = server.recordEvents()
    let stream = server.stream { #expect(server.run("RENAMENX a b") == 1) }
    #expect(events.take() == ["0 expired b", "0 new b", "0 rename_from a", "0 rename_to b"])
    #expect(stream == ["MULTI", "UNLINK b", "RENAMENX a b", "EXEC"])
  }

  @Test func `values of every layout survive a new name`() {
    let server = TestServer()
    let names = ["k", String(repeating: "m", count: 100), String(repeating: "l", count: 400)]
    for value in [
      "7", "short", String(repeating: "v", count: 200), String(repeating: "w", count: 9000),
    ] {
      for deadline in [false, true] {
        server.run(["SET", "start", value])
        if deadline { server.run("PEXPIRE start 100000") }
        var current = "start"
        for name in names + ["k"] {
          #expect(server.run(["RENAME", current, name]) == .ok)
          #expect(server.run(["GET", name]) == .bulk(value))
          #expect(server.run(["COPY", name, "copy", "REPLACE"]) == 1)
          #expect(server.run("GET copy") == .bulk(value))
          #expect(server.run(["PTTL", name]) == (deadline ? 100_000 : -1))
          #expect(server.run("PTTL copy") == (deadline ? 100_000 : -1))
          current = name
        }
        server.run("FLUSHALL")
      }
    }
  }

  // MARK: - COPY

  @Test func `COPY leaves the source alone and needs REPLACE for an existing target`() {
    let server = TestServer()
    server.run("SET a 1")
    let events = server.recordEvents()
    let stream = server.stream {
      #expect(server.run("COPY a b") == 1)
      #expect(server.run("COPY a b") == 0)
      #expect(server.run("COPY a b REPLACE") == 1)
      #expect(server.run("COPY a a DB 3") == 1)
    }
    #expect(
      events.take() == [
        "0 new b", "0 copy_to b", "0 new b", "0 copy_to b", "3 new a", "3 copy_to a",
      ])
    #expect(stream == ["COPY a b", "COPY a b REPLACE", "COPY a a DB 3"])
    server.run("SET a 2")
    #expect(server.run("GET b") == "1")
  }

  @Test func `COPY refuses what makes no sense`() {
    let server = TestServer()
    server.run("SET a 1")
    #expect(
      server.run("COPY a a") == .error("ERR source and destination objects are the same"))
    #expect(server.run("COPY a b DB 16") == .error("ERR DB index is out of range"))
    #expect(server.run("COPY a b DB") == .error("ERR syntax error"))
    #expect(server.run("COPY missing b") == 0)
  }

  @Test func `a copy is stored as its source is`() {
    let server = TestServer()
    for (value, tail, encoding) in [("12", "", "int"), ("ab", "", "embstr"), ("ab", "c", "raw")] {
      server.run(["SET", "a", value])
      if !tail.isEmpty { server.run(["APPEND", "a", tail]) }
      server.run("COPY a b REPLACE")
      #expect(server.run("OBJECT ENCODING b") == .bulk(encoding))
      #expect(server.run("GET b") == .bulk(value + tail))
    }
  }

  // MARK: - MOVE

  @Test func `MOVE takes value and deadline to another database`() {
    let server = TestServer()
    server.run("SET a 1")
    server.run("PEXPIRE a 5000")
    let events = server.recordEvents()
    let stream = server.stream { #expect(server.run("MOVE a 2") == 1) }
    #expect(events.take() == ["2 new a", "0 move_from a", "2 move_to a"])
    #expect(stream == ["MOVE a 2"])
    #expect(server.run("DBSIZE") == 0)
    server.run("SELECT 2")
    #expect(server.run("PTTL a") == 5000)
    server.advance(milliseconds: 5001)
    #expect(events.take() == ["2 expired a"])
  }

  @Test func `MOVE leaves the key where it is if the target has one`() {
    let server = TestServer()
    server.run("SET a 1")
    server.run("SELECT 1")
    server.run("SET a 2")
    #expect(server.run("MOVE a 0") == 0)
    #expect(server.run("MOVE a 1") == .error("ERR source and destination objects are the same"))
    #expect(server.run("MOVE missing 0") == 0)
  }

  @Test func `MOVE REPLACE takes the place of the target's key, with its deadline or without`() {
    let server = TestServer()
    server.run("SELECT 1")
    server.run("RPUSH a old")
    server.run("PEXPIRE a 90000")
    server.run("SELECT 0")
    server.run("SET a 1")
    #expect(server.run("MOVE a 1") == 0)
    let events = server.recordEvents()
    let before = server.changeCount
    let stream = server.stream { #expect(server.run("MOVE a 1 replace") == 1) }
    #expect(events.take() == ["1 new a", "0 move_from a", "1 move_to a"])
    #expect(stream == ["MULTI", "COPY a a DB 1 REPLACE", "DEL a", "EXEC"])
    #expect(server.changeCount == before + 1)
    #expect(server.run("DBSIZE") == 0)
    server.run("SELECT 1")
    #expect(server.run("GET a") == "1")
    #expect(server.run("PTTL a") == -1)
    server.run("SET b 1 PX 5000")
    #expect(server.run("MOVE b 0 REPLACE") == 1)
    server.run("SELECT 0")
    #expect(server.run("PTTL b") == 5000)
    // What is missing replaces nothing.
    #expect(server.run("MOVE a 1 REPLACE") == 0)
    server.run("SELECT 1")
    #expect(server.run("GET a") == "1")
  }

  @Test func `MOVE takes no other option`() {
    let server = TestServer()
    server.run("SET a 1")
    for line in ["MOVE a 1 COPY", "MOVE a 1 REPLACE REPLACE", "MOVE missing 1 x", "MOVE a 0 x"] {
      #expect(server.run(line) == .error("ERR syntax error"))
    }
    #expect(server.run("MOVE a 99 REPLACE") == .error("ERR DB index is out of range"))
    #expect(
      server.run("MOVE a 0 REPLACE")
        == .error("ERR source and destination objects are the same"))
    #expect(server.run("GET a") == "1")
  }

  @Test func `MOVE REPLACE is noticed by who watches or waits for the target's key`() {
    let server = TestServer()
    server.run("SET a 1")
    server.run("RPUSH list x")
    let watcher = server.connect()
    watcher.run("SELECT 1")
    watcher.run("SET a 2")
    watcher.run("WATCH a")
    let waiter = server.connect()
    waiter.run("SELECT 1")
    waiter.send(["BLPOP", "list", "0"])
    server.turn()
    #expect(server.run("MOVE a 1 REPLACE") == 1)
    watcher.run("MULTI")
    #expect(watcher.run("EXEC") == .nullArray)
    #expect(server.run("MOVE list 1 REPLACE") == 1)
    server.turn()
    #expect(waiter.next() == ["list", "x"])
  }

  // MARK: - Watching

  @Test(arguments: [
    ("RENAME w x", true), ("RENAME x w", true), ("COPY x w REPLACE", true), ("COPY w y", false),
    ("MOVE w 1", true), ("DEL w", true), ("DEL x", false), ("PEXPIRE w 1000", true),
    ("PEXPIRE w 0", true), ("PERSIST w", false), ("TOUCH w", false), ("FLUSHDB", true),
    ("FLUSHALL", true), ("SWAPDB 0 1", true), ("SWAPDB 2 3", false), ("RENAMENX x w", false),
  ])
  func `a change of a watched key is noticed`(_ command: String, _ isNoticed: Bool) {
    let server = TestServer()
    server.run("SET w 1")
    server.run("SET x 2")
    let watcher = server.connect()
    watcher.run("WATCH w")
    #expect(!server.run(command).isError)
    watcher.run("MULTI")
    watcher.run("PING")
    #expect(watcher.run("EXEC") == (isNoticed ? .nullArray : [.status("PONG")]))
  }

  @Test(arguments: [true, false])
  func `removing a key that was due when it was watched is no change`(_ isMet: Bool) {
    let server = TestServer { $0.activeExpireEnabled = false }
    server.run("SET w 1")
    server.run("PEXPIRE w 10")
    server.advance(milliseconds: 11)
    let watcher = server.connect()
    watcher.run("WATCH w")
    if isMet {
      server.run("GET w")
    } else {
      server.server.configuration.activeExpireEnabled = true
      server.advance(milliseconds: 1)
    }
    #expect(server.run("DBSIZE") == 0)
    watcher.run("MULTI")
    #expect(watcher.run("EXEC") == [])
  }

  @Test func `a key that expires while it is watched has changed`() {
    let server = TestServer()
    server.run("SET w 1")
    server.run("PEXPIRE w 10")
    let watcher = server.connect()
    watcher.run("WATCH w")
    server.advance(milliseconds: 11)
    watcher.run("MULTI")
    #expect(watcher.run("EXEC") == .nullArray)
  }

  @Test func `time is frozen inside a transaction`() {
    let server = TestServer()
    server.run("SET k v")
    server.run("MULTI")
    for command in ["PEXPIRE k 100", "PTTL k", "SELECT 3", "DBSIZE", "SELECT 0", "PTTL k"] {
      server.run(command)
    }
    #expect(server.run("EXEC") == [1, 100, .ok, 0, .ok, 100])
  }
}
