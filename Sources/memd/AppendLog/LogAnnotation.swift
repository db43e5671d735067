// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Lines of the log that memd has added for itself. Redis 7 skips them, since they begin with #:
//
//     #MEMD:1 replid=<40 hex> offset=<n> since=<n> synced=<n> crc64=<16 hex>\r\n
//
// Behind this line the dataset is that of replication id `replid` at offset `offset`. `since` is
// the number of bytes between the annotation before, or the start of the file, and this line.
// `synced` is the number of bytes of the file that were durable when this line was written: what a
// power cut can't have taken. A line without it says so of everything in front of it.
// `crc64` is the checksum of those bytes and of this line up to the blank in front of "crc64"; it
// starts with the `crc64` of the annotation before, or 0. Numbers are decimal without leading
// zeros, hexadecimal digits are in lower case.
//
// The annotations of a file are a chain: who reads it knows where the annotation before has ended
// and compares `since` with that, so one that was damaged beyond recognition, or swallowed by the
// argument of a command whose length was, is found like any other damage. So is a link that is
// missing altogether, or comes from an older file.
//
// CRC-64 and not XXH3: its state is eight bytes that go on anywhere, so a server that continues a
// file which it has read, or cut, continues the sum. It finds every damage of up to 64 neighbouring
// bits, where a hash leaves it to chance.

/// What memd says of the log at one point of it.
struct LogAnnotation: Equatable, Sendable {
  let replicationID: ByteText
  let offset: Int
  /// Bytes between the annotation before and this one.
  let since: Int
  /// Bytes of the file that were durable then; nil: all in front of it.
  let synced: Int?
  let checksum: UInt64

  /// How every annotation begins that this version understands.
  static var start: StaticString { "#MEMD:1 " }
  /// No annotation is longer, its line end included.
  static let byteCountMax = 160

  fileprivate init(
    replicationID: ByteText, offset: Int, since: Int, synced: Int?, checksum: UInt64
  ) {
    precondition(Identity.isOne(replicationID.bytes) && offset >= 0 && since >= 0)
    self.replicationID = replicationID
    self.offset = offset
    self.since = since
    self.synced = synced
    self.checksum = checksum
  }

  /// Reads a line with its line end; nil if it isn't exactly what `line` would be.
  init?(line: RawSpan) {
    guard line.byteCount <= Self.byteCountMax, line.byteCount > 2 else { return nil }
    var words = ByteText(line.extracting(first: line.byteCount - 2)).partsBetweenBlanks
    var synced: Int?
    if words.count == 6 {
      guard let count = Self.value(of: words.remove(at: 4), "synced=")?.integer(), count >= 0
      else { return nil }
      synced = count
    }
    guard words.count == 5, let id = Self.value(of: words[1], "replid="),
      let offset = Self.value(of: words[2], "offset=")?.integer(), offset >= 0,
      let since = Self.value(of: words[3], "since=")?.integer(), since >= 0,
      let sum = Self.value(of: words[4], "crc64=").flatMap(Self.hexadecimal),
      Identity.isOne(id.bytes)
    else { return nil }
    self.init(replicationID: id, offset: offset, since: since, synced: synced, checksum: sum)
    guard self.line.rawSpan.equals(line) else { return nil }
  }

  /// The annotation as it stands in the log.
  var line: ByteText {
    let digits = String(checksum, radix: 16)
    let padding = String(repeating: "0", count: 16 - digits.utf8.count)
    return Self.head(replicationID, offset, since, synced) + " crc64=\(padding)\(digits)\r\n"
  }

  /// Redis's line that tells when what follows was done, in seconds since 1970.
  static func line(timestamp: Int) -> ByteText { "#TS:\(timestamp)\r\n" }

  /// The part that its checksum covers.
  fileprivate static func head(
    _ id: ByteText, _ offset: Int, _ since: Int, _ synced: Int?
  ) -> ByteText {
    let head = "\(start)replid=\(id) offset=\(offset) since=\(since)" as ByteText
    return synced.map { head + " synced=\($0)" } ?? head
  }

  private static func hexadecimal(_ text: ByteText) -> UInt64? {
    guard text.count == 16, text.bytes.allSatisfy(Identity.isDigit) else { return nil }
    return text.bytes.reduce(0) { sum, digit in
      sum << 4 | UInt64(digit.hexadecimalValue ?? 0)
    }
  }

  /// What stands behind a name in a word; nil if that begins with something else.
  private static func value(of word: ByteText, _ name: String) -> ByteText? {
    let name = Array(name.utf8)
    return word.bytes.starts(with: name) ? ByteText(word.bytes.dropFirst(name.count)) : nil
  }
}

/// Sums up what a log's file holds behind its last annotation. Writer and reader both have one;
/// what the reader has at the end of a file is what the writer goes on with.
struct LogChecksum: Sendable {
  /// Bytes since the last annotation, or the start of the file.
  private(set) var byteCount = 0
  private var sum = CRC64()

  init() {}

  /// Takes in bytes that stand in the log.
  mutating func add(_ bytes: RawSpan) {
    byteCount += bytes.byteCount
    sum.update(bytes)
  }

  /// The annotation to write now; the next one continues from it.
  mutating func seal(
    replicationID: ByteText, offset: Int, synced: Int? = nil
  ) -> LogAnnotation {
    sum.update(LogAnnotation.head(replicationID, offset, byteCount, synced).rawSpan)
    defer { byteCount = 0 }
    return LogAnnotation(
      replicationID: replicationID, offset: offset, since: byteCount, synced: synced,
      checksum: sum.value)
  }
}
