// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// Commands that can be read in the bytes behind a damage.
///
/// Where one begins is a guess there: at an asterisk behind the end of a line. What a value holds
/// may look like that, so this tells what a damage may have cost, and is nothing to execute.
struct LogCheckRest {
  /// Complete commands.
  private(set) var commandCount = 0
  /// Where the first of them begins.
  private(set) var firstOffset: Int?
  /// Whether lines of memd's annotations are among them: this is no torn end, the log went on.
  private(set) var hasAnnotations = false
  /// False if there were too many places to try.
  private(set) var isComplete = true

  private let file: DiskFile
  private var piece: [UInt8]
  private var budget: Int
  /// Commands may begin from here on.
  private var offset: Int

  /// Looks at a file from where it is to be cut on.
  init(of file: DiskFile, from start: Int, byteCount: Int) throws(DiskError) {
    self.file = file
    offset = start
    piece = [UInt8](repeating: 0, count: min(max(byteCount - start, 4 << 10), 64 << 10))
    // What can't be read is passed over a few times; values could make that very often.
    budget = 8 * (byteCount - start) + (1 << 20)
    var next: Int? = start
    while let place = next, budget > 0 {
      try readCommands(from: place)
      next = try nextStart()
    }
    isComplete = next == nil
  }

  private mutating func nextPiece() throws(DiskError) -> Int {
    let count = try file.read(into: &piece, from: 0)
    budget -= count
    return count
  }

  /// Reads commands until something else comes.
  private mutating func readCommands(from start: Int) throws(DiskError) {
    try file.seek(to: start)
    let reader = LogReader(offset: start)
    offset = start + 1
    while budget > 0 {
      let count = try nextPiece()
      if count == 0 { return }
      reader.feed(piece.rawSpan.extracting(first: count))
      guard drain(reader) else { return }
    }
  }

  /// Counts what the reader finds; false if it can't go on.
  private mutating func drain(_ reader: LogReader) -> Bool {
    do throws(LogFailure) {
      while true {
        switch try reader.next() {
        case .needsBytes: return true
        case .command:
          commandCount += 1
          firstOffset = firstOffset ?? reader.range.lowerBound
        case .annotation, .timestamp: break
        }
        offset = reader.range.upperBound + 1
      }
    } catch {
      guard error.reason != .malformed else { return false }
      // Its checksum starts in front of the damage, so it has to be wrong here.
      hasAnnotations = true
      offset = error.range.upperBound
      return false
    }
  }

  /// Where a line begins that may be a command's first, or an annotation; nil if there is none.
  private mutating func nextStart() throws(DiskError) -> Int? {
    var start = offset - 1
    try file.seek(to: start)
    var isBehindLine = false
    while budget > 0 {
      let count = try nextPiece()
      if count == 0 { return nil }
      for index in 0..<count {
        let byte = piece[index]
        if isBehindLine, byte == UInt8(ascii: "*") || byte == UInt8(ascii: "#") {
          return start + index
        }
        isBehindLine = byte == 0x0A
      }
      start += count
    }
    return offset
  }
}
