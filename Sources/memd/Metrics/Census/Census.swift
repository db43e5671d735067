// SPDX-License-Identifier: Apache-2.0
//
// The census: the server walks over its own keys, again and again, to know where its memory is:
// by type, database and prefix, and which keys are largest. So nobody has to SCAN for that.
//
//     begins    when `metrics-port` or `prefix-accounting` is set, or as `census-period` says
//     costs     slices of 100 us, and 99 times as long nothing: a hundredth of the time
//     rests     until the period is over, and on while nothing is written
//
// While it is off there is nothing but a time at which it goes on: never.

import DataStructures
import EventLoop

/// The census of the keys: the pass under way, and what the last one has found.
final class Census {
  /// Whatever changes the keys, counted: as long as these are the same, so is the result.
  struct Mark: Equatable {
    let changes: Int
    let removals: Int
    let upheavals: Int
    let rules: PrefixAccounting
    let shown: Int
  }

  /// Memory of the keys that a result names, roughly.
  static let largestByteCount =
    CensusResult.Largest.capacity
    * (MemoryLayout<CensusResult.Key>.stride + CensusResult.Key.nameByteCountMax)

  /// Monotonic nanoseconds at which something is to be done; `.max` while there is no census.
  fileprivate(set) var continuesAt = Int64.max
  fileprivate(set) var pass: CensusPass?
  /// Of the last pass that has come to its end.
  fileprivate(set) var result: CensusResult?
  fileprivate(set) var passCount = 0
  /// Monotonic nanoseconds at which the last pass ended, or at which its result still held.
  fileprivate(set) var confirmedAt: Int64 = 0
  /// When the pass under way, or the last one, began.
  fileprivate var beganAt: Int64 = 0
  fileprivate var mark: Mark?
  /// How often the pass under way has begun anew.
  fileprivate var restartCount = 0

  var isOn: Bool { continuesAt != .max }

  /// Memory that it takes, roughly; every write looks at it if there is a `maxmemory`.
  private(set) var byteCount = 0

  fileprivate func measure() {
    byteCount =
      (pass?.byteCount ?? 0)
      + (result.map { $0.prefixes.count * 128 + 2 * Census.largestByteCount } ?? 0)
  }

  fileprivate func end() {
    byteCount = 0
    continuesAt = .max
    pass = nil
    result = nil
    mark = nil
  }
}

extension Server {
  private static let second: Int64 = 1_000_000_000
  /// A slice is followed by a pause of so many times its length less one.
  private static let shareOfTime: Int64 = 100
  private static let sliceMicroseconds: UInt64 = 100
  /// What a slice took beyond this, the machine has taken.
  private static let costMicrosecondsMax: Double = 5000
  /// Where the clock stands still (in tests) a slice ends nevertheless.
  private static let stepsPerSlice = 64
  /// A pass during which databases are emptied or swapped begins anew, but not for ever.
  private static let restartsMax = 3
  /// Seconds of `census-period` -1.
  private static let usualPeriod: Int64 = 60

  /// Seconds between two passes; nil if there are to be none.
  private var censusPeriod: Int64? {
    let period = configuration.censusPeriod
    if period >= 0 { return period == 0 ? nil : Int64(period) }
    let isWanted = configuration.metricsPort != 0 || !configuration.prefixAccounting.isOff
    return isWanted ? Server.usualPeriod : nil
  }

  private var censusMark: Census.Mark {
    let counts = keyspace.statistics
    return Census.Mark(
      changes: effects.changeCount,
      removals: counts.expiredKeys &+ counts.expiredFields &+ counts.evictedKeys,
      upheavals: keyspace.upheavalCount, rules: configuration.prefixAccounting,
      shown: configuration.prefixAccountingMax)
  }

  /// Begins or ends the census, as the configuration says.
  func updateCensus() {
    let census = metrics.census
    guard let period = censusPeriod else { return census.end() }
    let now = clock.monotonicNanoseconds()
    guard census.isOn, let mark = census.mark, mark.rules == configuration.prefixAccounting,
      mark.shown == configuration.prefixAccountingMax
    else {
      census.pass = nil
      census.continuesAt = now
      return
    }
    if census.pass == nil {
      census.continuesAt = min(
        census.continuesAt, max(now, census.beganAt + period * Server.second))
    }
  }

  /// Has a pass begin at once if all keys of a database have come or gone since the last one; a
  /// periodic chore.
  func considerCensus() {
    let census = metrics.census
    guard census.isOn, census.pass == nil, let mark = census.mark,
      mark.upheavals != keyspace.upheavalCount
    else { return }
    census.continuesAt = min(census.continuesAt, timing.turnStartedAt)
  }

  /// Does the next slice, or decides that there is nothing to do.
  func continueCensus() {
    let census = metrics.census
    let now = timing.turnStartedAt
    guard let period = censusPeriod else { return census.end() }
    guard persistence.loading == nil || persistence.isLoadingBeside else {
      census.continuesAt = now + Server.second / 10
      return
    }
    guard readyCensusPass(period) else { return }
    let start = clock.ticks()
    let isDone = walkCensus(
      until: start &+ timing.ticksPerMillisecond / 1000 * Server.sliceMicroseconds)
    let spent = clock.microseconds(from: start, to: clock.ticks())
    let cost = Int64(min(spent, Server.costMicrosecondsMax) * 1000)
    let pause = cost * (Server.shareOfTime - 1)
    census.continuesAt = now + max(pause, Server.second / 1000)
    guard isDone, let pass = census.pass else { return census.measure() }
    var result = pass.ended(at: moment.milliseconds)
    result.isDisturbed = pass.upheavalCount != keyspace.upheavalCount
    census.pass = nil
    census.result = result
    census.measure()
    census.passCount += 1
    census.confirmedAt = now
    census.continuesAt = max(census.continuesAt, census.beganAt + period * Server.second)
  }

  /// Sees to it that there is a pass to go on with; false if there is nothing to count anew.
  private func readyCensusPass(_ period: Int64) -> Bool {
    let census = metrics.census
    let now = timing.turnStartedAt
    if let pass = census.pass {
      guard pass.upheavalCount != keyspace.upheavalCount,
        census.restartCount < Server.restartsMax
      else { return true }
      census.restartCount += 1
    } else if census.result != nil, census.mark == censusMark {
      census.confirmedAt = now
      census.continuesAt = now + period * Server.second
      return false
    } else {
      census.beganAt = now
      census.restartCount = 0
    }
    census.mark = censusMark
    beginCensusPass()
    return true
  }

  private func beginCensusPass() {
    metrics.census.pass = CensusPass(
      keyspace, configuration.prefixAccounting, shown: configuration.prefixAccountingMax,
      startedAt: moment.milliseconds)
  }

  /// Takes steps for as long as a slice may take; true at the end of the pass.
  private func walkCensus(until deadline: UInt64) -> Bool {
    let census = metrics.census
    guard var pass = census.pass else { return true }
    census.pass = nil
    var isDone = false
    var steps = 0
    repeat {
      isDone = pass.step(in: keyspace)
      steps += 1
    } while !isDone && steps < Server.stepsPerSlice && clock.ticks() < deadline
    census.pass = pass
    return isDone
  }
}
