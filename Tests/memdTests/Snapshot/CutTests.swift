// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// A snapshot shows what there was when its cut began, whatever is written meanwhile.
@Suite struct CutTests {
  @Test(arguments: 1...10 as ClosedRange<UInt64>)
  func `what is loaded equals what there was at the cut`(seed: UInt64) throws {
    var run = Run(seed: seed)
    for _ in 0..<4 { try run.cut() }
    #expect(run.failures == [], "seed \(seed)")
  }

  @Test(arguments: 11...14 as ClosedRange<UInt64>)
  func `commands make what there was at the cut`(seed: UInt64) throws {
    var run = Run(seed: seed, format: .commands)
    for _ in 0..<4 { try run.cut() }
    #expect(run.failures == [], "seed \(seed)")
  }

  @Test func `the runs force blocks of every kind, and cuts are given up and repeated`() throws {
    var announced: [String: Int] = [:]
    var givenUpCount = 0
    for seed in 100...104 as ClosedRange<UInt64> {
      var run = Run(seed: seed)
      for _ in 0..<5 { try run.cut() }
      announced.merge(run.recorder.counts, uniquingKeysWith: +)
      givenUpCount += run.givenUpCount
    }
    #expect(givenUpCount > 0)
    let kinds: Set = [
      "small", "large", "list", "stream", "leaf", "set", "hash", "group", "producers",
    ]
    #expect(Set(announced.keys) == kinds)
  }

  @Test func `cuts that are given up leave no number that a later one could mistake`() throws {
    var run = Run(seed: 7)
    for count in [125, 126, 127] {
      // Everything carries the number of the first one, whose turn comes again.
      run.giveUp(behind: .max)
      for _ in 0..<count { run.giveUp(behind: 0) }
      try run.cut()
    }
    #expect(run.failures == [])
  }

  private static let changes = [
    "APPEND long0 x", "SETRANGE long0 5 changed", "SETBIT long0 9 1", "DEL long0", "UNLINK long0",
    "SET long0 short", "GETDEL long0", "RENAME long0 other", "PEXPIRE long0 1000000",
    "COPY long1 long0 REPLACE", "FLUSHDB SYNC", "GETSET long0 x",
  ]

  @Test(
    arguments: changes.map { (SnapshotOutput.Format.rdb, $0) }
      + ["APPEND long0 x", "RENAME long0 other"].map { (.commands, $0) })
  func `a long string is copied part by part, and whole before it changes`(
    format: SnapshotOutput.Format, line: String
  ) throws {
    var run = Run(seed: 3, format: format)
    run.makeLongStrings()
    let parts = run.stepsOfParts()
    try #require(parts.count == 8)
    // Before anything is taken, and in the middle of either string.
    for stepCount in [0, parts[1], parts[5]] {
      try run.cut(after: stepCount, line)
    }
    #expect(run.failures == [])
    #expect(run.forcedByteCount > 500_000 || !Self.edits.contains(line))
  }

  /// Those that change the string where it is.
  private static let edits = ["APPEND long0 x", "SETRANGE long0 5 changed", "SETBIT long0 9 1"]

  /// Counts what is announced because it is about to change, by kind.
  private final class Recorder: BlockObserver {
    var cut: Cut?
    var isStepping = false
    private(set) var counts: [String: Int] = [:]

    func willChange(_ block: ChangingBlock) {
      let kind =
        switch block {
        case .entry(let word, _): Entry(word: word).hasLargeForm ? "large" : "small"
        case .text: "text"
        case .listNode: "list"
        case .streamNode: "stream"
        case .group: "group"
        case .producers: "producers"
        case .sortedSetLeaf: "leaf"
        case .bucket(.set, _): "set"
        case .bucket(.hash, _): "hash"
        }
      if !isStepping { counts[kind, default: 0] += 1 }
      cut?.willChange(block)
    }
  }

  /// One server whose keyspace is cut again and again.
  private struct Run {
    let server: TestServer
    private let format: SnapshotOutput.Format
    private var commands: EpochCommands
    private(set) var failures: [String] = []
    let recorder = Recorder()
    private(set) var givenUpCount = 0
    /// Bytes that were copied because they changed, in the cut in which there were most.
    private(set) var forcedByteCount = 0

    init(seed: UInt64, format: SnapshotOutput.Format = .rdb) {
      self.format = format
      server = TestServer(seed: seed, follows: false) {
        $0.databases = 2
        $0.saveRules = []
      }
      for line in [
        "list-max-listpack-size 8", "set-max-listpack-entries 6", "set-max-intset-entries 6",
        "zset-max-listpack-entries 6", "hash-max-listpack-entries 6",
        "stream-node-max-entries 5", "hash-max-listpack-value 40",
      ] { server.run("CONFIG SET " + line) }
      commands = EpochCommands(seed: seed, keysPerKind: 8)
      for _ in 0..<900 { write() }
      fill()
    }

    /// Many small keys, and a set and a hash of many buckets.
    private mutating func fill() {
      server.run(["MSET"] + (0..<300).flatMap { ["k:\($0)", "v\($0)"] })
      for start in stride(from: 0, to: 400, by: 40) {
        let names = (start..<start + 40).map { "m\($0)" }
        server.run(["SADD", "set0"] + names)
        server.run(["HSET", "hash0"] + names.flatMap { [$0, "v" + $0] })
        server.run(["ZADD", "zset0"] + names.flatMap { ["\(start)", $0] })
        server.run(["RPUSH", "list0"] + names)
      }
    }

    /// Takes much away, so that tables become smaller.
    private mutating func thin() {
      let first = commands.random.next(below: 300)
      let names = (first..<first + 120).map { "m\($0)" }
      switch commands.random.next(below: 8) {
      case 0, 1: server.run(["DEL"] + (first..<first + 120).map { "k:\($0)" })
      case 2: server.run(["SREM", "set0"] + names)
      case 3: server.run(["HDEL", "hash0"] + names)
      case 4: server.run(["ZREM", "zset0"] + names)
      case 5: server.run(["LTRIM", "list0", "\(first)", "-9"])
      case 6: server.run(["DEL", "set0", "hash0", "list0", "zset0", "stream0"])
      default: fill()
      }
    }

    /// Makes two equal strings that are longer than a part, unless they are there.
    ///
    /// Small requests do it: a large one would be executed some turns later.
    func makeLongStrings() {
      for offset in stride(from: StringBlock.longByteCountMin, through: 0, by: -50_000) {
        server.run("SETRANGE long1 \(offset) mark:\(offset)")
      }
      server.run("COPY long1 long0 REPLACE")
    }

    /// Behind how many steps of a cut there is one more part of a long string.
    func stepsOfParts() -> [Int] {
      let cut = server.server.beginCut(for: format)
      defer { cut.end() }
      var steps: [Int] = []
      var count = 0
      var byteCount = 0
      while cut.step() == .running {
        count += 1
        if cut.readyByteCount - byteCount >= OpenValue.textPartByteCount { steps.append(count) }
        byteCount = cut.readyByteCount
      }
      return steps
    }

    /// Takes a snapshot in which a command runs behind some of its steps, and compares.
    mutating func cut(after stepCount: Int, _ line: String) throws {
      makeLongStrings()
      let expected = DatasetText.of(server.server.keyspace)
      let cut = server.server.beginCut(for: format)
      let output = beginOutput(of: cut)
      var steps = 0
      repeat {
        if steps == stepCount { server.run(line) }
        if steps == stepCount + 1 { _ = server.server.keyspace.unlinked.free(upTo: .max) }
        steps += 1
      } while cut.step() == .running
      output.write(cut.takeReady())
      forcedByteCount = max(forcedByteCount, cut.forcedByteCountInAll)
      cut.end()
      output.finish()
      output.close()
      compare(expected, server.disk.content(of: "cut") ?? [])
    }

    /// Takes a snapshot while commands run between its steps, and compares.
    mutating func cut() throws {
      // What is due goes before, since it would not be loaded.
      for _ in 0..<200 { write() }
      fill()
      server.turn()
      let expected = DatasetText.of(server.server.keyspace)
      let cut = server.server.beginCut(for: format)
      recorder.cut = cut
      server.server.allocator.blockObserver = recorder
      let output = beginOutput(of: cut)
      let givesUp = commands.random.next(below: 4) == 0
      let writesPerStep = commands.random.next(below: 3)
      var steps = 0
      while step(cut) == .running {
        steps += 1
        for _ in 0..<writesPerStep { write() }
        if commands.random.next(below: 9) == 0 { output.write(cut.takeReady()) }
        if givesUp && steps > 20 { break }
      }
      output.write(cut.takeReady())
      cut.end()
      server.turn()
      if givesUp && steps > 20 {
        givenUpCount += 1
        return output.abandon()
      }
      output.finish()
      output.close()
      #expect(output.failure == nil)
      compare(expected, server.disk.content(of: "cut") ?? [])
    }

    /// Begins a snapshot and gives it up after some steps, at the latest when it has all entries.
    func giveUp(behind steps: Int) {
      let cut = server.server.beginCut()
      var left = steps
      while left > 0, cut.processed < cut.keyCount, cut.step() == .running { left -= 1 }
      cut.end()
    }

    private func step(_ cut: Cut) -> Cut.Progress {
      recorder.isStepping = true
      defer { recorder.isStepping = false }
      return cut.step()
    }

    private func beginOutput(of cut: Cut) -> SnapshotOutput {
      var options = SnapshotOutput.Options()
      options.format = format
      options.version = cut.version
      let output = SnapshotOutput(disk: server.disk, temporary: "cut", options: options)
      output.begin()
      return output
    }

    private mutating func compare(_ expected: [String], _ file: [UInt8]) {
      let other = TestServer(follows: false) {
        $0.databases = 2
        $0.saveRules = []
      }
      other.keepLog()
      var milliseconds =
        server.clock.wallMicroseconds() / 1000 - other.clock.wallMicroseconds() / 1000
      // What comes due meanwhile would not be loaded; commands make it nevertheless.
      if format == .rdb { milliseconds -= 1_000_000 }
      other.clock.advance(milliseconds: milliseconds)
      do {
        try load(file, into: other)
      } catch {
        failures.append("\(error)")
      }
      let found = DatasetText.of(other.server.keyspace)
      guard found != expected else { return }
      for line in Set(expected).subtracting(found) { failures.append("missing: \(line)") }
      for line in Set(found).subtracting(expected) { failures.append("not there: \(line)") }
      if failures.isEmpty { failures.append("different: \(other.logText)") }
    }

    private func load(_ file: [UInt8], into other: TestServer) throws {
      switch format {
      case .rdb:
        other.disk.setContent(file, of: "dump.rdb")
        other.server.loadAtStart {}
        other.settle()
      case .commands:
        other.turn()
        try StreamApplier(server: other.server).apply(file.rawSpan)
      }
    }

    private mutating func write() {
      switch commands.random.next(below: 3000) {
      case 0: server.run("FLUSHDB ASYNC")
      case 1: server.run("FLUSHDB SYNC")
      case 20..<80: thin()
      case 2..<12: server.advance(milliseconds: Int64(commands.random.next(below: 30)))
      case 12..<20: _ = server.server.keyspace.unlinked.free(upTo: 40)
      default: run(commands.next())
      }
    }

    private mutating func run(_ words: [String]) {
      var words = words
      if words[0] == "MULTI" || words[0] == "EXEC" { return }
      if words[0] == "SELECT" { words[1] = String(commands.random.next(below: 2)) }
      for index in words.indices where words[index] == "%id" { words[index] = id(for: words) }
      server.run(words)
    }

    /// The id of an entry of the stream that a command is for.
    private mutating func id(for words: [String]) -> String {
      guard let key = words.first(where: { $0.hasPrefix("stream") }) else { return "1-1" }
      let entries = server.run(["XRANGE", key, "-", "+", "COUNT", "30"]).elements
      guard !entries.isEmpty else { return "1-1" }
      return entries[commands.random.next(below: entries.count)].elements.first?.text ?? "1-1"
    }
  }
}
