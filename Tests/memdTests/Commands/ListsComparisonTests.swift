// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// Random commands on lists, run on memd and on redis-server, must get equal replies.
@Suite(.enabled(if: ReferenceServer.path != nil, "redis-server is not installed"))
struct ListsComparisonTests {
  @Test(arguments: [(1, "-2"), (2, "4"), (3, "1")] as [(UInt64, String)])
  func `random commands on lists get the replies of redis-server`(
    seed: UInt64, size: String
  ) throws {
    let reference = try #require(ReferenceServer(["--enable-debug-command", "yes"]))
    let server = TestServer { $0.enableDebugCommand = .yes }
    var script = ListScript(seed: seed)
    var history: [String] = []
    for line in ["CONFIG SET list-max-listpack-size \(size)", "SET s x"] {
      server.run(line)
      reference.run(line)
    }
    for _ in 0..<800 {
      let words = script.next()
      history.append(words.joined(separator: " "))
      let expected = reference.run(words)
      let found = server.run(words)
      #expect(found == expected, "seed \(seed), \(history.suffix(5))")
      guard found == expected else { return }
    }
    for key in ["a", "b", "c"] {
      #expect(server.run("LRANGE \(key) 0 -1") == reference.run("LRANGE \(key) 0 -1"))
      #expect(
        server.run("DEBUG DIGEST-VALUE \(key)") == reference.run("DEBUG DIGEST-VALUE \(key)"))
    }
  }

  /// A source of commands that seldom are wrong.
  private struct ListScript {
    private var generator: RandomGenerator

    init(seed: UInt64) { generator = RandomGenerator(seed: seed) }

    private mutating func one(of words: [String]) -> String {
      words[generator.next(below: words.count)]
    }

    private mutating func key() -> String { one(of: ["a", "a", "b", "b", "c", "s", "none"]) }
    private mutating func end() -> String { one(of: ["LEFT", "right", "left", "RIGHT"]) }

    private mutating func value() -> String {
      let count = generator.next(below: 90)
      return one(of: [
        "x", "y", "z", "1", "2", "-7", "", "007", "99999999999",
        String(repeating: "v", count: count),
        count == 0 ? String(repeating: "w", count: 9000) : "u",
      ])
    }

    private mutating func index() -> String {
      one(of: ["0", "1", "2", "-1", "-3", "5", "10", "-20", "60", "x", "9223372036854775807"])
    }

    private mutating func values() -> [String] {
      (0...generator.next(below: 6)).map { _ in value() }
    }

    mutating func next() -> [String] {
      switch generator.next(below: 17) {
      case 0, 1: [one(of: ["LPUSH", "RPUSH"]), key()] + values()
      case 2: [one(of: ["LPUSHX", "RPUSHX"]), key(), value()]
      case 3: [one(of: ["LPOP", "RPOP", "LLEN"]), key()]
      case 4: [one(of: ["LPOP", "RPOP"]), key(), index()]
      case 5: ["LINDEX", key(), index()]
      case 6: ["LSET", key(), index(), value()]
      case 7, 8: ["LINSERT", key(), one(of: ["BEFORE", "after"]), value(), value()]
      case 9: ["LRANGE", key(), index(), index()]
      case 10: ["LTRIM", key(), one(of: ["0", "1", "2"]), one(of: ["-1", "-2", "40"])]
      case 11: ["LREM", key(), index(), value()]
      case 12: ["LPOS", key(), value(), one(of: ["RANK", "COUNT", "MAXLEN"]), index()]
      case 13: ["LMOVE", key(), key(), end(), end()]
      case 14: ["RPOPLPUSH", key(), key()]
      case 15: ["LMPOP", "2", key(), key(), end(), "COUNT", index()]
      default: ["COPY", key(), one(of: ["b", "c"]), "REPLACE"]
      }
    }
  }
}
