// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// Executes the commands of a log's file, a slice at a time, while a helper reads ahead.
///
/// They can become the server's stream again, so that whoever has followed goes on behind what it
/// has: as far back as they stand in the file without a gap.
final class LogLoader {
  private let source: LogSource
  private let applier: StreamApplier
  private let helpers: Helpers
  /// The stream that is put together again; nil for none.
  private let stream: ReplicationStream?
  /// What was read and not executed, and how much of the first chunk was.
  private var chunks: [LogChunk] = []
  private var executedByteCount = 0
  private var passedMarkCount = 0
  private var jobCount = 0
  private var isAtEnd = false
  /// Bytes of the file that have been executed, more or less.
  private(set) var offset: Int
  /// The point of the stream at the end of the file, if that is known.
  private(set) var position: LogPosition?

  /// Chunks that are read ahead.
  private static let chunkCount = 3
  private static let sliceByteCount = 16 << 10

  /// - Parameter stream: nobody reads it; holds afterwards what stands without a gap at the end of
  ///   the file.
  init(
    _ file: DiskFile, offset: Int, applier: StreamApplier, helpers: Helpers,
    restoring stream: ReplicationStream?
  ) {
    source = LogSource(file, offset: offset)
    self.applier = applier
    self.helpers = helpers
    self.stream = stream
    self.offset = offset
  }

  /// Whether there is nothing to execute before the helper has read more.
  var isStarved: Bool { chunks.isEmpty }

  /// The database that the commands have selected.
  var database: Int { applier.database }

  /// Executes commands until `isTimeOver` says so, or nothing has been read ahead.
  ///
  /// - Returns: how the file ends, when all of it is done.
  func load(isTimeOver: () -> Bool) throws(StreamFailure) -> LogChunk.End? {
    repeat {
      readAhead()
      guard let chunk = chunks.first else { return nil }
      if try executeSlice(of: chunk) { continue }
      offset = chunk.offset
      position = chunk.position
      executedByteCount = 0
      passedMarkCount = 0
      chunks.removeFirst()
      if let end = chunk.end { return end }
    } while !isTimeOver()
    return nil
  }

  /// Executes the next commands of a chunk; false if there are none.
  private func executeSlice(of chunk: LogChunk) throws(StreamFailure) -> Bool {
    var end = chunk.commands.count
    if passedMarkCount < chunk.marks.count {
      let mark = chunk.marks[passedMarkCount]
      end = mark.commandsOffset
      if executedByteCount == end {
        passedMarkCount += 1
        pass(mark)
        return true
      }
    }
    let count = min(end - executedByteCount, LogLoader.sliceByteCount)
    guard count > 0 else { return false }
    try applier.apply(
      chunk.commands.rawSpan.extracting(executedByteCount..<executedByteCount + count))
    executedByteCount += count
    stream?.trim()
    return true
  }

  /// What follows is the stream from another point on than what is executed: nothing in front of it
  /// is kept. If only the name is another one, the history goes on.
  private func pass(_ mark: LogChunk.Mark) {
    guard let stream else { return }
    let wasForwarding = applier.forwards
    applier.forwards = mark.position != nil
    guard let position = mark.position else { return }
    let id = position.replicationID.logText
    if wasForwarding, position.offset == stream.offset {
      stream.continueHistory(as: id, isKnown: true)
    } else {
      stream.restart(as: id, at: position.offset)
    }
  }

  /// Has the helper read as much as is wanted.
  private func readAhead() {
    while !isAtEnd, jobCount + chunks.count < LogLoader.chunkCount {
      jobCount += 1
      helpers.submit(LogReadJob(source) { [self] chunk in take(chunk) }, to: .snapshot)
    }
  }

  private func take(_ chunk: LogChunk) {
    jobCount -= 1
    // What was asked for beyond the end is nothing.
    guard !isAtEnd else { return }
    chunks.append(chunk)
    isAtEnd = chunk.end != nil
  }

  /// Ends the reading, at the end or before.
  func close() {
    isAtEnd = true
    helpers.drain(.snapshot)
    source.close()
  }
}
