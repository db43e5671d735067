// SPDX-License-Identifier: Apache-2.0

/// One thread per lane, started with its first job; completions wake the loop.
public final class ThreadHelpers: Helpers {
  private let waker: Waker
  private let completions = CompletionList()
  /// Performed jobs that are about to be finished. `finish` of one may wait for a lane, and then
  /// finishes those behind it.
  private var finishing: [CompletionList.Entry] = []
  private var threads: [HelperThread?]
  private var pending: [Int]

  /// Wakes the loop of `waker` when a job is performed.
  public init(waker: Waker) {
    self.waker = waker
    threads = Array(repeating: nil, count: HelperLane.allCases.count)
    pending = Array(repeating: 0, count: HelperLane.allCases.count)
    super.init()
  }

  /// Lets the threads end their queues and waits for them; results that nobody fetched are dropped.
  deinit {
    for thread in threads { thread?.stop() }
  }

  /// Takes the lock of the lane for a moment.
  public override func submit(_ job: Job, to lane: HelperLane) {
    pending[lane.rawValue] += 1
    thread(of: lane).submit(job)
  }

  /// Takes the lock of the completions for a moment; `finish` runs without any lock.
  @discardableResult
  public override func finishCompleted() -> Int {
    finishing += completions.takeAll()
    var count = 0
    while !finishing.isEmpty {
      let entry = finishing.removeFirst()
      pending[entry.lane.rawValue] -= 1
      entry.job.finish()
      count += 1
    }
    return count
  }

  /// Blocks until the lane's thread is idle.
  public override func drain(_ lane: HelperLane) {
    // A job that is finished may submit the next one.
    while pending[lane.rawValue] > 0 {
      threads[lane.rawValue]?.waitUntilIdle()
      finishCompleted()
    }
  }

  /// Counts on the loop's side, so it needs no lock.
  public override func pendingCount(in lane: HelperLane) -> Int { pending[lane.rawValue] }

  private func thread(of lane: HelperLane) -> HelperThread {
    if let thread = threads[lane.rawValue] { return thread }
    let thread = HelperThread(lane: lane, completions: completions, waker: waker)
    threads[lane.rawValue] = thread
    return thread
  }
}
