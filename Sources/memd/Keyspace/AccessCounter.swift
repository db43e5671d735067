// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The logarithmic access counter of LFU: 8 bits that count about a million accesses.
///
/// Source: Morris, "Counting large numbers of events in small registers" (1978), with a decay per
/// minutes without access, in the parameters of redis.conf (`lfu-log-factor`, `lfu-decay-time`).
struct AccessCounter {
  /// New keys start above zero, so that they aren't evicted before they are used again.
  static let initial: UInt8 = 5

  var logFactor = 10
  var decayMinutes = 1

  /// The counter after `elapsed` minutes without access.
  func decayed(_ counter: UInt8, elapsed: UInt16) -> UInt8 {
    guard decayMinutes > 0 else { return counter }
    let periods = Int(elapsed) / decayMinutes
    return periods >= Int(counter) ? 0 : counter - UInt8(periods)
  }

  /// The counter after one more access; the larger it is, the less likely it grows.
  func incremented(_ counter: UInt8, random: inout RandomGenerator) -> UInt8 {
    guard counter < .max else { return counter }
    let base = max(0, Int(counter) - Int(AccessCounter.initial))
    let odds = base * max(0, logFactor) + 1
    return random.next(below: odds) == 0 ? counter + 1 : counter
  }
}

extension Database {
  /// Counts an access to `entry`: decays its counter, then perhaps increments it.
  func countAccess(_ entry: Entry) {
    let access = entry.header.access
    let elapsed = moment.minuteClock &- UInt16(truncatingIfNeeded: access >> 8)
    var counter = UInt8(truncatingIfNeeded: access)
    counter = moment.counter.decayed(counter, elapsed: elapsed)
    counter = moment.counter.incremented(counter, random: &moment.random)
    entry.header.access = UInt32(moment.minuteClock) << 8 | UInt32(counter)
  }

  /// The counter of `entry` as of now (OBJECT FREQ, eviction); nothing is changed.
  func accessFrequency(of entry: Entry) -> UInt8 {
    let access = entry.header.access
    let elapsed = moment.minuteClock &- UInt16(truncatingIfNeeded: access >> 8)
    return moment.counter.decayed(UInt8(truncatingIfNeeded: access), elapsed: elapsed)
  }

  /// Milliseconds since the last access, in steps of 16; meaningless while accesses are counted.
  func idleMilliseconds(of entry: Entry) -> Int {
    Int((moment.accessClock &- entry.header.access) & Entry.Header.accessMask) << 4
  }

  /// Seconds since the last access (OBJECT IDLETIME).
  func idleSeconds(of entry: Entry) -> Int { idleMilliseconds(of: entry) / 1000 }
}
