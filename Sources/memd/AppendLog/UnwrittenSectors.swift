// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// Sectors of a log's file that a power cut has kept from being written, although others behind
/// them were. Their bytes are zero; they were never synced, and nobody was promised to find them.
/// With an annotation behind them that is not so: they had been there.
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
      try !hasAnnotation(behind: end, of: file, &buffer)
    else { return 0 }
    return end - start
  }

  private static func hasAnnotation(
    behind place: Int, of file: DiskFile, _ buffer: inout [UInt8]
  ) throws(DiskError) -> Bool {
    let start = ByteText(LogAnnotation.start).bytes
    var kept = 0
    try file.seek(to: place)
    while true {
      let count = try file.read(into: &buffer, from: kept)
      if count == 0 { return false }
      let bytes = buffer[..<(kept + count)]
      for index in bytes.indices
      where bytes[index] == UInt8(ascii: "#") && bytes[index...].starts(with: start) {
        return true
      }
      kept = min(start.count - 1, bytes.count)
      buffer.replaceSubrange(0..<kept, with: Array(bytes.suffix(kept)))
    }
  }
}
