// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

@Suite struct LogReaderTests {
  private func read(_ text: String) -> LogReading { LogReading(Array(text.utf8)) }

  // MARK: - What is there

  @Test func `commands come with their places, and annotations with what they say`() {
    var log = LogText()
    log.add(raw: "#TS:1700000000\r\n")
    log.add("SET", "a", "1")
    log.annotate()
    let reading = LogReading(log.bytes)
    guard case .annotation(let annotation)? = reading.events.last else {
      Issue.record("no annotation")
      return
    }
    #expect(reading.events.first == .timestamp(1_700_000_000))
    #expect(reading.events[1] == .command(["SET", "a", "1"], 16..<43))
    #expect(annotation.replicationID == LogText.replicationID)
    #expect(annotation.offset == 43)
    #expect(annotation.since == 43)
    #expect(reading.ending == .whole)
    #expect(reading.wholeOffset == log.bytes.count)
    #expect(reading.confirmedOffset == log.bytes.count)
  }

  @Test func `other lines that begin with a hash sign are skipped`() {
    let reading = read("#\n# MEMD\r\n#MEMD:2 later\r\n#TS:\r\n#TS:x\r\n*1\r\n$4\r\nPING\r\n")
    #expect(reading.events == [.command(["PING"], 38..<52)])
    #expect(reading.ending == .whole)
    let longest = "#" + String(repeating: "x", count: 1022) + "\n"
    #expect(read(longest).ending == .whole)
    #expect(read("#x" + longest.dropFirst()).failure?.range == 0..<1024)
  }

  @Test func `an empty file is whole`() {
    #expect(read("").ending == .whole)
    #expect(read("").events.isEmpty)
  }

  @Test func `offsets count from where the commands begin`() {
    var log = LogText()
    log.add("SET", "a", "1")
    log.annotate()
    let reading = LogReading(log.bytes + Array("*1\r\n$1".utf8), offset: 1000)
    #expect(reading.events.first == .command(["SET", "a", "1"], 1000..<1027))
    #expect(reading.wholeOffset == 1000 + log.bytes.count)
    #expect(reading.confirmedOffset == 1000 + log.bytes.count)
    #expect(LogReading(Array("x".utf8), offset: 7).failure?.range == 7..<8)
  }

  @Test func `the log is whole behind EXEC, not within a transaction`() {
    var log = LogText()
    log.add("SET", "a", "1")
    let whole = log.bytes.count
    log.add("Multi")
    log.add("MULTI")
    log.add("INCR", "a")
    log.add(raw: "#TS:5\r\n")
    var reading = LogReading(log.bytes)
    #expect(reading.ending == .insideTransaction)
    #expect(reading.wholeOffset == whole)
    #expect(reading.commands == ["SET a 1", "Multi", "MULTI", "INCR a"])
    log.add("eXeC")
    reading = LogReading(log.bytes)
    #expect(reading.ending == .whole)
    #expect(reading.wholeOffset == log.bytes.count)
  }

  // MARK: - Any cut

  @Test func `results don't depend on how the bytes are cut`() {
    let bytes = LogText.sample().bytes
    let whole = LogReading(bytes)
    #expect(whole.ending == .whole)
    #expect(whole.commands.count == 10)
    for first in 0...bytes.count {
      var pieces = [first, bytes.count][...]
      #expect(LogReading(bytes) { pieces.popFirst() ?? bytes.count } == whole)
    }
    for size in 1...70 { #expect(LogReading(bytes) { size } == whole) }
  }

  @Test func `errors and endings don't depend on how the bytes are cut`() {
    let texts = [
      "*1\r\n$4\r\nPING\r\n\0\0\0", "\0\0\0*1", "*2\r\n$3\r\nabc\0\0\0\0\0\0\0\0", "*0\r\n",
      "*1\r\n$99999\r\nabc\0\0", "*1\r\nx", "*1\r\n$1\r\nabc\r\n", "PING\r\n", "\r\n",
      "*1\r\n$-1\r\n", "#x\0\0\0", "*1\r\n$1\r\na\0\0\0\0\0\0", "*1\r\n$1\r\na\r\0\0\0\0\0x",
      "*99999999999\r\n",
      "*\(String(repeating: "\0", count: 70000))", "#\(String(repeating: "\0", count: 70000))\n",
      "*1\r\n$\(String(repeating: "\0", count: 70000))", "*1\r\n$4294967290\r\nabc",
      "*1\r\n$2147483648\r\nabc", "#MEMD:1 \r\n",
    ]
    for text in texts {
      let bytes = Array(text.utf8)
      let whole = LogReading(bytes)
      for size in [1, 2, 3, 5, 7, 1000] { #expect(LogReading(bytes) { size } == whole) }
    }
  }

  // MARK: - Endings

  @Test func `a file that is cut anywhere is torn, and whole up to the last safe place`() {
    let log = LogText.sample()
    for count in 0..<log.bytes.count {
      let reading = LogReading(Array(log.bytes.prefix(count)))
      #expect(reading.failure == nil)
      let isWhole = log.wholeOffsets.contains(count)
      #expect((reading.ending == .whole) == isWhole)
      #expect(reading.wholeOffset == log.wholeOffsets.last { $0 <= count })
    }
  }

  @Test func `a file that ends in zeros instead of its last bytes is torn`() {
    let log = LogText.sample()
    for count in 0..<log.bytes.count {
      for zeros in [1, 2, 5, 4096] {
        let reading = LogReading(
          Array(log.bytes.prefix(count)) + [UInt8](repeating: 0, count: zeros))
        guard case .torn(let found)? = reading.ending else {
          Issue.record("cut at \(count), then \(zeros) zeros: \(reading)")
          continue
        }
        // A value may end in zeros of its own.
        #expect(found >= zeros && found <= zeros + 3)
        #expect(reading.wholeOffset == log.wholeOffsets.last { $0 <= count })
      }
    }
  }

  @Test func `zeros with something behind them are damage`() {
    let log = LogText.sample()
    let tail = Array("*1\r\n$4\r\nPING\r\n".utf8)
    for whole in log.wholeOffsets {
      let reading = LogReading(
        Array(log.bytes.prefix(whole)) + [UInt8](repeating: 0, count: 3) + tail)
      #expect(reading.failure?.reason == .malformed)
      #expect(reading.failure?.range.upperBound == whole + 1)
      #expect(reading.failure?.wholeOffset == whole)
    }
  }

  // MARK: - Damage

  /// A file and the offset of the byte that doesn't fit.
  private static let malformed: [(String, Int)] = [
    ("x", 0), ("\r\n", 0), ("PING\r\n", 0), ("$1\r\na\r\n", 0), ("*0\r\n", 3), ("*-1\r\n", 4),
    ("*x\r\n", 3), ("*2147483648\r\n", 12), ("*1\r\n*1\r\n", 7), ("*1\r\n:1\r\n", 7),
    ("*1\r\n$-1\r\n", 8), ("*1\r\n$x\r\n", 7), ("*1\r\n$1\r\nab\r\n", 10), ("*1\rx$1\r\na\r\n", 3),
    ("*1\r\n$1\rxa\r\n", 7), ("*1\r\n$99999999999\r\na", 17), ("*1\r\n$1\r\na\r\nGET", 11),
    ("*1 \r\n", 4), ("*+1\r\n", 4), ("*01\r\n", 4), ("*1\r\n$01\r\na\r\n", 8),
  ]

  @Test(arguments: malformed.indices) func `bytes that are no command are damage`(index: Int) {
    let (text, offset) = Self.malformed[index]
    let failure = read(text).failure
    #expect(failure?.reason == .malformed)
    #expect(failure?.range.upperBound == offset + 1)
    let afterAnother = read("*1\r\n$4\r\nPING\r\n" + text).failure
    #expect(afterAnother?.range.upperBound == offset + 15)
    #expect(afterAnother?.wholeOffset == (text.hasPrefix("*1\r\n$1\r\na\r\n") ? 25 : 14))
  }

  @Test func `the log says what Redis says, and where`() throws {
    let file = try LogFileName(Array("a.aof".utf8).rawSpan)
    let lines = read("*1\r\n$4\r\nPING\r\nx").failure?.logLines(file: file)
    #expect(
      lines?.first?.hasPrefix("Bad file format reading the append only file a.aof: make a") == true)
    #expect(
      lines?.last
        == "a.aof: no command or annotation at offset 14; the damage is between offsets 0 and 15,"
        + " and everything before offset 14 is complete")
    let torn = LogEnding.torn(zeroByteCount: 0)
    #expect(
      torn.refusalLines(file: file).first?.hasPrefix(
        "Unexpected end of file reading the append only file a.aof.") == true)
    #expect(
      torn.truncationLines(file: file, wholeOffset: 9) == [
        "!!! Warning: short read while loading the AOF file a.aof!!!",
        "!!! Truncating the AOF a.aof at offset 9 !!!",
        "AOF a.aof loaded anyway because aof-load-truncated is enabled",
      ])
    #expect(
      LogEnding.insideTransaction.refusalLines(file: file).first
        == "Revert incomplete MULTI/EXEC transaction in AOF file a.aof")
    #expect(LogEnding.whole.refusalLines(file: file).isEmpty)
  }

  @Test func `announced sizes take no memory`() throws {
    let reader = LogReader()
    reader.feed(Array("*2147483647\r\n$4294967000\r\n".utf8).rawSpan)
    let item = try reader.next()
    let ending = try reader.finish()
    #expect(item == .needsBytes && ending == .torn(zeroByteCount: 0))
    #expect(reader.memoryByteCount < 10_000)
  }
}
