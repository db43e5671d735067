// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The logarithmic access counter of LFU: 8 bits that count about a million accesses.
///
/// Source: Morris, "Counting large numbers of events in small registers" (1978), with a decay per
/// minutes without access, in the parameters of redis.conf (`lfu-log-factor`, `lfu-decay-time`).
struct AccessCounter {
  /// New keys start above zero, so that they aren't evicted before they are used again.
  static let initial: UInt8 = 5

  /// The time of the last access stands above the counter, in units of 1/32 minute.
  static let clockMask: UInt32 = (1 << 21) - 1

  var logFactor = 10
  var decayMinutes = 1

  /// What an entry remembers: a counter and the time of the last access.
  static func access(_ counter: UInt8, at clock: UInt32) -> UInt32 {
    clock << 8 | UInt32(counter)
  }

  /// How often a minute has begun since the last access.
  static func minutes(since access: UInt32, at clock: UInt32) -> UInt16 {
    UInt16(truncatingIfNeeded: clock >> 5 &- access >> 13)
  }

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
    let elapsed = AccessCounter.minutes(since: access, at: moment.frequencyClock)
    var counter = UInt8(truncatingIfNeeded: access)
    counter = moment.counter.decayed(counter, elapsed: elapsed)
    counter = moment.counter.incremented(counter, random: &moment.random)
    entry.note(access: AccessCounter.access(counter, at: moment.frequencyClock))
  }

  /// The counter of `entry` as of now (OBJECT FREQ, eviction); nothing is changed.
  func accessFrequency(of entry: Entry) -> UInt8 {
    let access = entry.header.access
    let elapsed = AccessCounter.minutes(since: access, at: moment.frequencyClock)
    return moment.counter.decayed(UInt8(truncatingIfNeeded: access), elapsed: elapsed)
  }

  /// How seldom an entry was accessed; of two with the same counter the one that was accessed
  /// earlier ranks higher. Does not change until the counter does.
  func seldomness(of entry: Entry) -> UInt64 {
    let idle = (moment.frequencyClock &- entry.header.access >> 8) & AccessCounter.clockMask
    let lastAccess = moment.milliseconds / 1875 &- Int64(idle)
    let earliness = UInt64(UInt32.max &- UInt32(truncatingIfNeeded: lastAccess))
    return UInt64(255 - accessFrequency(of: entry)) << 32 | earliness
  }

  /// How long ago an entry was accessed, as a number that does not change until it is again.
  func earliness(of entry: Entry) -> UInt64 {
    let idle = (moment.accessClock &- entry.header.access) & Entry.Header.accessMask
    let lastAccess = moment.milliseconds >> 4 &- Int64(idle)
    return UInt64.max &- UInt64(truncatingIfNeeded: lastAccess)
  }

  /// Milliseconds since the last access, in steps of 16; meaningless while accesses are counted.
  func idleMilliseconds(of entry: Entry) -> Int {
    Int((moment.accessClock &- entry.header.access) & Entry.Header.accessMask) << 4
  }

  /// Seconds since the last access (OBJECT IDLETIME).
  func idleSeconds(of entry: Entry) -> Int { idleMilliseconds(of: entry) / 1000 }
}
