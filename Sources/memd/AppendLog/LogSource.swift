// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// What was read of a log's file in one go.
struct LogChunk: Sendable {
  /// Commands, and transactions as a whole, ready to be executed.
  var commands: [UInt8] = []
  /// Bytes of the file that have been read so far.
  var offset = 0
  /// How the file ends; nil: it goes on.
  var end: End?
  /// The point of the stream up to which the file is whole; nil if that isn't known.
  var position: LogPosition?
  /// Where the stream doesn't go on as the bytes of the commands do.
  var marks: [Mark] = []

  /// A point of the stream between two whole units, as an annotation says.
  struct Mark: Sendable {
    /// Bytes of the chunk's commands in front of it.
    let commandsOffset: Int
    /// The commands behind it are those of the stream from here on; nil: of none that is known.
    let position: LogPosition?
  }

  enum End: Sendable {
    /// Up to `wholeOffset` the file is whole; who goes on writing there goes on with `checksum`.
    case ended(LogEnding, wholeOffset: Int, checksum: LogChecksum)
    case damaged(LogFailure, checksum: LogChecksum)
    case unreadable(DiskError)
  }
}

/// Reads the commands of a log's file and proves them by its annotations, beside the loop that
/// executes them. All calls come from one thread at a time.
final class LogSource: @unchecked Sendable {
  private let file: DiskFile
  private let reader: LogReader
  /// Commands of a transaction whose end has not been read.
  private var transaction: [UInt8] = []
  /// Commands from the first one on that may not be what was written, until an annotation says that
  /// they are; and how much of them stands in front of each such one (`LogReader.gaps`).
  private var doubtful: [UInt8] = []
  private var gapOffsets: [Int] = []
  /// The point of the stream behind the commands that were handed out, if those behind the last
  /// mark are counted.
  private var streamEnd: LogPosition?
  /// Whether an annotation has been read since that was compared with what the reader knows.
  private var isAnnotated = false
  private var offset: Int

  /// Bytes that are read at once.
  private let readByteCount: Int

  private static let readByteCountMax = 256 << 10
  private static let readByteCountMin = 4 << 10
  /// As much waits for an annotation; a file of Redis may go on without any behind one of memd's.
  private static let doubtfulByteCountMax = 16 << 20

  /// - Parameter offset: where the commands begin: 0, or behind the RDB in front of them.
  init(_ file: DiskFile, offset: Int) {
    self.file = file
    self.offset = offset
    reader = LogReader(offset: offset)
    // A log may have many small files.
    let byteCount = (try? file.byteCount()) ?? 0
    readByteCount = min(max(byteCount - offset, Self.readByteCountMin), Self.readByteCountMax)
  }

  /// Reads on.
  func read() -> LogChunk {
    var chunk = LogChunk()
    var buffer = [UInt8](repeating: 0, count: readByteCount)
    do throws(DiskError) {
      let count = try file.read(into: &buffer, from: 0)
      offset += count
      try take(buffer.rawSpan.extracting(first: count), into: &chunk)
    } catch {
      chunk.end = .unreadable(error)
    }
    chunk.offset = offset
    return chunk
  }

  private func take(_ bytes: RawSpan, into chunk: inout LogChunk) throws(DiskError) {
    do throws(LogFailure) {
      if bytes.byteCount > 0 { reader.feed(bytes) }
      try readItems(into: &chunk)
      chunk.position = reader.wholePosition
      guard bytes.byteCount == 0 else { return }
      let ending = try reader.finish()
      believe(&chunk)
      chunk.end = .ended(
        ending, wholeOffset: reader.wholeOffset, checksum: reader.wholeChecksum)
    } catch {
      chunk.end = try end(at: error, &chunk)
    }
  }

  /// How a file ends that can't be read any further.
  private func end(
    at failure: LogFailure, _ chunk: inout LogChunk
  ) throws(DiskError) -> LogChunk.End {
    let sectors = try UnwrittenSectors.find(at: failure, gaps: reader.gaps, of: file)
    guard let sectors, let gap = sectors.gap else {
      believe(&chunk)
      chunk.position = reader.wholePosition
      guard let sectors else { return .damaged(failure, checksum: reader.wholeChecksum) }
      return .ended(
        .torn(zeroByteCount: sectors.byteCount), wholeOffset: reader.wholeOffset,
        checksum: reader.wholeChecksum)
    }
    chunk.commands += doubtful.prefix(gapOffsets[gap])
    let place = reader.gaps[gap]
    chunk.position = place.position
    return .ended(
      .torn(zeroByteCount: sectors.byteCount), wholeOffset: place.wholeOffset,
      checksum: place.checksum)
  }

  /// Hands out what was doubtful.
  private func believe(_ chunk: inout LogChunk) {
    chunk.commands += doubtful
    doubtful.removeAll()
    gapOffsets.removeAll()
  }

  private func readItems(into chunk: inout LogChunk) throws(LogFailure) {
    while true {
      let wasInside = reader.isInsideTransaction
      switch try reader.next() {
      case .command:
        let isInside = reader.isInsideTransaction
        while gapOffsets.count < reader.gaps.count { gapOffsets.append(doubtful.count) }
        guard isInside || wasInside else {
          if gapOffsets.isEmpty {
            reader.appendCommand(to: &chunk.commands)
          } else {
            doubt(&chunk) { reader.appendCommand(to: &$0) }
          }
          streamEnd?.advance(reader.range.count)
          continue
        }
        reader.appendCommand(to: &transaction)
        guard !isInside else { continue }
        if gapOffsets.isEmpty {
          chunk.commands += transaction
        } else {
          doubt(&chunk) { $0 += transaction }
        }
        streamEnd?.advance(transaction.count)
        transaction.removeAll(keepingCapacity: transaction.capacity < 1 << 20)
        mark(&chunk)
      case .annotation:
        believe(&chunk)
        isAnnotated = true
        if !reader.isInsideTransaction { mark(&chunk) }
      case .timestamp: break
      case .needsBytes: return
      }
    }
  }

  /// Keeps what is doubtful, up to a limit.
  private func doubt(_ chunk: inout LogChunk, append: (inout [UInt8]) -> Void) {
    append(&doubtful)
    guard doubtful.count > Self.doubtfulByteCountMax else { return }
    reader.forgetGaps()
    believe(&chunk)
  }

  /// Notes where the stream is by annotations, if that is not where counting has led. Within a
  /// transaction nobody can go on: a mark stands behind it then.
  private func mark(_ chunk: inout LogChunk) {
    guard isAnnotated else { return }
    isAnnotated = false
    guard reader.wholePosition != streamEnd else { return }
    streamEnd = reader.wholePosition
    chunk.marks.append(
      LogChunk.Mark(commandsOffset: chunk.commands.count, position: streamEnd))
  }

  /// Ends the reading.
  func close() { file.close() }
}

/// Lets a helper read on.
final class LogReadJob: Job, @unchecked Sendable {
  private let source: LogSource
  private var chunk = LogChunk()
  private let done: (LogChunk) -> Void

  /// - Parameter done: called on the loop.
  init(_ source: LogSource, done: @escaping (LogChunk) -> Void) {
    self.source = source
    self.done = done
  }

  override func perform() { chunk = source.read() }

  override func finish() { done(chunk) }
}
