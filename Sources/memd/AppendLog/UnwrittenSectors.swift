// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// Sectors of a log's file that a power cut has kept from being written, although others behind
/// them were. Their bytes are zero; they were never synced, and nobody was promised to find them.
/// With an annotation behind them that says that they were durable that is not so.
enum UnwrittenSectors {
  /// Disks write this much as a whole.
  private static let sectorByteCount = 512
  private static let readByteCountMax = 64 << 10
  /// So far in front of a failure they are looked for.
  private static let lineByteCountMax = 8 << 10

  /// Zero bytes in the place of what can't be read, or within it, if they look like such sectors;
  /// else 0. The file stands somewhere else afterwards.
  static func byteCount(
    at failure: LogFailure, of file: DiskFile
  ) throws(DiskError) -> Int {
    guard failure.reason == .malformed else { return 0 }
    // A line that begins in front of them ends behind them.
    let range = failure.range
    var place = max(range.lowerBound, range.upperBound - lineByteCountMax)
    var buffer = [UInt8](repeating: 0, count: readByteCountMax)
    while place < range.upperBound, let zeros = try zeros(behind: place, of: file, &buffer) {
      guard zeros.lowerBound < range.upperBound else { return 0 }
      if zeros.upperBound.isMultiple(of: sectorByteCount) {
        let isDamage = try wereDurable(
          from: zeros.lowerBound, to: zeros.upperBound, of: file, &buffer)
        return isDamage ? 0 : zeros.count
      }
      place = zeros.upperBound
    }
    return 0
  }

  /// The first zero bytes at or behind a place, all that lie together; nil if there are none.
  private static func zeros(
    behind place: Int, of file: DiskFile, _ buffer: inout [UInt8]
  ) throws(DiskError) -> Range<Int>? {
    var position = place
    var start: Int?
    try file.seek(to: place)
    while true {
      let count = try file.read(into: &buffer, from: 0)
      if count == 0 { return start.map { $0..<position } }
      for index in 0..<count {
        if buffer[index] == 0 {
          start = start ?? position + index
        } else if let start {
          return start..<position + index
        }
      }
      position += count
    }
  }

  /// Whether an annotation behind `end` says that what stands from `start` on was durable.
  private static func wereDurable(
    from start: Int, to end: Int, of file: DiskFile, _ buffer: inout [UInt8]
  ) throws(DiskError) -> Bool {
    let head = ByteText(LogAnnotation.start).bytes
    var kept = 0
    try file.seek(to: end)
    while true {
      let count = try file.read(into: &buffer, from: kept)
      let bytes = buffer[..<(kept + count)]
      // One that may go on behind these bytes is looked at with the next ones.
      let last = count == 0 ? bytes.count : max(0, bytes.count - LogAnnotation.byteCountMax)
      for index in bytes.indices.prefix(last)
      where bytes[index] == UInt8(ascii: "#") && bytes[index...].starts(with: head) {
        let line = bytes[index...].prefix(LogAnnotation.byteCountMax)
        guard let newline = line.firstIndex(of: 10),
          let annotation = LogAnnotation(line: Array(line[...newline]).rawSpan)
        else { continue }
        // Without a number it stands for everything in front of it.
        if annotation.synced.map({ $0 > start }) ?? true { return true }
      }
      if count == 0 { return false }
      kept = bytes.count - last
      buffer.replaceSubrange(0..<kept, with: Array(bytes.suffix(kept)))
    }
  }
}
