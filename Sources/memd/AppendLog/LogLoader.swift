// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// Executes the commands of a log's file, a slice at a time, while a helper reads ahead.
final class LogLoader {
  private let source: LogSource
  private let applier: StreamApplier
  private let helpers: Helpers
  /// What was read and not executed, and how much of the first chunk was.
  private var chunks: [LogChunk] = []
  private var executedByteCount = 0
  private var jobCount = 0
  private var isAtEnd = false
  /// Bytes of the file that have been executed, more or less.
  private(set) var offset: Int
  /// The point of the stream at the end of the file, if that is known.
  private(set) var position: LogPosition?

  /// Chunks that are read ahead.
  private static let chunkCount = 3
  private static let sliceByteCount = 16 << 10

  init(_ file: DiskFile, offset: Int, applier: StreamApplier, helpers: Helpers) {
    source = LogSource(file, offset: offset)
    self.applier = applier
    self.helpers = helpers
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
      let rest = chunk.commands.count - executedByteCount
      if rest > 0 {
        let count = min(rest, LogLoader.sliceByteCount)
        let slice = chunk.commands.rawSpan.extracting(
          executedByteCount..<executedByteCount + count)
        try applier.apply(slice)
        executedByteCount += count
        continue
      }
      offset = chunk.offset
      position = chunk.position
      executedByteCount = 0
      chunks.removeFirst()
      if let end = chunk.end { return end }
    } while !isTimeOver()
    return nil
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
