// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// When the periodic chores are done.
struct Cron {
  /// Monotonic nanoseconds.
  var next: Int64 = 0
  /// How often they were done.
  var count = 0
  /// Switched by DEBUG PAUSE-CRON.
  var isPaused = false
}

extension Server {
  /// Periodic chores, `hz` times a second.
  func runCron() {
    let started = clock.ticks()
    cron.count &+= 1
    metrics.rates.sample(statistics, monotonic: clock.monotonicNanoseconds())
    statistics.memoryPeak = max(statistics.memoryPeak, evictableMemory)
    endHotKeysInTime()
    considerCensus()
    // Who has asked while a script was busy has woken nobody.
    heedMonitors()
    runClientCron()
    considerSaving()
    considerRewriting()
    considerFullSync()
    if persistence.loading == nil { considerCompaction() }
    pingFollowers()
    tendLink()
    expireLocalKeys()
    migrationConnections.closeIdle(now: clock.monotonicNanoseconds())
    if cron.count % max(1, configuration.hz) == 0 {
      clock.refineCalibration()
      considerTLSReload()
      retryLog()
      if followers.all.isEmpty { considerForgettingHistory() } else { tendFollowers() }
    }
    statistics.cronMicroseconds += clock.microseconds(from: started, to: clock.ticks())
  }

  /// Takes over what the configuration says; called at start and after CONFIG SET.
  func applyConfiguration() {
    updateSlowTicks()
    updateOutputWatermark()
    updateLoggedSizes()
    updatePrefixAccounting()
    updateCensus()
    keyspace.limits.update(from: configuration)
    metrics.commands.tracksLatency = configuration.latencyTracking
    if configuration.maxMemory > 0 { gate.insert(.memory) } else { gate.remove(.memory) }
    // Scores of another policy mean nothing to this one.
    upkeep.eviction.reset(sampleCount: configuration.maxMemorySamples)
    moment.countsAccesses = configuration.maxMemoryPolicy.countsAccesses
    moment.counter.logFactor = configuration.lfuLogFactor
    moment.counter.decayMinutes = configuration.lfuDecayTime
    updateDiskGate()
    updateFollowerState()
    countGoodFollowers()
    if persistence.savingContinuesAt < .max { persistence.savingContinuesAt = 0 }
    effects.removesWithDel = !configuration.lazyFreeLazyExpire
    // Other thresholds: what was hopeless may not be any more.
    upkeep.compaction.noteFreeBytes(0)
    effects.tracking?.enforceLimit()
    effects.stream.resize(to: configuration.replBacklogSize)
  }
}
