// SPDX-License-Identifier: Apache-2.0
import EventLoop
import Glibc
import Testing

@Suite struct HelpersTests {
  @Test func `a performed job wakes the loop and is finished there`() throws {
    let transport = try EpollTransport()
    let helpers = ThreadHelpers(waker: transport.waker)
    let recorder = Recorder()
    let loop = pthread_self()
    var performer = pthread_self()
    helpers.submit(
      TestJob(
        onPerform: { performer = pthread_self() },
        onFinish: { recorder.lines.append(pthread_self() == loop ? "loop" : "helper") }),
      to: .log)
    #expect(helpers.pendingCount(in: .log) == 1)
    while helpers.finishCompleted() == 0 {
      try #require(transport.waitFor(.wakeup, of: .none))
    }
    #expect(recorder.lines == ["loop"])
    #expect(performer != loop)
    #expect(helpers.pendingCount(in: .log) == 0)
  }

  @Test func `jobs of a lane keep their order`() throws {
    let transport = try EpollTransport()
    let helpers = ThreadHelpers(waker: transport.waker)
    let performed = Recorder()
    let finished = Recorder()
    for number in 0..<500 {
      helpers.submit(
        TestJob(
          onPerform: { performed.lines.append("\(number)") },
          onFinish: { finished.lines.append("\(number)") }))
    }
    helpers.drainAll()
    #expect(performed.lines == (0..<500).map { "\($0)" })
    #expect(finished.lines == performed.lines)
  }

  @Test func `a stuck lane does not hold up another`() throws {
    let transport = try EpollTransport()
    let helpers = ThreadHelpers(waker: transport.waker)
    let gate = pipe()
    let recorder = Recorder()
    helpers.submit(TestJob(onPerform: { gate.waitForByte() }), to: .snapshot)
    helpers.submit(TestJob(onFinish: { recorder.lines.append("log") }), to: .log)
    helpers.drain(.log)
    #expect(recorder.lines == ["log"])
    #expect(helpers.pendingCount(in: .snapshot) == 1)
    gate.writeByte()
    helpers.drain(.snapshot)
    #expect(helpers.pendingCount(in: .snapshot) == 0)
  }

  @Test func `a job submitted by a finished one is drained too`() throws {
    let transport = try EpollTransport()
    let helpers = ThreadHelpers(waker: transport.waker)
    let recorder = Recorder()
    helpers.submit(
      TestJob(onFinish: {
        helpers.submit(TestJob(onFinish: { recorder.lines.append("second") }))
      }))
    helpers.drain(.background)
    #expect(recorder.lines == ["second"])
  }

  @Test func `a finished job may wait for those behind it, though all are performed`() throws {
    let transport = try EpollTransport()
    let helpers = ThreadHelpers(waker: transport.waker)
    let recorder = Recorder()
    let gate = pipe()
    helpers.submit(
      TestJob(onFinish: {
        helpers.drain(.snapshot)
        recorder.lines.append("first")
      }), to: .snapshot)
    helpers.submit(TestJob(onFinish: { recorder.lines.append("second") }), to: .snapshot)
    // When this one runs, both are listed as completed, as one lane performs them in order.
    helpers.submit(TestJob(onPerform: { gate.writeByte() }), to: .snapshot)
    gate.waitForByte()
    helpers.finishCompleted()
    #expect(recorder.lines == ["second", "first"])
    #expect(helpers.pendingCount(in: .snapshot) == 0)
  }

  /// A blocking pipe that a test lets a helper wait at.
  private struct Gate {
    let read: Int32
    let write: Int32

    func waitForByte() {
      var byte: UInt8 = 0
      _ = unsafe Glibc.read(read, &byte, 1)
    }

    func writeByte() {
      var byte: UInt8 = 1
      _ = unsafe Glibc.write(write, &byte, 1)
    }
  }

  private func pipe() -> Gate {
    var ends: [Int32] = [0, 0]
    _ = unsafe Glibc.pipe(&ends)
    return Gate(read: ends[0], write: ends[1])
  }
}

@Suite struct SimulatedHelpersTests {
  private func run(seed: UInt64) -> [String] {
    let clock = SimulatedClock()
    let transport = SimulatedTransport(clock: clock, seed: seed)
    transport.advancesClockWhenIdle = true
    let helpers = SimulatedHelpers(transport: transport, seed: seed)
    let recorder = Recorder()
    for number in 0..<20 {
      let lane: HelperLane = number % 2 == 0 ? .log : .snapshot
      helpers.submit(
        TestJob(onFinish: {
          recorder.lines.append("\(lane)\(number)@\(clock.monotonicNanoseconds())")
        }),
        to: lane)
    }
    var events = EventList()
    while helpers.pendingCount(in: .log) + helpers.pendingCount(in: .snapshot) > 0 {
      transport.wait(timeoutNanoseconds: -1, into: &events)
      if events.isEmpty { break }
      helpers.finishCompleted()
    }
    return recorder.lines
  }

  @Test func `the seed alone decides when jobs are done`() {
    #expect(run(seed: 1) == run(seed: 1))
    #expect(run(seed: 1) != run(seed: 2))
    #expect(run(seed: 1).count == 20)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `a lane keeps its order at any seed`(seed: UInt64) {
    let lines = run(seed: seed).filter { $0.hasPrefix("log") }.map { $0.split(separator: "@")[0] }
    #expect(lines == stride(from: 0, to: 20, by: 2).map { "log\($0)" }, "seed \(seed)")
  }

  @Test func `stalled helpers do nothing until they go on`() {
    let clock = SimulatedClock()
    let transport = SimulatedTransport(clock: clock)
    let helpers = SimulatedHelpers(transport: transport, seed: 1)
    helpers.submit(TestJob())
    helpers.isStalled = true
    clock.advance(milliseconds: 1000)
    #expect(helpers.finishCompleted() == 0)
    helpers.isStalled = false
    #expect(transport.pending() == [Event(kind: .wakeup)])
    #expect(helpers.finishCompleted() == 1)
  }
}
