// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

extension Server {
  /// Periodic chores, `hz` times a second.
  func runCron() {
    cronCount &+= 1
    rates.sample(statistics, monotonic: clock.monotonicNanoseconds())
    statistics.memoryPeak = max(statistics.memoryPeak, allocator.bytesInUse)
    if cronCount % max(1, configuration.hz) == 0 { clock.refineCalibration() }
  }

  /// Takes over what the configuration says; called at start and after CONFIG SET.
  func applyConfiguration() {
    updateSlowTicks()
    commandStatistics.tracksLatency = configuration.latencyTracking
    if configuration.maxMemory > 0 { gate.insert(.memory) } else { gate.remove(.memory) }
    moment.countsAccesses = configuration.maxMemoryPolicy.countsAccesses
    moment.counter.logFactor = configuration.lfuLogFactor
    moment.counter.decayMinutes = configuration.lfuDecayTime
    effects.removesWithDel = !configuration.lazyFreeLazyExpire
    effects.backlog.resize(to: configuration.replBacklogSize)
  }

  /// Ends a pause whose time has come; clients that waited go on.
  func endPauseIfDue(monotonic now: Int64) {
    guard let end = pause.endsAt(monotonic: now), end <= now else { return }
    endPause()
  }

  /// Ends a pause; clients that waited go on.
  func endPause() {
    pause.cancel()
    gate.remove(.paused)
    moment.expiryMode = .remove
    for client in clients.all where client.flags.contains(.parked) {
      client.flags.remove(.parked)
      client.updateGate()
      resume(client)
    }
  }

  /// SIGTERM and SIGINT end the server; SIGHUP is ignored, as the log is reopened anyway.
  func handleSignal(_ number: Int32) {
    if number == 1 { return }
    log.warning("Received SIGTERM scheduling shutdown...")
    isStopped = true
  }

  /// Puts a request back to the front of the client's input: it runs when the client may again.
  func postpone(_ call: borrowing Call) {
    let client = call.client
    client.flags.insert(.parked)
    client.updateGate()
    postponed.append(Postponed(client: client, arguments: KeptArguments(call.arguments)))
  }
}

/// A request that may not run yet.
struct Postponed {
  let client: Client
  let arguments: KeptArguments
}
