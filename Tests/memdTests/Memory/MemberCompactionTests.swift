// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

/// Compaction inside of large collections, a few members at a time between commands.
@Suite struct MemberCompactionTests {
  #if !MEMD_MALLOC_ONLY
    @Test(arguments: ["set", "hash", "zset", "expiring"])
    func `the members that random removal has left over move together`(_ type: String) {
      let server = TestServer(follows: false) { $0.activeDefragIgnoreBytes = 256 << 10 }
      let count = 40_000
      server.runAll(
        stride(from: 0, to: count, by: 100).map { first in
          MemberCompactionTests.adding(type, Array(first..<first + 100))
        })
      if type == "expiring" {
        server.runAll(
          (0..<count / 100).map { part in
            let names = (part * 100..<part * 100 + 100).map { "member:\($0)" }
            return ["HPEXPIREAT", "big", "9999999999999", "FIELDS", "100"] + names
          })
      }
      var random = RandomGenerator(seed: 5)
      let removed = (0..<count).filter { _ in random.next(below: 10) > 0 }
      server.runAll(
        stride(from: 0, to: removed.count, by: 100).map { first in
          MemberCompactionTests.removing(type, Array(removed[first...].prefix(100)))
        })
      let allocator = server.server.allocator
      let digest = server.server.keyspace.digestText
      let before = allocator.slabBytesFree
      server.idle(milliseconds: 500)
      #expect(!server.server.upkeep.compaction.isRunning)
      // A pass empties a quarter of the slabs with leaves of sorted sets, and others follow while
      // it is worth it.
      let enough = type == "zset" ? 256 << 10 : before / 4
      #expect(allocator.slabBytesFree < enough, "\(before) before")
      // A leaf moves as one.
      let movedMin = type == "zset" ? 4 : count / 20
      #expect(server.server.upkeep.compaction.counts.moved > movedMin)
      #expect(server.server.keyspace.digestText == digest)
      MemberCompactionTests.checkInvariants(server)
      let passes = server.server.upkeep.compaction.counts.passes
      server.idle(milliseconds: 500)
      #expect(
        server.server.upkeep.compaction.counts.passes == passes, "nothing more is to be gained")
    }

    @Test func `a step looks at a few members, however large the collection is`() {
      let server = TestServer(follows: false)
      let count = 20_000
      server.runAll(
        stride(from: 0, to: count, by: 100).map { first in
          MemberCompactionTests.adding("zset", Array(first..<first + 100))
        })
      server.runAll((0..<count).filter { $0 % 8 != 3 }.map { ["ZREM", "big", "member:\($0)"] })
      let compaction = server.server.upkeep.compaction
      compaction.start(threshold: 0.9)
      var steps = 0
      while compaction.isRunning {
        let before = compaction.counts.moved + compaction.counts.kept
        compaction.step()
        steps += 1
        #expect(compaction.counts.moved + compaction.counts.kept - before < 200)
      }
      #expect(steps > 50)
      // Leaves, each of some dozen members.
      #expect(compaction.counts.moved > 0 && compaction.counts.kept > 50)
    }
  #endif

  private static func adding(_ type: String, _ numbers: [Int]) -> [String] {
    switch type {
    case "set": ["SADD", "big"] + numbers.map { "member:\($0)" }
    case "zset": ["ZADD", "big"] + numbers.flatMap { ["\($0 % 997)", "member:\($0)"] }
    default: ["HSET", "big"] + numbers.flatMap { ["member:\($0)", "value:\($0)"] }
    }
  }

  private static func removing(_ type: String, _ numbers: [Int]) -> [String] {
    let command = ["set": "SREM", "zset": "ZREM"][type] ?? "HDEL"
    return [command, "big"] + numbers.map { "member:\($0)" }
  }

  /// Stops if a large collection contradicts itself.
  fileprivate static func checkInvariants(_ server: TestServer) {
    for database in server.server.keyspace.databases {
      database.contents.table.checkInvariants()
      database.contents.fieldExpirations.checkInvariants()
      database.contents.table.forEach { entry in
        guard entry.hasLargeForm else { return }
        switch entry.header.type {
        case .set: SetValue(entry).table.pointee.checkInvariants()
        case .hash: HashValue(entry).table.pointee.checkInvariants()
        case .sortedSet: SortedSetValue(entry).large.pointee.checkInvariants()
        default: break
        }
      }
    }
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `collections stay what they are while compaction runs between commands`(seed: UInt64) {
    var run = CollectionRun(seed: seed)
    for _ in 0..<5 {
      run.grow()
      run.thin()
      run.work(commands: 120)
      run.compare()
    }
    #if !MEMD_MALLOC_ONLY
      #expect(run.subject.server.upkeep.compaction.counts.moved > 1000, "seed \(seed)")
    #endif
  }
}

/// The same random commands on two servers, one of which compacts its memory in between.
private struct CollectionRun {
  let subject: TestServer
  private let control: TestServer
  private let seed: UInt64
  private var random: RandomGenerator
  private static let keys = ["e0", "e1", "h0", "h1", "z0", "z1", "l0"]

  init(seed: UInt64) {
    self.seed = seed
    random = RandomGenerator(seed: seed)
    subject = TestServer(seed: seed, follows: false)
    control = TestServer(seed: seed, follows: false)
  }

  private func run(_ words: [String]) {
    let replies = (subject.run(words), control.run(words))
    #expect(replies.0 == replies.1, "seed \(seed): \(words.prefix(4))")
  }

  private mutating func name() -> String {
    let number = random.next(below: 2500)
    return "m\(number)" + (number % 5 == 0 ? String(repeating: "x", count: 90) : "")
  }

  mutating func grow() {
    for key in CollectionRun.keys {
      for _ in 0..<60 { run(adding(to: key, count: 20)) }
    }
  }

  mutating func thin() {
    for key in CollectionRun.keys where !key.hasPrefix("l") {
      let command = key.hasPrefix("e") ? "SREM" : key.hasPrefix("h") ? "HDEL" : "ZREM"
      for _ in 0..<120 { run([command, key] + (0..<30).map { _ in name() }) }
    }
  }

  mutating func work(commands: Int) {
    for _ in 0..<commands {
      run(command())
      let compaction = subject.server.upkeep.compaction
      if !compaction.isRunning { compaction.start(threshold: 0.999) }
      for _ in 0..<random.next(below: 30) { compaction.step() }
    }
  }

  func compare() {
    #expect(
      DatasetText.of(subject.server.keyspace) == DatasetText.of(control.server.keyspace),
      "seed \(seed)")
    MemberCompactionTests.checkInvariants(subject)
  }

  private static func addingCommand(_ key: String) -> String {
    switch key.prefix(1) {
    case "e": "SADD"
    case "h": "HSET"
    case "z": "ZADD"
    default: "RPUSH"
    }
  }

  private mutating func adding(to key: String, count: Int) -> [String] {
    var words = [key]
    for _ in 0..<count {
      switch key.prefix(1) {
      case "h": words += [name(), "\(random.next(below: 100_000))"]
      case "z": words += ["\(random.next(below: 40))", name()]
      default: words.append(name())
      }
    }
    return [CollectionRun.addingCommand(key)] + words
  }

  private mutating func command() -> [String] {
    let key = CollectionRun.keys[random.next(below: CollectionRun.keys.count)]
    let other = "\(key.prefix(1))\(random.next(below: 2))"
    switch random.next(below: 12) {
    case 0: return ["DEL", key]
    case 1: return ["RENAME", key, other]
    case 2: return ["COPY", key, other, "REPLACE"]
    case 3: return ["SWAPDB", "0", "1"]
    case 4: return ["HPEXPIRE", key, "100000", "FIELDS", "2", name(), name()]
    case 5: return ["HPERSIST", key, "FIELDS", "1", name()]
    case 6: return ["PEXPIRE", key, "1000000"]
    case 7: return ["ZRANGE", key, "0", "-1", "WITHSCORES"]
    case 8: return ["ZREMRANGEBYRANK", key, "3", "9"]
    default: return adding(to: key, count: 1 + random.next(below: 9))
    }
  }
}

extension Keyspace {
  /// The fingerprint of all data.
  fileprivate var digestText: String { DatasetDigest(self).text }
}
