// SPDX-License-Identifier: Apache-2.0
import EventLoop
import Testing

@Suite struct ClockTests {
  @Test func `ticks of the processor agree with the monotonic clock`() {
    let clock = SystemClock()
    let ticks = clock.ticks()
    let start = clock.monotonicNanoseconds()
    while clock.monotonicNanoseconds() - start < 20_000_000 {}
    let end = clock.monotonicNanoseconds()
    let measured = clock.microseconds(from: ticks, to: clock.ticks())
    let passed = Double(end - start) / 1000
    #expect(abs(measured - passed) < passed / 5)
    clock.refineCalibration()
    #expect(clock.ticksPerMicrosecond > 1)
  }

  @Test func `wall time is this century`() {
    #expect(SystemClock().wallMicroseconds() > 1_700_000_000_000_000)
  }

  @Test func `readings in the wrong order make no duration`() {
    let clock = SimulatedClock()
    #expect(clock.microseconds(from: 10, to: 5) == 0)
  }

  @Test func `a simulated clock moves all its times together`() {
    let clock = SimulatedClock(wallMilliseconds: 1000)
    let ticks = clock.ticks()
    clock.advance(milliseconds: 5)
    #expect(clock.wallMicroseconds() == 1_005_000)
    #expect(clock.monotonicNanoseconds() == 5_000_000)
    #expect(clock.microseconds(from: ticks, to: clock.ticks()) == 5000)
    clock.advance(nanoseconds: -7)
    clock.advance(toNanoseconds: 3)
    #expect(clock.monotonicNanoseconds() == 5_000_000)
  }

  @Test func `setting the wall time leaves monotonic time alone`() {
    let clock = SimulatedClock(wallMilliseconds: 1000)
    clock.advance(milliseconds: 5)
    clock.setWall(milliseconds: 10)
    #expect(clock.wallMicroseconds() == 10_000)
    #expect(clock.monotonicNanoseconds() == 5_000_000)
    clock.advance(milliseconds: 1)
    #expect(clock.wallMicroseconds() == 11_000)
  }
}

@Suite struct IdentityTests {
  @Test func `slot and generation survive the word`() {
    let id = ConnectionID(slot: 0xDEAD_BEEF, generation: 7)
    #expect(ConnectionID(word: id.word) == id)
    #expect(id.slot == 0xDEAD_BEEF && id.generation == 7)
    #expect(id != .none)
  }

  @Test func `an event list grows and is emptied without losing order`() {
    var events = EventList(capacity: 8)
    for number in 0..<100 { events.append(Event(kind: .signal(Int32(number)))) }
    #expect(events.all.map(\.kind) == (0..<100).map { Event.Kind.signal(Int32($0)) })
    events.removeAll()
    let isEmptied = events.isEmpty && events.capacity >= 100
    #expect(isEmptied)
  }

  @Test func `an event has two words`() {
    #expect(MemoryLayout<Event>.stride == 16)
    #expect(MemoryLayout<ConnectionID>.size == 8)
  }
}
