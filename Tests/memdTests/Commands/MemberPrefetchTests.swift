// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

@Suite struct MemberPrefetchTests {
  @Test(arguments: [
    ("hget", 2), ("hset", 2), ("sadd", 2), ("sismember", 2), ("zrank", 2), ("zadd", 3),
    ("zincrby", 3), ("geoadd", 4), ("get", 0), ("zrange", 0), ("hexpire", 0),
  ])
  func `the place of a member follows from the syntax`(name: String, position: Int) throws {
    let table = CommandTable()
    let description = try #require(table.descriptions.first { $0.fullName == name })
    #expect(Int(description.command.memberPosition) == position)
  }

  @Test func `a batch that names members of large collections gets the same replies`() {
    let server = TestServer()
    for name in ["set-max-intset-entries", "hash-max-listpack-entries"] {
      server.run("CONFIG SET \(name) 0")
    }
    server.run("CONFIG SET zset-max-listpack-entries 0")
    server.run("CONFIG SET set-max-listpack-entries 0")
    var requests = ""
    for number in 0..<40 {
      requests +=
        "HSET h f\(number) \(number)\r\nSADD s m\(number)\r\nZADD z \(number) m\(number)\r\n"
    }
    _ = server.client.exchange(requests)
    requests = "SET s x\r\n"
    for number in 0..<40 {
      requests += "HGET h f\(number)\r\nSISMEMBER s m\(number)\r\nZRANK z m\(number)\r\n"
    }
    let replies = server.client.exchange(requests)
    #expect(replies.contains(":39\r\n") && replies.contains("$2\r\n39\r\n"))
    #expect(replies.contains("-WRONGTYPE"))
  }
}
