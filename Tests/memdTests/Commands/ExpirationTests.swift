// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

@Suite struct ExpirationTests {
  @Test func `due keys are removed and announced without anybody asking`() {
    let server = TestServer()
    server.run("SET a 1")
    server.run("PEXPIRE a 10")
    let events = server.recordEvents()
    let stream = server.stream {
      server.advance(milliseconds: 10)
      #expect(events.take() == [])
      server.advance(milliseconds: 1)
    }
    #expect(events.take() == ["0 expired a"])
    #expect(stream == ["UNLINK a"])
    #expect(server.server.keyspace.statistics.expiredKeys == 1)
    #expect(server.server.upkeep.expiration.lag.longestMilliseconds == 1)
  }

  @Test(arguments: 1...8)
  func `random keys expire within two milliseconds of their deadline`(_ seed: UInt64) {
    var random = RandomGenerator(seed: seed)
    let server = TestServer(seed: seed, follows: seed % 4 == 0)
    var deadlines: [String: Int64] = [:]
    for step in 0..<400 {
      let database = random.next(below: 3)
      server.run("SELECT \(database)")
      let name = "k\(random.next(below: 200))"
      let key = "\(database) \(name)"
      switch random.next(below: 10) {
      case 0:
        server.run("DEL \(name)")
        deadlines[key] = nil
      case 1:
        server.run("PERSIST \(name)")
        deadlines[key] = nil
      default:
        let range = seed % 2 == 0 ? [3, 300, 70_000][random.next(below: 3)] : 500
        let time = 1 + random.next(below: range)
        server.run("SET \(name) \(step)")
        server.run("PEXPIRE \(name) \(time)")
        deadlines[key] = server.now + Int64(time)
      }
      server.advance(milliseconds: Int64(random.next(below: 3)))
      deadlines = deadlines.filter { $0.value >= server.now }
    }
    let events = server.recordEvents()
    while !deadlines.isEmpty {
      // Far from any deadline the clock leaps, in steps as an idle loop has them.
      let distance = (deadlines.values.min() ?? 0) - server.now
      let leap = seed % 2 == 0 && distance > 110 ? 100 : 1 + random.next(below: 2)
      server.advance(milliseconds: Int64(leap))
      for event in events.take() {
        let key = event.replacing(" expired", with: "")
        guard let deadline = deadlines.removeValue(forKey: key) else {
          Issue.record("\(key) expired without a deadline, seed \(seed)")
          continue
        }
        #expect(deadline < server.now, "\(key) expired too early, seed \(seed)")
      }
      for (key, deadline) in deadlines where deadline < server.now - 1 {
        Issue.record("\(key) is \(server.now - deadline) ms late, seed \(seed)")
        deadlines[key] = nil
      }
    }
    #expect(server.server.upkeep.expiration.lag.longestMilliseconds <= 2)
  }

  @Test func `a turn sleeps until the next deadline, not longer and not less`() {
    let server = TestServer { $0.hz = 1 }
    server.run("SET a 1")
    server.run("PEXPIRE a 37")
    let now = server.clock.monotonicNanoseconds()
    #expect(server.server.nextExpiry(monotonic: now) == now + 38_000_000)
    server.clock.advance(nanoseconds: 400_000)
    let later = server.clock.monotonicNanoseconds()
    #expect(server.server.nextExpiry(monotonic: later) == now + 38_000_000)
  }

  @Test func `an idle server wakes up for chores and for due keys only`() {
    let server = TestServer(follows: false) { $0.hz = 10 }
    for index in 0..<50 {
      server.run("SET k\(index) v")
      server.run("PEXPIRE k\(index) \(100 + index * 150)")
    }
    server.server.cron.next = 0
    server.turn()
    let start = server.clock.monotonicNanoseconds()
    var wakeUps = 0
    while server.clock.monotonicNanoseconds() - start < 10_000_000_000 {
      let now = server.clock.monotonicNanoseconds()
      let next = min(server.server.cron.next, server.server.nextExpiry(monotonic: now) ?? .max)
      #expect(next > now)
      server.clock.advance(toNanoseconds: max(next, now + 1))
      server.turn()
      wakeUps += 1
    }
    #expect(server.run("DBSIZE") == 0)
    // A hundred chores, fifty keys, and a slot of the wheel to open now and then.
    #expect(wakeUps <= 250, "\(wakeUps) wake-ups in ten seconds")
    #expect(server.server.upkeep.expiration.lag.longestMilliseconds <= 1)
  }

  @Test func `nothing expires while that is switched off, and everything after`() {
    let server = TestServer()
    server.run("SET a 1")
    server.run("PEXPIRE a 10")
    server.server.configuration.activeExpireEnabled = false
    server.advance(milliseconds: 500)
    #expect(server.run("DBSIZE") == 1)
    #expect(server.server.nextExpiry(monotonic: 0) == nil)
    #expect(server.server.upkeep.expiration.estimatedStalePercent() == 100)
    server.server.configuration.activeExpireEnabled = true
    server.turn()
    #expect(server.run("DBSIZE") == 0)
    #expect(server.server.upkeep.expiration.estimatedStalePercent() == 0)
  }

  @Test func `followers hear of a due key that was read, not of the reading`() {
    let server = TestServer { $0.activeExpireEnabled = false }
    server.run("SET a 1")
    server.run("PEXPIRE a 10")
    server.advance(milliseconds: 11)
    let stream = server.stream {
      #expect(server.run("GET a") == nil)
      server.run("SET b 1")
    }
    #expect(stream == ["UNLINK a", "SET b 1"])
  }

  @Test func `nothing expires while clients are paused`() {
    let server = TestServer()
    server.run("SET a 1")
    server.run("PEXPIRE a 10")
    server.server.moment.expiryMode = .hide
    server.advance(milliseconds: 500)
    #expect(server.run("DBSIZE") == 1)
    #expect(server.run("GET a") == nil)
    server.server.moment.expiryMode = .remove
    server.turn()
    #expect(server.run("DBSIZE") == 0)
  }

  @Test func `a mass of keys due at once is removed in slices while requests wait`() {
    let server = TestServer(follows: false)
    let ticking = TickingObserver(server.clock)
    for index in 0..<2000 {
      server.run("SET k\(index) v")
      server.run("PEXPIRE k\(index) 10")
    }
    server.server.effects.observer = ticking
    server.clock.advance(milliseconds: 11)
    var turns = 0
    while server.server.keyspace.keyCount > 0, turns < 10_000 {
      // A request is there in every turn; it takes 85 microseconds.
      server.client.send(["DBSIZE"])
      let before = ticking.count
      server.turn()
      turns += 1
      let microseconds = (ticking.count - before) * ticking.microsecondsPerEvent
      #expect(microseconds <= 1000 + 16 * ticking.microsecondsPerEvent)
      server.clock.advance(nanoseconds: 85_000)
    }
    #expect(server.server.keyspace.keyCount == 0)
    // Sixteen keys go in every turn at least, however short it is.
    #expect((50...130).contains(turns))
    #expect(server.server.keyspace.statistics.expiredTimeCapReached > 0)
    #expect(!server.server.hasBackgroundWork)
  }

  @Test func `a deadline in the distant past, as only a follower may have one, is no trap`() {
    let server = TestServer(follows: false)
    server.run("SET k v")
    server.server.moment.expiryMode = .ignore
    #expect(server.run("PEXPIREAT k -9223372036854775808") == 1)
    #expect(server.run("PTTL k") == 0)
    #expect(server.run("PEXPIRETIME k") == 0)
    server.server.moment.expiryMode = .remove
    server.advance(milliseconds: 1)
    #expect(server.run("DBSIZE") == 0)
  }

  @Test func `the mean time to live is known`() {
    let server = TestServer()
    #expect(server.server.keyspace.databases[0].averageTimeToLive == 0)
    server.run("SET a 1")
    server.run("SET b 1")
    server.run("PEXPIRE a 1000")
    server.run("PEXPIRE b 3000")
    #expect(server.server.keyspace.databases[0].averageTimeToLive == 2000)
  }
}

/// Lets simulated time pass with every event, as work does.
private final class TickingObserver: KeyEventObserver {
  let microsecondsPerEvent = 5
  private(set) var count = 0
  private let clock: SimulatedClock

  init(_ clock: SimulatedClock) { self.clock = clock }

  func observe(_ event: KeyEvent, _ key: RawSpan, database: Int) {
    count += 1
    clock.advance(nanoseconds: Int64(microsecondsPerEvent) * 1000)
  }
}
