// SPDX-License-Identifier: Apache-2.0
import DataStructures
import Testing

struct TimingWheelTests {
  @Test
  func `A deadline equal to now is not due, one before is`() {
    var fixture = Fixture(now: 1000)
    fixture.insert([999, 1000, 1001])
    #expect(fixture.due(at: 1000) == [999])
    #expect(fixture.due(at: 1001) == [1000])
    #expect(fixture.due(at: 1001) == [])
    #expect(fixture.due(at: 1002) == [1001])
  }

  @Test
  func `A deadline that has passed when it is inserted is due at once`() {
    var fixture = Fixture(now: 500_000)
    #expect(fixture.due(at: 500_000) == [])
    fixture.insert([.min, -1, 499_999])
    #expect(fixture.due(at: 500_000).sorted() == [.min, -1, 499_999])
  }

  @Test
  func `Every magnitude of deadline comes out in its millisecond`() {
    var fixture = Fixture(now: 12_345)
    let deadlines = (0..<44).map { 12_345 + (1 as Int64) << Int64($0) }
    fixture.insert(deadlines)
    for deadline in deadlines {
      #expect(fixture.due(at: deadline) == [])
      #expect(fixture.due(at: deadline + 1) == [deadline])
    }
  }

  @Test
  func `The wheel sleeps from event to event`() {
    var fixture = Fixture(now: 0)
    fixture.insert([5, 700, 100_000, 20_000_000, 1 << 33, 1 << 41])
    var now: Int64 = 0
    var wakeUps = 0
    var seen: [Int64] = []
    while let next = fixture.wheel.earliestEvent(after: now) {
      now = next
      seen += fixture.due(at: now)
      wakeUps += 1
    }
    #expect(seen == [5, 700, 100_000, 20_000_000, 1 << 33, 1 << 41])
    #expect(wakeUps < 40)
    #expect(fixture.due(at: .max) == [])
  }

  @Test
  func `Deadlines in the last ages of the calendar stay, and the wheel lives on`() {
    var fixture = Fixture(now: .max)
    fixture.insert([.max, .max - 1, 5])
    #expect(fixture.due(at: .max) == [5])
    #expect(fixture.due(at: .min) == [])
    fixture.insert([7])
    #expect(fixture.due(at: 8) == [7])
    #expect(fixture.wheel.count == 2)
    fixture.wheel.checkInvariants()
  }

  @Test
  func `A jump of the clock over thousands of years is one step`() {
    var fixture = Fixture(now: 0)
    fixture.insert([10, 1 << 60])
    var work = 100
    _ = fixture.wheel.nextDue(now: 1 << 59, work: &work)
    #expect(fixture.due(at: 1 << 59) == [])
    #expect(work >= 90)
    #expect(fixture.due(at: 1 << 60 + 1) == [1 << 60])
  }

  @Test
  func `After the clock has gone back, new short deadlines are met in time`() {
    var fixture = Fixture(now: 10_000_000)
    fixture.insert([10_000_500, 20_000_000])
    #expect(fixture.due(at: 10_000_100) == [])
    #expect(fixture.due(at: 5_000_000) == [])
    fixture.insert([5_000_020])
    #expect(fixture.due(at: 5_000_020) == [])
    #expect(fixture.due(at: 5_000_021) == [5_000_020])
    #expect(fixture.due(at: 10_000_501) == [10_000_500])
    #expect(fixture.due(at: 20_000_001) == [20_000_000])
  }

  @Test
  func `A cascade of many records does not delay keys that are due`() {
    let start: Int64 = 3 << 16
    var fixture = Fixture(now: 0)
    fixture.insert((0..<20_000).map { start + 2000 + $0 % 60_000 })
    // Without work units nothing is moved ahead of time.
    #expect(fixture.due(at: start - 100, work: 0) == [])
    let urgent = (0..<300).map { start - 50 + $0 }
    fixture.insert(urgent)
    for now in (start - 99)...(start + 260) {
      let due = fixture.due(at: now, work: 5)
      #expect(due == urgent.filter { $0 == now - 1 })
    }
    #expect(fixture.wheel.hasBacklog == true)
  }

  @Test
  func `Slots cascade before their time, so that nothing piles up at their start`() {
    let start: Int64 = 3 << 16
    var fixture = Fixture(now: 0)
    fixture.insert((0..<20_000).map { start + $0 * 3 })
    var now = start - 60_000
    var seen = 0
    while now < start + 60_010 {
      var work = 500
      while fixture.wheel.nextDue(now: now, work: &work) != nil { seen += 1 }
      #expect(fixture.wheel.hasBacklog == false)
      now += 10
    }
    #expect(seen == 20_000)
  }

  @Test
  func `Work units bound what one call looks at`() {
    var fixture = Fixture(now: 0)
    fixture.insert([Int64](repeating: 10, count: 1000))
    for round in 1...10 {
      #expect(fixture.due(at: 11, work: 100).count == 100)
      #expect(fixture.wheel.hasBacklog == (round < 10))
    }
  }

  @Test
  func `The turn of a block of 49 days loses nothing, whatever waits beyond it`() {
    let turn: Int64 = 1 << 32
    var fixture = Fixture(now: turn - 300)
    // Dense in level 0 across the turn, late slots of level 1, and overflow on both sides.
    fixture.insert((0..<3000).map { turn - 200 + $0 })
    fixture.insert((0..<300).map { 2 * turn + 7 * $0 })
    fixture.insert([turn * 5, turn * 9])
    var seen: [Int64] = []
    for now in (turn - 300)...(turn + 4000) {
      seen += fixture.due(at: now, work: now < turn + 3000 ? 2 : .max)
      if now % 16 == 0 { fixture.wheel.checkInvariants() }
    }
    #expect(seen.sorted() == (0..<3000).map { turn - 200 + $0 })
    #expect(fixture.due(at: 3 * turn).count == 300)
    #expect(fixture.due(at: turn * 9) == [turn * 5])
    #expect(fixture.due(at: turn * 9 + 1) == [turn * 9])
  }

  @Test
  func `A jump beyond the overflow list's turn is a backlog until the list is sorted`() {
    var fixture = Fixture(now: 0)
    fixture.insert([5 << 32, 5 << 32 + 9, 8 << 32])
    #expect(fixture.due(at: 6 << 32, work: 0) == [])
    #expect(fixture.wheel.hasBacklog == true)
    #expect(fixture.due(at: 6 << 32).sorted() == [5 << 32, 5 << 32 + 9])
    fixture.wheel.checkInvariants()
  }

  @Test
  func `Late slots are emptied before the clock leaves their block`() {
    let turn: Int64 = 1 << 16
    var fixture = Fixture(now: 0)
    fixture.insert([Int64](repeating: turn - 100, count: 200))
    #expect(fixture.due(at: turn - 150, work: 0) == [])
    fixture.insert((0..<400).map { turn - 50 + $0 })
    var seen = 0
    for now in (turn - 149)...(turn + 400) {
      seen += fixture.due(at: now, work: 1).count
      fixture.wheel.checkInvariants()
    }
    #expect(fixture.wheel.hasBacklog == true)
    #expect(seen + fixture.due(at: turn + 400).count == 600)
  }

  @Test
  func `An earlier deadline is met in its millisecond, however little earlier`() {
    for old in [100, 300, 5000, 1 << 20, 1 << 34] as [Int64] {
      for slotWidth in [1, 256, 1 << 16] as [Int64] {
        for offset in [-1, 0, 1] as [Int64] {
          var fixture = Fixture(now: 0)
          fixture.insert([old])
          let new = min(old / slotWidth * slotWidth + offset, old - 1)
          guard new > 0 else { continue }
          fixture.change(0, to: new)
          #expect(fixture.due(at: new) == [])
          #expect(fixture.due(at: new + 1) == [new])
        }
      }
    }
  }

  @Test
  func `A later deadline is found out when the record is met`() {
    var fixture = Fixture(now: 0)
    fixture.insert([100])
    for _ in 0..<50 { fixture.change(0, to: fixture.tickets[0].deadline + 100_000) }
    #expect(fixture.due(at: 5_000_100) == [])
    #expect(fixture.due(at: 5_000_101) == [5_000_100])
  }

  @Test
  func `A sample is uniform over all elements`() {
    var fixture = Fixture(now: 0)
    var random = RandomGenerator(seed: 7)
    #expect(fixture.wheel.random(using: &random) == nil)
    // Half of the elements share a slot, the others have one each.
    fixture.insert((0..<600).map { $0 % 2 == 0 ? 1 << 20 : 1000 * $0 })
    for _ in 0..<100 { fixture.remove(random.next(below: fixture.tickets.count)) }
    var hits = [Int](repeating: 0, count: 600)
    for _ in 0..<100_000 { hits[fixture.wheel.random(using: &random)?.id ?? 0] += 1 }
    let counts = fixture.tickets.map { Double(hits[$0.id]) }
    // Chi squared with 499 degrees of freedom stays below 650 with probability 1 - 10^-5.
    let chiSquared = counts.reduce(0) { $0 + ($1 - 200) * ($1 - 200) / 200 }
    #expect(counts.count == 500 && chiSquared < 650, "\(chiSquared)")
    #expect(hits.reduce(0, +) == Int(counts.reduce(0, +)))
  }

  @Test
  func `A key costs nine bytes beyond its entry's sixteen`() {
    let allocator = Allocator.create()
    var random = RandomGenerator(seed: 3)
    let before = allocator.bytesInUse
    var tickets: [Ticket] = []
    do {
      var wheel = TimingWheel<Ticket>(allocator: allocator, now: 0)
      #expect(allocator.bytesInUse == before)
      for id in 0..<300_000 {
        let ticket = Ticket(id: id, deadline: Int64(random.next(below: 3_600_000)))
        tickets.append(ticket)
        wheel.insert(ticket)
      }
      let perKey = Double(allocator.bytesInUse - before) / 300_000
      #expect(perKey < 9.4, "\(perKey)")
      for ticket in tickets[1000...] { wheel.remove(ticket) }
      #expect(allocator.bytesInUse - before < 320_000)
      wheel.checkInvariants()
    }
    #expect(allocator.bytesInUse == before)
    for ticket in tickets { ticket.free() }
    allocator.destroy()
  }

  @Test
  func `Draining frees a dropped wheel in slices`() {
    var fixture = Fixture(now: 0)
    fixture.insert((0..<1000).map { 77 * $0 })
    let full = fixture.allocator.bytesInUse
    var rounds = 1
    while !fixture.wheel.drain(upTo: 100) { rounds += 1 }
    #expect(rounds >= 8 && rounds <= 11)
    #expect(fixture.wheel.count == 0 && fixture.allocator.bytesInUse < full)
    #expect(fixture.allocator.bytesInUse == 0)
    fixture.insert([5])
    #expect(fixture.due(at: 6) == [5])
  }

  @Test
  func `The average deadline is exact at the ends of the calendar`() {
    var fixture = Fixture(now: 0)
    #expect(fixture.wheel.averageDeadline == nil)
    fixture.insert([.max, .max, .max])
    #expect(fixture.wheel.averageDeadline == .max)
    fixture.insert([.min, .min, .min])
    #expect(fixture.wheel.deadlineSum == -3)
  }
}

/// A wheel and the tickets in it.
private struct Fixture: ~Copyable {
  let allocator = Allocator.create()
  var wheel: TimingWheel<Ticket>
  var tickets: [Ticket] = []
  private var nextID = 0

  init(now: Int64) {
    wheel = TimingWheel(allocator: allocator, now: now)
  }

  mutating func insert(_ deadlines: [Int64]) {
    for deadline in deadlines {
      let ticket = Ticket(id: nextID, deadline: deadline)
      nextID += 1
      tickets.append(ticket)
      wheel.insert(ticket)
    }
  }

  mutating func remove(_ index: Int) {
    wheel.remove(tickets[index])
    tickets.remove(at: index)
  }

  mutating func change(_ index: Int, to deadline: Int64) {
    let old = tickets[index].deadline
    tickets[index].deadline = deadline
    wheel.deadlineChanged(tickets[index], from: old)
  }

  /// Deadlines of what is handed out at `now`, in that order.
  mutating func due(at now: Int64, work budget: Int = .max) -> [Int64] {
    var work = budget
    var deadlines: [Int64] = []
    while let ticket = wheel.nextDue(now: now, work: &work) { deadlines.append(ticket.deadline) }
    return deadlines
  }
}
