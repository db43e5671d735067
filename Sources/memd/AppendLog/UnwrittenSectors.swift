// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// Sectors of a log's file that a power cut has kept from being written, although others behind
/// them were. Their bytes are zero; they were never synced, and nobody was promised to find them.
/// With an annotation behind them that says that they were durable that is not so.
struct UnwrittenSectors {
  /// Zero bytes that stand in their place.
  let byteCount: Int
  /// The command in front of which the file is to be cut, among those of the reader; nil: where the
  /// failure says.
  let gap: Int?

  /// Disks write this much as a whole.
  static let sectorByteCount = 512
  private static let readByteCountMax = 64 << 10
  /// So far in front of a failure they are looked for.
  private static let lineByteCountMax = 8 << 10

  /// Looks whether such sectors are the cause of a failure; nil if they are not. The file stands
  /// somewhere else afterwards.
  static func find(
    at failure: LogFailure, gaps: [LogGap], of file: DiskFile
  ) throws(DiskError) -> UnwrittenSectors? {
    switch failure.reason {
    case .malformed: try find(within: failure.range, of: file)
    case .checksum: try find(among: gaps, of: file)
    case .annotation: nil
    }
  }

  /// In the place of what can't be read, or within it.
  private static func find(
    within range: Range<Int>, of file: DiskFile
  ) throws(DiskError) -> UnwrittenSectors? {
    // A line that begins in front of them ends behind them.
    var place = max(range.lowerBound, range.upperBound - lineByteCountMax)
    var buffer = [UInt8](repeating: 0, count: readByteCountMax)
    while place < range.upperBound, let zeros = try zeros(behind: place, of: file, &buffer) {
      guard zeros.lowerBound < range.upperBound else { return nil }
      if zeros.upperBound.isMultiple(of: sectorByteCount) {
        let durableEnd = try durableEnd(behind: zeros.upperBound, of: file, &buffer)
        return durableEnd > zeros.lowerBound
          ? nil : UnwrittenSectors(byteCount: zeros.count, gap: nil)
      }
      place = zeros.upperBound
    }
    return nil
  }

  /// In commands that can be read, but are not what was written.
  private static func find(
    among gaps: [LogGap], of file: DiskFile
  ) throws(DiskError) -> UnwrittenSectors? {
    guard let first = gaps.first else { return nil }
    var buffer = [UInt8](repeating: 0, count: readByteCountMax)
    let durableEnd = try durableEnd(behind: first.zeros.upperBound, of: file, &buffer)
    guard let index = gaps.firstIndex(where: { $0.zeros.lowerBound >= durableEnd }) else {
      return nil
    }
    return UnwrittenSectors(byteCount: gaps[index].zeros.count, gap: index)
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

  /// Up to where the file was durable, as annotations behind `place` say; 0 without any.
  private static func durableEnd(
    behind place: Int, of file: DiskFile, _ buffer: inout [UInt8]
  ) throws(DiskError) -> Int {
    let head = ByteText(LogAnnotation.start).bytes
    var end = 0
    var kept = 0
    var position = place
    try file.seek(to: place)
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
        end = max(end, annotation.synced ?? position + index)
      }
      if count == 0 { return end }
      kept = bytes.count - last
      position += last
      buffer.replaceSubrange(0..<kept, with: Array(bytes.suffix(kept)))
    }
  }
}
