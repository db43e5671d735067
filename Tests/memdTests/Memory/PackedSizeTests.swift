// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

// However large the options let packed values become, a gigabyte is the end: beyond it a value gets
// its large form. Tests make the gigabyte small.

@Suite struct PackedSizeTests {
  private static let limit = 2000

  private func server() -> TestServer {
    let server = TestServer {
      $0.hashMaxListpackValue = 1 << 30
      $0.hashMaxListpackEntries = 1 << 30
      $0.zsetMaxListpackValue = 1 << 30
      $0.zsetMaxListpackEntries = 1 << 30
      $0.setMaxListpackValue = 1 << 30
      $0.setMaxListpackEntries = 1 << 30
      $0.setMaxIntsetEntries = 1 << 30
    }
    server.server.keyspace.limits.packedByteCountMax = Self.limit
    return server
  }

  /// Commands that make values of these types grow.
  private static let lines: [String] = [
    "HSET h f# v#", "HSET h f# v# g# v# i# v#", "HSET new# f v# g v# i v# j v# k v#",
    "HSETNX h n# v#", "HMSET h f# 1", "HINCRBY h c# 5", "HINCRBYFLOAT h c# 1.5",
    "HSETEX h EX 1000 FIELDS 1 x# v#", "HSETEX h KEEPTTL FIELDS 2 x# v# f v#",
    "HPEXPIRE h 1000000 FIELDS 2 f# g#", "HPERSIST h FIELDS 1 f#", "COPY h hc# REPLACE",
    "SADD s m#", "SADD s # #1 #2", "SADD ints # #3 #4", "SUNIONSTORE u s ints", "SMOVE s ints m#",
    "SINTERSTORE i s u", "SPOP u 2", "SDIFFSTORE d s none", "SADD ints m#",
    "ZADD z # m#", "ZADD z 1.5 m# 2 n#", "ZADD z INCR 0.333333333 m#", "ZUNIONSTORE zu 2 z zz",
    "ZADD zz # m#x", "ZRANGESTORE zr z 0 -1", "ZINTERSTORE zi 1 z", "ZDIFFSTORE zd 1 z",
    "GEOADD z 13.36 38.11 m#", "GEOSEARCHSTORE zg z FROMLONLAT 13 38 BYRADIUS 9000 km ASC",
    "SUNIONSTORE s2 s z", "RPUSH l m#", "LSET l 0 m#", "LINSERT l AFTER x m#",
  ]

  @Test(arguments: 0..<6) func `no packed value grows beyond the limit`(_ seed: UInt64) {
    var random = RandomGenerator(seed: seed)
    let server = server()
    var hasSeenPacked = false
    for _ in 0..<700 {
      let line = Self.lines[random.next(below: Self.lines.count)]
      let number = "\(random.next(below: 400))"
      let words = TestClient.words(line).map { word in
        let long = String(repeating: "y", count: random.next(below: 3) == 0 ? 150 : 3)
        // Names are few, values long.
        let text = word.hasPrefix("v") ? long : number
        return word.replacing("#", with: text)
      }
      server.run(words)
      for database in server.server.keyspace.databases {
        database.contents.table.forEach { entry in
          guard !entry.header.isString,
            Entry.CollectionEncoding.isPacked(entry.header.encoding)
          else { return }
          if entry.packedByteCount > Self.limit / 2 { hasSeenPacked = true }
          #expect(
            entry.packedByteCount <= Self.limit,
            "\(words.prefix(6)): \(entry.packedByteCount) bytes in \(entry.key.text)")
        }
      }
      if random.next(below: 100) == 0 { server.run("FLUSHALL") }
    }
    #expect(hasSeenPacked)
  }

  @Test func `RESTORE and RELOAD keep to the limit`() {
    let server = server()
    for index in 0..<60 {
      server.run("HSET h field:\(index) value:\(index)")
      server.run("SADD s member:\(index)")
      server.run("ZADD z \(index) member:\(index)")
    }
    for key in ["h", "s", "z"] {
      #expect(server.run("OBJECT ENCODING \(key)") == "listpack", "\(key)")
    }
    for index in 60..<200 {
      server.run("HSET h field:\(index) value:\(index)")
      server.run("SADD s member:\(index)")
      server.run("ZADD z \(index) member:\(index)")
    }
    server.run("CONFIG SET enable-debug-command yes")
    for key in ["h", "s", "z"] {
      #expect(server.run("OBJECT ENCODING \(key)") != "listpack", "\(key)")
      #expect(server.run("COPY \(key) \(key)2") == 1)
      #expect(server.run("OBJECT ENCODING \(key)2") != "listpack", "\(key)")
    }
  }
}
