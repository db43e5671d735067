// SPDX-License-Identifier: Apache-2.0

/// Circumstances in which a command needs a second look before it runs.
///
/// Every command says which circumstances concern it; server and client say which of them prevail.
/// In the common case nothing is in both sets, and admission is one AND.
struct Gate: OptionSet, Sendable {
  let rawValue: UInt32

  /// The client has to authenticate first.
  static let authentication = Gate(rawValue: 1 << 0)
  /// The client's user may not do everything.
  static let accessControl = Gate(rawValue: 1 << 1)
  /// `maxmemory` is set: memory may have to be freed first.
  static let memory = Gate(rawValue: 1 << 2)
  /// The client is inside MULTI.
  static let transaction = Gate(rawValue: 1 << 3)
  /// Clients are paused.
  static let paused = Gate(rawValue: 1 << 4)
  /// The client is about to be closed, or its earlier requests wait.
  static let held = Gate(rawValue: 1 << 5)
  /// Somebody watches with MONITOR.
  static let monitored = Gate(rawValue: 1 << 6)
  /// The client doesn't want replies (CLIENT REPLY).
  static let silenced = Gate(rawValue: 1 << 7)
  /// A dataset is being loaded.
  static let busy = Gate(rawValue: 1 << 8)
  /// The client is subscribed in RESP2.
  static let subscribed = Gate(rawValue: 1 << 9)

  /// The client caches: the keys that it reads are remembered.
  static let tracking = Gate(rawValue: 1 << 11)
  /// CLIENT CACHING holds for the next command.
  static let caching = Gate(rawValue: 1 << 12)

  /// The client is a follower: of its requests only those run that are not answered.
  static let follower = Gate(rawValue: 1 << 13)

  /// Snapshots or the log fail, and nothing may be written that they should hold.
  static let failingDisk = Gate(rawValue: 1 << 14)

  /// This server follows another one and nobody may write here.
  static let readOnly = Gate(rawValue: 1 << 15)
  /// Its data may be old, and nobody may read them.
  static let staleData = Gate(rawValue: 1 << 16)

  /// Too few followers are near enough for anything to be written.
  static let fewReplicas = Gate(rawValue: 1 << 17)

  /// Whoever is shown data waits until enough followers have them: which connections may be is
  /// noted.
  static let promised = Gate(rawValue: 1 << 18)
  /// Enough followers have not told in time that they have what was written: nobody may read or
  /// write.
  static let lapsed = Gate(rawValue: 1 << 19)
  /// What was written some time ago can still be lost, and nobody may write more.
  static let unconfirmed = Gate(rawValue: 1 << 20)

  /// Data may have to be fresher before they are read.
  static let freshness = Gate(rawValue: 1 << 21)
  /// The client is told behind a write what point the data have reached.
  static let tokens = Gate(rawValue: 1 << 22)

  /// Clients see the old dataset while another one is being loaded.
  static let loadingBeside = Gate(rawValue: 1 << 23)

  /// A script runs for too long: only what is to end it is answered, and what changes nothing.
  static let slowScript = Gate(rawValue: 1 << 24)

  /// What every command costs is added to its keys (HOTKEYS).
  static let hotKeys = Gate(rawValue: 1 << 25)
  /// What every command does to its keys is counted by their prefixes (`prefix-accounting`).
  static let prefixes = Gate(rawValue: 1 << 26)
  /// Either: see `noteKeys`.
  static let noted: Gate = [.hotKeys, .prefixes]

  /// The command may block: this always prevails, so that blocking commands run their own way.
  static let blocking = Gate(rawValue: 1 << 10)

  /// The circumstances that concern a command with these flags.
  static func concerns(of flags: CommandFlags) -> Gate {
    var gate: Gate = [
      .accessControl, .memory, .paused, .held, .silenced, .caching, .follower, .hotKeys,
      .prefixes,
    ]
    if !flags.contains(.allowedWhileSubscribed) { gate.insert(.subscribed) }
    if !flags.contains(.noAuth) { gate.insert(.authentication) }
    if !flags.contains(.notQueued) || flags.contains(.noMulti) { gate.insert(.transaction) }
    if !flags.contains(.allowBusy) { gate.insert(.slowScript) }
    if !flags.contains(.skipMonitor) { gate.insert(.monitored) }
    // What EXEC may do depends on what was queued, before circumstances were these.
    let isExec = flags.contains(.endsTransaction)
    if !flags.contains(.loading) || isExec { gate.insert(.busy) }
    if flags.contains(.noAsyncLoading) || isExec { gate.insert(.loadingBeside) }
    if flags.contains(.readonly) { gate.insert(.tracking) }
    if !flags.isDisjoint(with: [.blocking, .mayWait]) { gate.insert(.blocking) }
    if !flags.isDisjoint(with: [.write, .probes, .runsScripts]) { gate.insert(.failingDisk) }
    if !flags.isDisjoint(with: [.write, .endsTransaction, .runsScripts]) {
      gate.formUnion([.readOnly, .fewReplicas, .unconfirmed, .tokens])
    }
    if !flags.isDisjoint(with: [.readonly, .endsTransaction, .runsScripts]) {
      gate.insert(.freshness)
    }
    if !flags.isDisjoint(with: [.readonly, .write, .endsTransaction]) {
      gate.formUnion([.promised, .lapsed])
    }
    if !flags.contains(.stale) || isExec || flags.contains(.runsScripts) {
      gate.insert(.staleData)
    }
    return gate
  }

  /// Has a circumstance prevail, or no longer.
  mutating func set(_ circumstance: Gate, _ prevails: Bool) {
    if prevails { insert(circumstance) } else { remove(circumstance) }
  }
}
