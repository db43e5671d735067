// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

@Suite struct KeyspaceCompactionTests {
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `keys stay what they are while compaction runs between commands`(seed: UInt64) {
    var model = CompactionModel(seed: seed)
    for round in 0..<6 {
      model.grow()
      model.thin()
      model.work(steps: 150)
      model.check()
      if round % 3 == 2 { model.flushSomething() }
    }
    #if !MEMD_MALLOC_ONLY
      let counts = model.server.server.upkeep.compaction.counts
      #expect(counts.movedKeys > 100, "seed \(seed)")
      #expect(counts.moved > counts.movedKeys, "seed \(seed): no block of a string moved")
      #expect(counts.passes > 2, "seed \(seed)")
    #endif
  }

  #if !MEMD_MALLOC_ONLY
    @Test func `what random removal leaves behind is gathered by itself and stays gathered`() {
      let server = TestServer(follows: false) { $0.activeDefragIgnoreBytes = 1 << 20 }
      let value = String(repeating: "v", count: 150)
      server.runAll((0..<20_000).map { ["SET", "key:\($0)", value] })
      server.runAll((0..<20_000).filter { $0 % 10 != 7 }.map { ["DEL", "key:\($0)"] })
      #expect(server.run("DBSIZE") == 2000)
      let allocator = server.server.allocator
      let before = allocator.slabBytesFree
      #expect(before > 2 << 20)
      server.idle(milliseconds: 300)
      #expect(!server.server.upkeep.compaction.isRunning)
      #expect(allocator.slabBytesFree < 300_000, "\(before) before")
      #expect((1...3).contains(server.server.upkeep.compaction.counts.passes))
      #expect(server.info("active_defrag_running") == "0")
      #expect(server.info("active_defrag_key_hits") != "0")
      for index in 0..<20_000 where index % 70 == 7 {
        #expect(server.run("STRLEN key:\(index)") == 150)
      }
      // There is nothing more to gain: no other pass.
      let passes = server.server.upkeep.compaction.counts.passes
      server.idle(milliseconds: 1000)
      #expect(server.server.upkeep.compaction.counts.passes == passes)
    }

    @Test func `what is removed during a pass is gathered by the next one`() {
      let server = TestServer(follows: false) { $0.activeDefragIgnoreBytes = 1 << 20 }
      let value = String(repeating: "v", count: 150)
      server.runAll((0..<16_000).map { ["SET", "key:\($0)", value] })
      server.runAll((0..<16_000).filter { $0 % 4 == 1 }.map { ["DEL", "key:\($0)"] })
      server.server.upkeep.compaction.start(threshold: 0.9)
      while server.server.upkeep.compaction.isRunning,
        server.server.upkeep.compaction.counts.keptKeys < 4000
      {
        server.server.upkeep.compaction.step()
      }
      server.runAll(
        (0..<16_000).filter { $0 % 10 != 7 }.map { ["DEL", "key:\($0)"] })
      server.idle(milliseconds: 500)
      #expect(server.run("DBSIZE") == 800)
      #expect(server.server.allocator.slabBytesFree < 400_000)
    }

    @Test func `a pass ends when it is switched off`() {
      let server = TestServer(follows: false)
      for index in 0..<3000 { server.run("SET key:\(index) 0123456789012345678901234567890") }
      for index in 0..<3000 where index % 8 != 0 { server.run("DEL key:\(index)") }
      server.server.upkeep.compaction.start(threshold: 0.99)
      server.server.upkeep.compaction.step()
      #expect(server.server.upkeep.compaction.isRunning)
      #expect(server.server.hasBackgroundWork)
      server.run("CONFIG SET activedefrag no")
      server.server.considerCompaction()
      #expect(!server.server.upkeep.compaction.isRunning)
      #expect(!server.server.allocator.isCompacting)
      #expect(!server.server.hasBackgroundWork)
    }

    @Test func `free slabs go back to the system on request`() {
      let server = TestServer(follows: false)
      for index in 0..<3000 { server.run("SET key:\(index) 0123456789012345678901234567890") }
      server.run("FLUSHALL SYNC")
      #expect(server.server.allocator.slabBytes > 100_000)
      #expect(server.run("MEMORY PURGE") == .ok)
      #expect(server.server.allocator.slabBytes < 50_000)
    }
  #endif

  @Test func `the share of the time grows with what there is to gain`() {
    let server = TestServer(follows: false)
    #expect(server.server.compactionPercent == 0)
    server.server.upkeep.compaction.start(threshold: 0.9)
    server.server.configuration.activeDefragThresholdLower = 1000
    #expect(server.server.compactionPercent == 1)
    server.server.configuration.activeDefragThresholdLower = 0
    server.server.configuration.activeDefragThresholdUpper = 0
    server.server.configuration.activeDefragCycleMax = 99
    #expect((1...15).contains(server.server.compactionPercent))
  }

  @Test func `the counters of compaction start anew with the others`() {
    let server = TestServer(follows: false)
    server.server.upkeep.compaction.counts.moved = 5
    #expect(server.info("active_defrag_hits") == "5")
    server.run("CONFIG RESETSTAT")
    #expect(server.info("active_defrag_hits") == "0")
  }
}

/// Random commands on a server and on a dictionary, with steps of compaction in between.
private struct CompactionModel {
  struct Value {
    var text: String
    var deadline: Int64?
  }

  let server: TestServer
  let seed: UInt64
  private var random: RandomGenerator
  private var data: [[String: Value]] = [[:], [:], [:]]
  private var selected = 0
  private var waiting: [[String]] = []

  init(seed: UInt64) {
    self.seed = seed
    random = RandomGenerator(seed: seed)
    server = TestServer(seed: seed, follows: false)
  }

  /// Many new keys of a few sizes, many with a deadline; long keys have values of their own block.
  mutating func grow() {
    for _ in 0..<1500 { set(number: random.next(below: 3000)) }
    send()
  }

  /// Removes most keys at random.
  mutating func thin() {
    for database in data.indices {
      select(database)
      for key in data[database].keys.sorted() where random.next(below: 10) < 8 {
        waiting.append(["DEL", key])
        data[database][key] = nil
      }
      send()
    }
  }

  mutating func work(steps: Int) {
    for _ in 0..<steps {
      command()
      let compaction = server.server.upkeep.compaction
      if !compaction.isRunning { compaction.start(threshold: 0.999) }
      for _ in 0..<random.next(below: 40) { compaction.step() }
    }
  }

  private mutating func command() {
    let key = anyKey()
    switch random.next(below: 12) {
    case 0: select(random.next(below: 3))
    case 1:
      set(number: random.next(below: 3000))
      send()
    case 2:
      server.run("DEL \(key)")
      data[selected][key] = nil
    case 3:
      server.run("PERSIST \(key)")
      data[selected][key]?.deadline = nil
    case 4:
      server.run("APPEND \(key) abc")
      data[selected][key, default: Value(text: "")].text += "abc"
    case 5:
      let other = CompactionModel.name(random.next(below: 3000))
      guard let value = data[selected][key] else { return }
      guard key != other else { return }
      server.run("RENAME \(key) \(other)")
      data[selected][key] = nil
      data[selected][other] = value
    case 6:
      server.run("SWAPDB 0 1")
      data.swapAt(0, 1)
    case 7: pass(milliseconds: 1 + random.next(below: 40))
    case 8:
      let text = data[selected][key]?.text
      #expect(server.run("GET \(key)") == (text.map { .bulk($0) } ?? .null), "seed \(seed)")
    default:
      guard data[selected][key] != nil else { return }
      expire(key)
      send()
    }
  }

  /// Runs what waits, in the database that is selected.
  private mutating func send() {
    server.runAll([["SELECT", "\(selected)"]] + waiting)
    waiting = []
  }

  /// Empties a database while a pass is under way.
  mutating func flushSomething() {
    server.run(random.next(below: 2) == 0 ? "FLUSHDB ASYNC" : "FLUSHDB SYNC")
    data[selected] = [:]
  }

  func check() {
    var lines: [String] = []
    for (number, contents) in data.enumerated() {
      for (key, value) in contents {
        lines.append("\(number) \(key) \(value.deadline.map(String.init) ?? "-") \(value.text)")
      }
    }
    #expect(DatasetText.of(server.server.keyspace) == lines.sorted(), "seed \(seed)")
    for database in server.server.keyspace.databases {
      database.contents.table.checkInvariants()
      database.contents.expirations.checkInvariants()
    }
  }

  private static func name(_ number: Int) -> String {
    "k\(number)" + (number % 3 == 0 ? String(repeating: "x", count: 150) : "")
  }

  private mutating func set(number: Int) {
    let key = CompactionModel.name(number)
    let size = random.next(below: 2) == 0 ? 20 : 120
    let text = String(repeating: "\(random.next(below: 10))", count: size)
    waiting.append(["SET", key, text])
    data[selected][key] = Value(text: text)
    if random.next(below: 2) == 0 { expire(key) }
  }

  private mutating func expire(_ key: String) {
    let time = 1 + random.next(below: [50, 3000, 400_000][random.next(below: 3)])
    waiting.append(["PEXPIRE", key, "\(time)"])
    data[selected][key]?.deadline = server.now + Int64(time)
  }

  private mutating func pass(milliseconds: Int) {
    server.advance(milliseconds: Int64(milliseconds))
    // What became due in one instant may take a few turns.
    while server.server.upkeep.expiration.hasBacklog { server.turn() }
    for database in data.indices {
      data[database] = data[database].filter { ($0.value.deadline ?? .max) >= server.now }
    }
  }

  private mutating func select(_ database: Int) {
    server.run("SELECT \(database)")
    selected = database
  }

  private mutating func anyKey() -> String {
    let start = "k\(random.next(below: 3000))"
    return data[selected].keys.filter { $0 >= start }.min() ?? start
  }
}
