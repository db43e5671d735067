// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DataStructures

/// Random operations on a wheel, compared with a plain array.
struct TimingWheelModelTests {
  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `The wheel hands out what a search of all deadlines finds`(seed: UInt64) {
    var model = Model(seed: seed)
    for step in 0..<1200 {
      model.step()
      if step % 50 == 0 { model.check() }
      guard model.failure == nil else { break }
    }
    #expect(model.failure == nil, "seed \(seed)")
    model.finish()
    #expect(model.failure == nil, "seed \(seed)")
  }
}

private struct Model: ~Copyable {
  let allocator = Allocator.create()
  var wheel: TimingWheel<Ticket>
  var tickets: [Ticket] = []
  var random: RandomGenerator
  var now: Int64
  /// After the wall clock went back a little, the wheel may wait until it is here again.
  var high: Int64
  var failure: String? {
    didSet { failure = oldValue ?? failure }
  }
  var nextID = 0

  init(seed: UInt64) {
    random = RandomGenerator(seed: seed)
    let starts: [Int64] = [0, 1_700_000_000_000, -5000, 255, (1 << 32) - 3, 1 << 40]
    now = starts[random.next(below: starts.count)]
    high = now
    wheel = TimingWheel(allocator: allocator, now: now)
  }

  mutating func step() {
    switch random.next(below: 20) {
    case 0..<9: insert()
    case 9..<11: if !tickets.isEmpty { remove(random.next(below: tickets.count)) }
    case 11..<14: if !tickets.isEmpty { change(random.next(below: tickets.count)) }
    case 14: if !tickets.isEmpty { move(random.next(below: tickets.count)) }
    case 15..<17: advance(by: Int64(random.next(below: 4)), work: .max)
    case 17: advance(by: Int64(random.next(below: 4)), work: random.next(below: 20))
    case 18: advance(by: jump(), work: random.next(below: 2) == 0 ? .max : random.next(below: 40))
    default: goBack()
    }
  }

  /// Takes out what is left, one way or the other.
  mutating func finish() {
    while tickets.count > 10 { remove(random.next(below: tickets.count)) }
    wheel.checkInvariants()
    while !tickets.isEmpty { remove(0) }
    wheel.checkInvariants()
    if wheel.count != 0 || wheel.deadlineSum != 0 { failure = "not empty" }
  }

  private mutating func insert() {
    for _ in 0...random.next(below: random.next(below: 10) == 0 ? 100 : 3) {
      let ticket = Ticket(id: nextID, deadline: deadline())
      nextID += 1
      wheel.insert(ticket)
      tickets.append(ticket)
    }
  }

  /// Forwards, seldom very far, and sometimes to the turn of a level's block.
  private mutating func jump() -> Int64 {
    switch random.next(below: 12) {
    case 0: distance(bits: 42)
    case 1: (now >> 32 + 1) << 32 - Int64(random.next(below: 300)) - now
    case 2: (now >> 16 + 1) << 16 - Int64(random.next(below: 300)) - now
    default: distance(bits: 18)
    }
  }

  private mutating func remove(_ index: Int) {
    wheel.remove(tickets[index])
    if tickets[index].wheelRecord != 0 { failure = "a removed ticket has a record" }
    forget(index)
  }

  private mutating func change(_ index: Int) {
    let old = tickets[index].deadline
    tickets[index].deadline = deadline()
    wheel.deadlineChanged(tickets[index], from: old)
  }

  private mutating func move(_ index: Int) {
    tickets[index] = tickets[index].moved()
    wheel.relocated(tickets[index])
  }

  private mutating func goBack() {
    let back = distance(bits: random.next(below: 4) == 0 ? 34 : 9)
    advance(by: -back, work: random.next(below: 2) == 0 ? .max : random.next(below: 100))
  }

  private mutating func advance(by distance: Int64, work budget: Int) {
    now += distance
    var work = budget
    let bank = wheel.bank
    let mayGoBack = wheel.retired == nil
    defer { high = wheel.bank == bank ? max(high, now) : now }
    while let ticket = wheel.nextDue(now: now, work: &work) {
      guard let index = tickets.firstIndex(of: ticket) else {
        failure = "handed out a ticket that is not in the wheel"
        return
      }
      if ticket.deadline >= now { failure = "handed out \(ticket.deadline) at \(now)" }
      forget(index)
    }
    wheel.checkInvariants()
    if wheel.hasBacklog && work > 0 { failure = "gave up with work left" }
    if work < 0 { failure = "worked more than allowed" }
    guard !wheel.hasBacklog else { return }
    if mayGoBack, wheel.clock - now > 1000 { failure = "the clock is \(wheel.clock) at \(now)" }
    guard now >= high else { return }
    if let missed = tickets.first(where: { $0.deadline < now }) {
      failure = "missed \(missed.deadline) at \(now)"
    }
    let event = wheel.earliestEvent(after: now) ?? .max
    if let next = tickets.map(\.deadline).min(), next < .max - 1 << 40, event > next + 1 {
      failure = "would sleep until \(event), but \(next) is due before"
    }
    if event < now { failure = "the next event is in the past" }
  }

  mutating func check() {
    wheel.checkInvariants()
    if wheel.count != tickets.count { failure = "count" }
    let sum = tickets.reduce(into: Int128(0)) { $0 += Int128($1.deadline) }
    if sum != wheel.deadlineSum { failure = "sum" }
  }

  private mutating func forget(_ index: Int) {
    tickets[index].free()
    tickets.swapAt(index, tickets.count - 1)
    tickets.removeLast()
  }

  private mutating func deadline() -> Int64 {
    switch random.next(below: 16) {
    case 0: .min
    case 1: .max
    case 2: now &- distance(bits: 40)
    case 3: now
    case 4: now - 1
    case 5: Int64(bitPattern: random.next())
    case 6: now &+ distance(bits: 50)
    case 7: (now >> 32 + Int64(random.next(below: 4))) << 32
    default: now &+ distance(bits: 27)
    }
  }

  /// A distance of any magnitude below a power of two.
  private mutating func distance(bits: Int) -> Int64 {
    let mask: UInt64 = 1 << UInt64(1 + random.next(below: bits)) - 1
    return Int64(bitPattern: random.next() & mask)
  }
}
