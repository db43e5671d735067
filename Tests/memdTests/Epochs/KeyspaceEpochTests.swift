// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// Whatever commands, timers and chores do to the keyspace: every entry and every block is
/// announced before it changes for the first time in an epoch.
@Suite struct KeyspaceEpochTests {
  @Test func `every change of an entry or a block is announced before it happens`() {
    var reached: Set<String> = []
    var announced: Set<String> = []
    for seed in 1...6 as ClosedRange<UInt64> {
      var run = Run(seed: seed)
      for step in 0..<2500 {
        run.step(step)
        guard run.shadow.failures.isEmpty else { break }
      }
      reached.formUnion(run.reached)
      run.finish()
      #expect(run.shadow.failures == [], "seed \(seed)")
      announced.formUnion(run.shadow.announcedCounts.keys)
    }
    let kinds = [
      "stringEntry", "listEntry", "setEntry", "sortedSetEntry", "hashEntry", "streamEntry",
      "packed", "plain", "setBucket", "sorted", "hashBucket", "stream", "group", "producers",
    ]
    #expect(announced == Set(kinds))
    let writing = CommandTable().descriptions.filter {
      $0.subcommands.isEmpty && $0.command.flags.contains(.write)
        && !EpochCommands.excluded.contains($0.fullName)
    }
    let unreached = writing.map(\.fullName).filter { !reached.contains($0) }
    #expect(unreached == [], "no request of these succeeded: EpochCommands needs a line for them")
  }

  @Test func `without an epoch that begins nothing is ever announced`() {
    let server = TestServer(follows: false)
    let shadow = KeyspaceShadow(server.server.keyspace)
    var commands = EpochCommands(seed: 3)
    for _ in 0..<2000 { server.run(commands.next()) }
    #expect(shadow.announcedCounts.isEmpty)
  }

  /// One server, and what happens to it.
  private struct Run {
    let server: TestServer
    let shadow: KeyspaceShadow
    private var commands: EpochCommands
    private var waiting: [TestClient] = []
    private var inTransaction = false
    /// Addresses of blocks that lie between those of the keyspace and are freed, so that slabs
    /// become sparse.
    private var ballast: [UInt] = []
    private static let ballastSizes = Array(stride(from: 8, through: 256, by: 8))
    private static let ballastCount = 600

    init(seed: UInt64) {
      server = TestServer(seed: seed, follows: false) {
        $0.databases = 2
        $0.maxMemoryPolicy = .allKeysRandom
        // The shadow hears of what changes, so no cut may.
        $0.saveRules = []
      }
      for line in [
        "list-max-listpack-size 8", "set-max-listpack-entries 6", "set-max-intset-entries 6",
        "zset-max-listpack-entries 6", "hash-max-listpack-entries 6",
        "stream-node-max-entries 5", "hash-max-listpack-value 40",
      ] { server.run("CONFIG SET " + line) }
      shadow = KeyspaceShadow(server.server.keyspace)
      commands = EpochCommands(seed: seed)
    }

    mutating func step(_ step: Int) {
      if commands.random.next(below: 40) == 0 { shadow.begin() }
      switch commands.random.next(below: 60) {
      case 0, 1: pass()
      case 2: evict()
      case 3, 6, 7: compact()
      case 4: wait()
      case 5 where step % 20 == 0: run(["FLUSHALL"])
      case 5 where step % 20 == 1: run(["FLUSHDB", "ASYNC"])
      default: run(commands.next())
      }
      if commands.random.next(below: 3) == 0 { shadow.checkAll() } else { shadow.check() }
    }

    /// Runs a command and leaves the client able to run the next one.
    private mutating func run(_ words: [String]) {
      var words = words
      if words[0] == "SELECT" { words[1] = String(commands.random.next(below: 2)) }
      for index in words.indices where words[index] == "%id" { words[index] = id(for: words) }
      shadow.context = words.joined(separator: " ")
      if words[0] == "MULTI" { inTransaction = true }
      server.run(words)
      guard inTransaction, commands.random.next(below: 4) == 0 else { return }
      inTransaction = false
      shadow.context = "EXEC"
      server.run("EXEC")
    }

    /// The id of an entry of the stream that a command is for.
    private mutating func id(for words: [String]) -> String {
      guard !inTransaction, let key = words.first(where: { $0.hasPrefix("stream") }) else {
        return "1-1"
      }
      let entries = server.run(["XRANGE", key, "-", "+", "COUNT", "30"]).elements
      guard !entries.isEmpty else { return "1-1" }
      return entries[commands.random.next(below: entries.count)].elements.first?.text ?? "1-1"
    }

    /// Keys and fields become due.
    private mutating func pass() {
      shadow.context = "time"
      server.advance(milliseconds: Int64(commands.random.next(below: 30)))
    }

    private mutating func evict() {
      let limit = max(1, server.server.evictableMemory - 2000)
      shadow.context = "eviction"
      server.run("CONFIG SET maxmemory \(limit)")
      server.turn()
      server.run("CONFIG SET maxmemory 0")
    }

    private mutating func compact() {
      shadow.context = "compaction"
      freeBallast()
      let compaction = server.server.upkeep.compaction
      // To move is not to change.
      let before = shadow.announcedCounts
      compaction.start(threshold: 1)
      while compaction.isRunning { compaction.step() }
      #expect(shadow.announcedCounts == before)
      for size in Run.ballastSizes {
        for _ in 0..<Run.ballastCount {
          ballast.append(UInt(bitPattern: unsafe server.server.allocator.allocate(size)))
        }
      }
    }

    private mutating func freeBallast() {
      for (index, address) in ballast.enumerated() {
        guard let block = unsafe UnsafeMutableRawPointer(bitPattern: address) else { continue }
        unsafe server.server.allocator.deallocate(
          block, byteCount: Run.ballastSizes[index / Run.ballastCount])
      }
      ballast = []
    }

    /// Another client waits for a key, and is served when it comes.
    private mutating func wait() {
      shadow.context = "a client that waits"
      if waiting.count > 3 { waiting.removeFirst().connection.close() }
      let client = server.connect()
      let lines = [
        "BLPOP list0 list1 0", "BLMOVE list0 list1 LEFT RIGHT 0", "BZPOPMIN zset0 zset1 0",
        "BLMPOP 0 2 list0 list2 RIGHT COUNT 3", "BZMPOP 0 1 zset2 MAX COUNT 3",
        "XREADGROUP GROUP g0 c0 BLOCK 0 STREAMS stream0 >", "BRPOPLPUSH list1 list2 0",
        "BRPOP list0 list1 0", "BZPOPMAX zset0 zset1 0",
        "BLMOVEM list0 list1 LEFT RIGHT 0 COUNT 3 BULK",
      ]
      client.send(TestClient.words(lines[commands.random.next(below: lines.count)]))
      server.turn()
      waiting.append(client)
    }

    /// Commands of which a request was executed without an error.
    var reached: Set<String> {
      var succeeded: Set<String> = []
      for line in server.run("INFO commandstats").text.split(whereSeparator: \.isNewline) {
        let parts = line.dropFirst("cmdstat_".count).split(separator: ":")
        guard parts.count == 2 else { continue }
        var numbers: [Substring: Int] = [:]
        for field in parts[1].split(separator: ",") {
          let pair = field.split(separator: "=")
          numbers[pair[0]] = Int(pair[1])
        }
        let calls = numbers["calls"] ?? 0
        if calls > numbers["failed_calls"] ?? 0 { succeeded.insert(String(parts[0])) }
      }
      return succeeded
    }

    mutating func finish() {
      shadow.context = "at the end"
      shadow.begin()
      server.run("DISCARD")
      server.run("FLUSHALL ASYNC")
      shadow.checkAll()
      freeBallast()
      #if !MEMD_MALLOC_ONLY
        #expect(server.server.upkeep.compaction.counts.moved > 20)
      #endif
    }
  }
}
