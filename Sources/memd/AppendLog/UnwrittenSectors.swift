// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// Sectors of a log's file that a power cut has kept from being written, although others behind
/// them were. Their bytes are zero; they were never synced, and nobody was promised to find them.
/// With an annotation behind them that says that they were durable that is not so.
enum UnwrittenSectors {
  /// Disks write this much as a whole.
  private static let sectorByteCount = 512
  private static let readByteCountMin = 4 << 10
  private static let readByteCountMax = 256 << 10

  /// Zero bytes in the place of what can't be read, if they look like such sectors; else 0. The
  /// file stands somewhere else afterwards.
  static func byteCount(
    at failure: LogFailure, of file: DiskFile
  ) throws(DiskError) -> Int {
    guard failure.reason == .malformed else { return 0 }
    let start = failure.range.upperBound - 1
    var end = start
    let rest = try file.byteCount() - start
    var buffer = [UInt8](
      repeating: 0, count: min(max(rest, readByteCountMin), readByteCountMax))
    try file.seek(to: start)
    while true {
      let count = try file.read(into: &buffer, from: 0)
      let zeros = buffer[..<count].prefix { $0 == 0 }.count
      end += zeros
      if zeros < count || count == 0 { break }
    }
    guard end > start, end.isMultiple(of: sectorByteCount),
      try !wereDurable(from: start, to: end, of: file, &buffer)
    else { return 0 }
    return end - start
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
