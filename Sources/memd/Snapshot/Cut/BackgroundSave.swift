// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// A snapshot that is written while the server goes on.
final class BackgroundSave {
  /// Images handed to the helper and not written yet: with more the walk waits for it.
  static let backlogByteCountMax = 4 << 20

  enum Purpose {
    case snapshot
    /// What a log starts from.
    case logBase(SnapshotOutput.Format)
    /// What followers start from.
    case followers(FullSync)
  }

  let purpose: Purpose
  var isSnapshot: Bool { if case .snapshot = purpose { true } else { false } }
  var isLogBase: Bool { if case .logBase = purpose { true } else { false } }
  /// The followers' side of it, if it is for them.
  var sync: FullSync? { if case .followers(let sync) = purpose { sync } else { nil } }
  let cut: Cut
  let output: SnapshotOutput
  /// The name that the file gets; nil if it gets none.
  let path: String?
  /// Monotonic nanoseconds and wall seconds of the start.
  let startedAt: Int64
  let startedAtWall: Int64
  /// The count of changes at the start.
  let changeCount: Int
  /// Bytes that the helper has and has not written yet.
  var backlog = 0
  /// Whether all images have been taken.
  var isCutComplete = false
  /// Whether nobody wants the file any more.
  var isCancelled = false

  init(
    _ purpose: Purpose, _ cut: Cut, to output: SnapshotOutput, as path: String?, startedAt: Int64,
    startedAtWall: Int64, changeCount: Int
  ) {
    self.purpose = purpose
    self.cut = cut
    self.output = output
    self.path = path
    self.startedAt = startedAt
    self.startedAtWall = startedAtWall
    self.changeCount = changeCount
  }

  /// Whether the walk can go on now.
  var canAdvance: Bool {
    !isCutComplete && !isCancelled && backlog < BackgroundSave.backlogByteCountMax
      && sync?.feed?.isFull != true
  }
}

/// What a helper does for a snapshot.
final class SnapshotJob: Job, @unchecked Sendable {
  enum Work {
    case begin
    case write([ImagePiece])
    /// The file gets its name; without one it stays where it is, to be read.
    case finish(as: String?)
    case abandon
  }

  private let output: SnapshotOutput
  let work: Work
  private let done: (SnapshotJob) -> Void
  /// What had gone wrong with the output when the work was done. The loop may not ask the output
  /// itself, which the next job is at work on.
  private(set) var failure: DiskError?
  /// What was encoded, if that goes to no file.
  private(set) var bytes: [UInt8] = []

  /// - Parameter done: called on the loop.
  init(_ work: Work, for output: SnapshotOutput, done: @escaping (SnapshotJob) -> Void) {
    self.work = work
    self.output = output
    self.done = done
  }

  override func perform() {
    switch work {
    case .begin: output.begin()
    case .write(let pieces): output.write(pieces)
    case .finish(let path):
      output.finish()
      if let path { output.commit(as: path) } else { output.close() }
      if output.failure != nil { output.abandon() }
    case .abandon: output.abandon()
    }
    failure = output.failure
    bytes = output.takeBytes()
  }

  override func finish() { done(self) }
}
