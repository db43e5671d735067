// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

// The log of changes as the loop sees it. It is a reader of the stream of effects:
//
//     stream   ----------+---------------+--------------------+---------------->  grows
//                        ^ synced        ^ cursor             ^ handed over
//
// Up to `synced` everything is durable, up to the cursor written, up to `handedOver` a helper is at
// work on it. Nothing is copied: the helper reads the stream's own blocks, which the cursor keeps.

/// What has become of the stream in the log.
final class AppendLog {
  enum State {
    /// Nothing is logged.
    case off
    /// Changes are logged, but there is no base yet that they start from.
    case starting
    case on
  }

  var state = State.off
  /// Made when the log is used first, rewriting it included.
  var writer: LogWriter?
  /// Where the files are, also when the working directory changes.
  var directory = ""
  /// The directory's lock, held while the log is not off.
  var lock: DiskFile?

  // MARK: - The stream

  /// What a helper has written; nil while the log is off.
  var cursor: StreamCursor?
  var handedOver = 0
  /// Where the last job ends that has a part of the stream: by that the next one is recognized.
  var lastJobEnd = 0
  var synced = 0
  /// Jobs that are not finished.
  var jobCount = 0
  /// Monotonic nanoseconds: of the last time that something was handed over, and synced.
  var handedOverAt: Int64 = 0
  var syncedAt: Int64 = 0
  /// When the loop is to look at the log again, if nothing happens before.
  var continuesAt = Int64.max

  /// Nanoseconds that a helper sleeps before it writes (DEBUG AOF-FLUSH-SLEEP).
  var writeDelay: Int64 = 0

  // MARK: - Trouble

  /// Why the last write or sync has failed; nil if it hasn't.
  var failure: LogWriteFailure?
  /// Whether only another base can make the log whole.
  var needsBase = false

  // MARK: - Loading

  /// How the last file ends that was loaded, and which point of a stream that is; nil if its
  /// annotations don't say that.
  var loadedEnd: (wholeOffset: Int, checksum: LogChecksum)?
  var loadedPosition: LogPosition?

  // MARK: - Rewriting

  /// The rewrite under way, from its start until its base is in place.
  var rewriting: LogRewriting?
  var isRewriteScheduled = false
  /// Monotonic nanoseconds before which none begins by itself, as others have failed.
  var nextAutomaticRewrite: Int64 = 0
  /// Called when the log's first base is there, or can't be made.
  var whenStarted: ((Bool) -> Void)?

  // MARK: - Figures

  /// Bytes of all files.
  var byteCount = 0
  /// Bytes of all files when the last rewrite was done.
  var rewrittenByteCount = 0
  var lastRewriteSeconds = -1
  var hasRewriteFailed = false
  /// Bytes of images that the last rewrite took since something was about to change.
  var lastForcedBytes = 0
  var rewriteFailuresInARow = 0

  /// Whether changes go to a file.
  var isRunning: Bool { cursor != nil }

  /// What has been added to the stream since this was called last, without what is for followers
  /// only.
  func takePortion(of effects: Effects, timestamp: Int?) -> LogPortion {
    let stream = effects.stream
    let start = lastJobEnd
    let begin = handedOver
    var parts: [StreamPart] = []
    for range in effects.takeUnlogged() where range.lowerBound >= handedOver {
      add(handedOver..<range.lowerBound, of: stream, to: &parts)
      handedOver = range.upperBound
    }
    add(handedOver..<stream.offset, of: stream, to: &parts)
    handedOver = stream.offset
    lastJobEnd = handedOver
    return LogPortion(
      start: start, begin: begin, parts: parts, end: stream.position, timestamp: timestamp)
  }

  /// What has been added to the stream since then is for followers only.
  func passOver(_ effects: Effects) {
    _ = effects.takeUnlogged()
    handedOver = effects.stream.offset
  }

  private func add(_ range: Range<Int>, of stream: ReplicationStream, to parts: inout [StreamPart])
  {
    var position = range.lowerBound
    while position < range.upperBound {
      let bytes = stream.bytes(behind: position)
      let count = min(bytes.byteCount, range.upperBound - position)
      parts.append(StreamPart(bytes.extracting(first: count), at: position))
      position += count
    }
  }
}

extension ReplicationStream {
  /// Where the stream ends.
  var position: LogPosition {
    LogPosition(replicationID: ByteText(replicationID), offset: offset)
  }
}

/// A rewrite of the log.
final class LogRewriting {
  let format: LogNaming.Format
  /// Where the base is written before it has its name.
  let temporary: String
  /// Monotonic nanoseconds of the start.
  let startedAt: Int64

  init(format: LogNaming.Format, temporary: String, startedAt: Int64) {
    self.format = format
    self.temporary = temporary
    self.startedAt = startedAt
  }
}

/// What a helper does for the log.
final class LogJob: Job, @unchecked Sendable {
  enum Work {
    /// `delay`: nanoseconds to sleep first, as DEBUG AOF-FLUSH-SLEEP wants it.
    case write(LogPortion, syncs: Bool, delay: Int64)
    case beginIncrement(LogPosition, after: Int, timestamp: Int?, isListed: Bool)
    case goBack(to: LogPosition)
    case dropHistory
    case install(LogRewriting, byteCount: Int, keepsHistory: Bool)
    case close
  }

  let work: Work
  private let writer: LogWriter
  private let clock: Clock
  private let done: (LogJob) -> Void
  private(set) var failure: LogWriteFailure?
  /// Bytes of all files behind the work.
  private(set) var byteCount = 0

  /// - Parameter done: called on the loop.
  init(_ work: Work, for writer: LogWriter, clock: Clock, done: @escaping (LogJob) -> Void) {
    self.work = work
    self.writer = writer
    self.clock = clock
    self.done = done
  }

  override func perform() {
    do throws(LogWriteFailure) {
      switch work {
      case .write(let portion, let syncs, let delay):
        if delay > 0 { clock.sleep(nanoseconds: delay) }
        try writer.write(portion, syncs: syncs)
      case .beginIncrement(let position, let offset, let timestamp, let isListed):
        try writer.beginIncrement(
          at: position, after: offset, timestamp: timestamp, isListed: isListed)
      case .goBack(let position): try writer.goBack(to: position)
      case .dropHistory: writer.dropHistory()
      case .install(let rewriting, let byteCount, let keepsHistory):
        try writer.install(
          rewriting.temporary, rewriting.format, byteCount: byteCount, keepsHistory: keepsHistory)
      case .close: try writer.close()
      }
    } catch {
      failure = error
    }
    byteCount = writer.byteCount
  }

  override func finish() { done(self) }
}
