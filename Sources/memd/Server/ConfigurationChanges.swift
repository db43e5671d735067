// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

extension Server {
  /// Takes over options that were changed while the server runs.
  ///
  /// - Throws: why a change is impossible; CONFIG SET goes back to the old values then and calls
  ///   this again.
  func apply(_ change: ConfigurationChange) throws(ConfigurationChange.Failure) {
    log.level = configuration.logLevel
    log.format = configuration.logFormat
    applyConfiguration()
    try applyEncryption(change)
    if change.effects.contains(.listeners) { try applyListeners(change) }
    if change.effects.contains(.password) { applyPassword() }
    if change.names.contains("notify-keyspace-events") { updateKeyspaceEvents() }
    if change.names.contains("appendonly") { try applyAppendOnly() }
    if change.names.contains("aof-disable-auto-gc") { applyHistoryRemoval() }
    if change.names.contains("maxmemory") { warnOfMaxMemory() }
    if change.effects.contains(.memory) { upkeep.eviction.continues = configuration.maxMemory > 0 }
    if change.names.contains("sync-replicas") { applySyncReplicas(isLapsed: false) }
    if change.names.contains(where: { $0.hasPrefix("max-unconfirmed") }) { applyBound() }
    updateDumpClaim()
  }

  private func applyListeners(
    _ change: ConfigurationChange
  ) throws(ConfigurationChange.Failure) {
    do throws(ListenError) {
      try updateListeners()
    } catch {
      if let option = change.names.first(where: { $0 == "port" || $0 == "tls-port" }) {
        throw ConfigurationChange.Failure(
          option: option, message: "Unable to listen on this port. Check server logs.")
      }
      throw ConfigurationChange.Failure(
        option: "bind", message: "Failed to bind to specified addresses.")
    }
  }

  /// The default user gets the password of `requirepass`, or needs none if that is empty.
  func applyPassword() {
    var rules = users.defaultUser.rules
    rules.setPasswords(needsNone: configuration.requirePass.isEmpty)
    if !configuration.requirePass.isEmpty {
      let password = configuration.requirePass
      rules.add(PasswordHash(of: password.rawSpan))
    }
    change(users.defaultUser.name, to: rules)
  }

  private func warnOfMaxMemory() {
    let limit = configuration.maxMemory
    guard limit > 0, allocator.bytesInUse > limit else { return }
    log.warning(
      "WARNING: maxmemory (\(limit)) is less than the memory in use (\(allocator.bytesInUse)):"
        + " keys will be evicted, or writes refused, depending on maxmemory-policy.")
  }
}

extension Server {
  /// Starts all counting anew (CONFIG RESETSTAT).
  func resetStatistics() {
    statistics.reset()
    upkeep.compaction.counts = Compaction.Counts()
    keyspace.unlinked.resetCount()
    keyspace.statistics.reset()
    metrics.commands.reset()
    metrics.errors.reset()
    metrics.turns.reset()
    upkeep.expiration.lag.reset()
    metrics.prefixes.reset()
    resetVerificationCounts()
  }
}
