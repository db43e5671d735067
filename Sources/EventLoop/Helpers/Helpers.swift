// SPDX-License-Identifier: Apache-2.0

/// Work that must not touch data of the loop, such as syncing a file or freeing a large value.
///
/// A job owns what it works on: the loop gives it away with `submit` and gets it back in `finish`.
/// `perform` runs on a helper (in simulation on the loop), `finish` always on the loop. Between the
/// two nobody else may touch the job's fields, which is why the class may cross threads.
open class Job: @unchecked Sendable {
  /// For subclasses.
  public init() {}

  /// The work; called once, on a helper thread.
  open func perform() {}

  /// What the loop does with the result; called once, on the loop's thread.
  open func finish() {}
}

/// Which queue a job waits in; jobs of one lane run one after the other in the order of submission.
public enum HelperLane: Int, CaseIterable, Sendable {
  /// For writes and syncs of a log, in front of which nothing slow may stand; not used yet.
  case log
  /// For compression, checksums, reads and writes of snapshots.
  case snapshot
  /// Freeing of memory, closing of files, and what else is in no hurry.
  case background
  /// For host names, whose look-up may take seconds.
  case names
}

/// Runs jobs beside the loop; threads or a simulation.
open class Helpers {
  /// For subclasses.
  public init() {}

  /// Gives a job away; it is performed after the jobs that its lane has already.
  open func submit(_ job: Job, to lane: HelperLane) {}

  /// Calls `finish` of every performed job, in the order of performance; the loop calls this when
  /// it is woken. Returns how many there were.
  @discardableResult
  open func finishCompleted() -> Int { 0 }

  /// Waits until a lane has no job left, and finishes all that are performed; for shutdown.
  open func drain(_ lane: HelperLane) {}

  /// Jobs of a lane that are not finished yet.
  open func pendingCount(in lane: HelperLane) -> Int { 0 }
}

extension Helpers {
  /// Gives a job to the lane for work without hurry.
  public final func submit(_ job: Job) { submit(job, to: .background) }

  /// Waits until no lane has a job left, and finishes all; for shutdown. Nobody waits for names.
  public final func drainAll() {
    for lane in HelperLane.allCases where lane != .names { drain(lane) }
  }
}
