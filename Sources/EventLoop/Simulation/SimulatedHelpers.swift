// SPDX-License-Identifier: Apache-2.0

/// Performs jobs on the loop, at times drawn from a seed; within a lane their order is kept.
public final class SimulatedHelpers: Helpers {
  private struct Entry {
    let time: Int64
    let lane: HelperLane
    let job: Job
  }

  private let transport: SimulatedTransport
  private var generator: SeededGenerator
  private var entries: [Entry] = []
  /// How long a job takes from its submission (or from the end of the one before it in its lane).
  public var durationNanoseconds: ClosedRange<Int64>
  /// While true no job is performed: the helpers hang, for instance in a sync.
  public var isStalled = false {
    didSet { if !isStalled { transport.wakeUp() } }
  }

  /// Wakes the loop of the transport when a job is due.
  public init(
    transport: SimulatedTransport, seed: UInt64,
    durationNanoseconds: ClosedRange<Int64> = 0...1_000_000
  ) {
    self.transport = transport
    self.durationNanoseconds = durationNanoseconds
    generator = SeededGenerator(seed: seed)
    super.init()
  }

  /// Draws the time at which the job is done.
  public override func submit(_ job: Job, to lane: HelperLane) {
    let now = transport.clock.monotonicNanoseconds()
    let start = entries.last { $0.lane == lane }.map { max($0.time, now) } ?? now
    let time = start &+ generator.number(in: durationNanoseconds)
    // Kept in the order of time, then of submission.
    let position = entries.firstIndex { $0.time > time } ?? entries.count
    entries.insert(Entry(time: time, lane: lane, job: job), at: position)
    transport.scheduleWakeUp(atNanoseconds: time)
  }

  /// Performs and finishes the jobs whose time has come.
  @discardableResult
  public override func finishCompleted() -> Int {
    var count = 0
    while !isStalled, let first = entries.first,
      first.time <= transport.clock.monotonicNanoseconds()
    {
      entries.removeFirst()
      first.job.perform()
      first.job.finish()
      count += 1
    }
    return count
  }

  /// Moves the clock to the end of the lane's last job, as the real loop would stand still.
  public override func drain(_ lane: HelperLane) {
    isStalled = false
    while let last = entries.last(where: { $0.lane == lane }) {
      transport.clock.advance(toNanoseconds: last.time)
      finishCompleted()
    }
  }

  /// Jobs whose time has not come.
  public override func pendingCount(in lane: HelperLane) -> Int {
    entries.count { $0.lane == lane }
  }
}
