// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Performed jobs on their way back to the loop.
internal final class CompletionList: @unchecked Sendable {
  /// A performed job and where it came from.
  struct Entry {
    /// The queue that it waited in.
    let lane: HelperLane
    /// The job, with its results.
    let job: Job
  }

  private let monitor = Monitor()
  private var entries: [Entry] = []

  /// Called by helper threads.
  func append(_ entry: Entry) {
    monitor.lock()
    entries.append(entry)
    monitor.unlock()
  }

  /// Called by the loop.
  func takeAll() -> [Entry] {
    monitor.lock()
    defer { monitor.unlock() }
    let taken = entries
    entries = []
    return taken
  }
}

/// A thread that performs the jobs of one lane. The fields are guarded by `monitor`.
internal final class HelperThread: @unchecked Sendable {
  private let lane: HelperLane
  private let completions: CompletionList
  private let waker: Waker
  private let monitor = Monitor()
  private var queue: [Job] = []
  private var isBusy = false
  private var isStopping = false
  private var handle = pthread_t()

  init(lane: HelperLane, completions: CompletionList, waker: Waker) {
    self.lane = lane
    self.completions = completions
    self.waker = waker
    start()
  }

  private func start() {
    // The thread holds the object until it ends.
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    let code = unsafe pthread_create(
      &handle, nil,
      { context in
        guard let context = unsafe context else { return nil }
        unsafe Unmanaged<HelperThread>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, context)
    precondition(code == 0, "the system refuses a helper thread")
  }

  /// Called by the loop.
  func submit(_ job: Job) {
    monitor.lock()
    queue.append(job)
    monitor.notify()
    monitor.unlock()
  }

  /// Called by the loop; returns when every job is performed and listed as completed.
  func waitUntilIdle() {
    monitor.lock()
    while !queue.isEmpty || isBusy { monitor.wait() }
    monitor.unlock()
  }

  /// Called by the loop; returns when the thread has ended.
  func stop() {
    monitor.lock()
    isStopping = true
    monitor.notify()
    monitor.unlock()
    pthread_join(handle, nil)
  }

  private func run() {
    ProcessSignals.blockInThisThread()
    CrashReport.prepareThread()
    ProcessTitle.nameThread("memd-\(lane)")
    if lane != .log { Syscall.lowerPriority() }
    while let batch = nextBatch() {
      for job in batch {
        job.perform()
        completions.append(CompletionList.Entry(lane: lane, job: job))
        waker.wakeUp()
      }
    }
  }

  /// Everything that waits; nil when the thread is to end.
  private func nextBatch() -> [Job]? {
    monitor.lock()
    defer { monitor.unlock() }
    isBusy = false
    monitor.notify()
    while queue.isEmpty && !isStopping { monitor.wait() }
    if queue.isEmpty { return nil }
    isBusy = true
    let batch = queue
    queue = []
    return batch
  }
}
