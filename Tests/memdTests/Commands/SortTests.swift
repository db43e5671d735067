// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

@Suite struct SortTests {
  private static func makeServer() -> TestServer {
    let server = TestServer()
    server.run("RPUSH list 3 1 2 10")
    server.run("SADD set c a b")
    server.run("ZADD board 3 three 1 one 2 two")
    server.run("MSET weight_1 40 weight_2 30 weight_3 20 weight_10 10 name_1 one name_2 two")
    server.run("HSET user_1 age 4 name x")
    server.run("HSET user_2 age 3")
    return server
  }

  @Test func `elements are sorted as numbers, or as text with ALPHA`() {
    let server = SortTests.makeServer()
    #expect(server.run("SORT list") == ["1", "2", "3", "10"])
    #expect(server.run("SORT list DESC") == ["10", "3", "2", "1"])
    #expect(server.run("SORT list ALPHA") == ["1", "10", "2", "3"])
    #expect(server.run("SORT_RO set ALPHA DESC") == ["c", "b", "a"])
    #expect(server.run("SORT board ALPHA") == ["one", "three", "two"])
    #expect(server.run("SORT missing") == [])
    #expect(
      server.run("SORT set") == .error("ERR One or more scores can't be converted into double"))
  }

  @Test func `a number to sort by is read as C does it`() {
    let server = TestServer()
    for text in [" 3", "\t2", "1\0x", "", "\0x"] {
      server.run(["RPUSH", "l", text])
    }
    #expect(server.run("SORT l") == ["", "\0x", "1\0x", "\t2", " 3"])
    for text in ["1 ", " ", "x\0", "1e999"] {
      server.run(["RPUSH", "wrong", text])
      #expect(server.run("SORT wrong").isError, "\(text)")
      server.run("DEL wrong")
    }
  }

  @Test func `a set that is stored unsorted is stored by its bytes, in either direction`() {
    let server = TestServer()
    server.run("SADD s -70000 1 70000 200")
    #expect(server.run("SORT s BY nosort STORE l") == 4)
    #expect(server.run("LRANGE l 0 -1") == ["-70000", "1", "200", "70000"])
    #expect(server.run("SORT s BY nosort DESC STORE l") == 4)
    #expect(server.run("LRANGE l 0 -1") == ["70000", "200", "1", "-70000"])
  }

  @Test func `elements of equal weight are stored in the same order everywhere`() {
    let server = SortTests.makeServer()
    server.run(["SADD", "large"] + (0..<300).map { "member\($0)" })
    server.run("SORT large BY weight_* ALPHA STORE target")
    server.run("SORT large BY weight_* ALPHA DESC STORE target")
    #expect(server.run("LRANGE target 0 1") == ["member99", "member98"])
  }

  @Test func `LIMIT takes a part of the result, whatever its numbers`() {
    let server = SortTests.makeServer()
    #expect(server.run("SORT list LIMIT 1 2") == ["2", "3"])
    #expect(server.run("SORT list LIMIT -5 2") == ["1", "2"])
    #expect(server.run("SORT list LIMIT 2 -1") == ["3", "10"])
    #expect(server.run("SORT list LIMIT 9 9") == [])
    #expect(server.run("SORT list LIMIT 0 9223372036854775807") == ["1", "2", "3", "10"])
    #expect(server.run("SORT list LIMIT 0") == .error("ERR syntax error"))
    #expect(
      server.run("SORT list LIMIT a 1")
        == .error("ERR value is not an integer or out of range"))
  }

  @Test func `BY looks weights up and GET looks results up`() {
    let server = SortTests.makeServer()
    #expect(server.run("SORT list BY weight_*") == ["10", "3", "2", "1"])
    #expect(server.run("SORT list BY user_*->age LIMIT 2 2") == ["2", "1"])
    #expect(
      server.run("SORT list GET # GET name_* LIMIT 0 3") == ["1", "one", "2", "two", "3", nil])
    #expect(server.run("SORT list GET user_*->name LIMIT 0 1") == ["x"])
    #expect(server.run("SORT list GET nothing LIMIT 0 1") == [nil])
    #expect(server.run("SORT list GET user_* LIMIT 0 1") == [nil])
  }

  @Test func `without an asterisk in BY elements stay as they are`() {
    let server = SortTests.makeServer()
    #expect(server.run("SORT list BY nosort") == ["3", "1", "2", "10"])
    #expect(server.run("SORT list BY nosort DESC LIMIT 0 2") == ["10", "2"])
    #expect(server.run("SORT board BY nosort DESC LIMIT 0 2") == ["three", "two"])
    #expect(server.run("SORT set BY nosort STORE sorted") == 3)
    #expect(server.run("LRANGE sorted 0 -1") == ["a", "b", "c"])
  }

  @Test func `STORE makes a list of the result, or removes the key`() {
    let server = SortTests.makeServer()
    server.run("SET target x EX 1000")
    #expect(server.run("SORT list STORE target") == 4)
    #expect(server.run("LRANGE target 0 -1") == ["1", "2", "3", "10"])
    #expect(server.run("TTL target") == -1)
    #expect(server.run("SORT list GET name_* STORE target") == 4)
    #expect(server.run("LRANGE target 0 -1") == ["one", "two", "", ""])
    #expect(server.run("SORT missing STORE target") == 0)
    #expect(server.run("EXISTS target") == 0)
    #expect(server.run("SORT_RO list STORE target") == .error("ERR syntax error"))
    #expect(server.run("COMMAND GETKEYS SORT a BY b* GET c* STORE d") == ["a", "d"])
    #expect(server.run("COMMAND GETKEYS SORT a STORE b STORE c STORE d") == ["a", "d"])
    #expect(
      server.run("SORT weight_1")
        == .error("WRONGTYPE Operation against a key holding the wrong kind of value"))
  }
}
