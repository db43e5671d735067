// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP
import Testing

@testable import memd

@Suite struct LogAnnotationTests {
  private func sealed(_ text: String, offset: Int = 5) -> LogAnnotation {
    var checksum = LogChecksum()
    checksum.add(Array(text.utf8).rawSpan)
    return checksum.seal(replicationID: LogText.replicationID, offset: offset)
  }

  @Test func `an annotation has this form`() {
    #expect(
      sealed("*1\r\n$4\r\nPING\r\n").line.logText
        == "#MEMD:1 replid=0123456789abcdef0123456789abcdef01234567 offset=5 since=14"
        + " crc64=cb7906987d768bec\r\n")
    let longest = LogAnnotation(
      line: sealed("", offset: .max).line.rawSpan)
    #expect(longest?.offset == .max)
    // With as many bytes since as there can be.
    #expect(sealed("", offset: .max).line.count + 18 <= LogAnnotation.byteCountMax)
  }

  @Test func `an annotation is read as it was written, and in no other form`() {
    let annotation = sealed("abc")
    let line = annotation.line.logText
    #expect(LogAnnotation(line: Array(line.utf8).rawSpan) == annotation)
    let changes = [
      ("offset=5", "offset=05"), ("offset=5", "offset=+5"), ("offset=5", "offset=-5"),
      ("offset=5", "offset="), ("since=3", "since=3 "), ("crc64=", "crc64=0"), ("\r\n", "\n"),
      ("replid=0", "replid="), ("replid=0", "replid=g"), ("replid=0", "replid=A"),
      ("#MEMD:1", "#MEMD:2"), ("\r\n", "\r\r\n"), ("since", "Since"), ("\r\n", "xx"),
      ("offset=5", "offset=9223372036854775808"), (" since=3", ""), ("crc64", "x"),
    ]
    for (old, new) in changes {
      #expect(line.contains(old))
      let other = line.replacing(old, with: new, maxReplacements: 1)
      #expect(LogAnnotation(line: Array(other.utf8).rawSpan) == nil, "\(old) -> \(new)")
    }
    for count in 0..<line.utf8.count {
      #expect(LogAnnotation(line: Array(line.utf8.prefix(count)).rawSpan) == nil)
    }
  }

  @Test func `a checksum goes on over any pieces`() {
    let text = "*1\r\n$4\r\nPING\r\n"
    var checksum = LogChecksum()
    for byte in text.utf8 { checksum.add([byte].rawSpan) }
    #expect(checksum.seal(replicationID: LogText.replicationID, offset: 5) == sealed(text))
    #expect(checksum.byteCount == 0)
    // The sum goes on, so what follows is not what a file would begin with.
    let next = checksum.seal(replicationID: LogText.replicationID, offset: 5)
    #expect(next.since == 0 && next != sealed(""))
  }

  // MARK: - Damage

  @Test func `every changed byte in front of an annotation is found`() {
    let log = LogText.sample()
    let lastEnd = log.annotationEnds[log.annotationEnds.count - 1]
    let lastLine = LogAnnotation.byteCountMax
    for place in 0..<lastEnd - 2 {
      let start = log.annotationEnds.last { $0 <= place } ?? 0
      let next = log.annotationEnds.first { $0 > place } ?? lastEnd
      for change in Self.changes(of: log.bytes[place]) {
        var bytes = log.bytes
        bytes[place] = change
        let reading = LogReading(bytes)
        guard let failure = reading.failure else {
          // Only what makes the last annotation another server's escapes.
          let isLast = place >= lastEnd - lastLine && next == lastEnd
          #expect(isLast && reading.confirmedOffset < lastEnd, "offset \(place), byte \(change)")
          continue
        }
        #expect(failure.range.contains(place), "offset \(place), byte \(change): \(failure)")
        // The annotation before was right, so the damage is not in front of it.
        #expect(failure.range.lowerBound == start)
      }
    }
  }

  /// Bytes that differ in one bit, in all, and those that mean something in a log.
  private static func changes(of byte: UInt8) -> [UInt8] {
    let bits = (0..<8).map { byte ^ (1 << $0) }
    return (bits + [~byte, 0] + Array("*#$019\r\n ".utf8)).filter { $0 != byte }
  }

  @Test func `lost and repeated pieces in front of an annotation are found`() {
    let log = LogText.sample()
    let ends = [0] + log.annotationEnds
    let start = ends[1]
    let end = ends[2]
    for from in stride(from: start, to: end - 1, by: 3) {
      var bytes = log.bytes
      bytes.removeSubrange(from..<min(from + 7, end - 1))
      #expect(LogReading(bytes).failure?.range.lowerBound == start)
      bytes = log.bytes
      bytes.insert(contentsOf: bytes[from..<min(from + 7, end - 1)], at: from)
      #expect(LogReading(bytes).failure?.range.lowerBound == start)
    }
    // All that belongs to one annotation, with it.
    var bytes = log.bytes
    bytes.removeSubrange(start..<end)
    let failure = LogReading(bytes).failure
    #expect(failure?.reason == .checksum)
    #expect(failure?.range.lowerBound == start)
  }

  @Test func `a length that swallows annotations is damage, not a torn end`() {
    var log = LogText()
    log.add("SET", "a", "1")
    log.annotate()
    log.add("SET", "key", String(repeating: "v", count: 100))
    log.annotate()
    log.add("SET", "b", "2")
    let text = ByteText(log.bytes).logText.replacing("$100\r\n", with: "$900\r\n")
    let failure = LogReading(Array(text.utf8)).failure
    #expect(failure?.reason == .checksum)
    #expect(failure?.range.lowerBound == log.annotationEnds[0])
    #expect(failure?.wholeOffset == log.annotationEnds[0])
    // The other annotations have moved, but the chain begins with one that has not.
    var same = log.bytes
    same[log.annotationEnds[0] + 1] = UInt8(ascii: "9")
    #expect(LogReading(same).failure?.range.lowerBound == log.annotationEnds[0])
  }

  @Test func `a server that goes on with a file goes on with its sum`() throws {
    var log = LogText()
    log.add("SET", "a", "1")
    log.annotate()
    log.add("SET", "b", "2")
    let whole = log.bytes.count
    log.add("SET", "c", "3")
    let reader = LogReader()
    reader.feed(Array(log.bytes.dropLast(3)).rawSpan)
    while try reader.next() != .needsBytes {}
    let ending = try reader.finish()
    #expect(ending == .torn(zeroByteCount: 0))
    #expect(reader.wholeOffset == whole)
    var checksum = reader.wholeChecksum
    let more = Array("*1\r\n$4\r\nPING\r\n".utf8)
    checksum.add(more.rawSpan)
    let annotation = checksum.seal(replicationID: LogText.replicationID, offset: 1)
    let bytes = log.bytes.prefix(whole) + more + annotation.line.bytes
    let reading = LogReading(Array(bytes))
    #expect(reading.failure == nil)
    #expect(reading.confirmedOffset == bytes.count)
  }

  @Test func `a value that looks like an annotation is a value`() {
    var log = LogText()
    log.add("SET", "a", sealed("whatever").line.logText)
    log.add("SET", "b", "\r\n" + sealed("").line.logText)
    log.annotate()
    let reading = LogReading(log.bytes)
    #expect(reading.ending == .whole)
    #expect(reading.commands.count == 2)
    // Its `since` leads nowhere, so a torn end in it is a torn end.
    #expect(LogReading(Array(log.bytes.prefix(170))).ending == .torn(zeroByteCount: 0))
  }
}
