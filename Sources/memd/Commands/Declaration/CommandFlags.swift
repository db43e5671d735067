// SPDX-License-Identifier: Apache-2.0

/// Properties of a command: those that COMMAND INFO shows and those that only the server reads.
struct CommandFlags: OptionSet, Sendable {
  let rawValue: UInt64

  // MARK: - Shown by COMMAND INFO

  static let write = CommandFlags(rawValue: 1 << 0)
  static let readonly = CommandFlags(rawValue: 1 << 1)
  /// May make the dataset larger, so it is refused once `maxmemory` is reached.
  static let denyOOM = CommandFlags(rawValue: 1 << 2)
  static let admin = CommandFlags(rawValue: 1 << 3)
  static let pubsub = CommandFlags(rawValue: 1 << 4)
  static let noScript = CommandFlags(rawValue: 1 << 5)
  static let blocking = CommandFlags(rawValue: 1 << 6)
  /// Runs while a dataset is loaded.
  static let loading = CommandFlags(rawValue: 1 << 7)
  /// Runs on a follower whose data is stale.
  static let stale = CommandFlags(rawValue: 1 << 8)
  static let skipMonitor = CommandFlags(rawValue: 1 << 9)
  static let skipSlowLog = CommandFlags(rawValue: 1 << 10)
  static let asking = CommandFlags(rawValue: 1 << 11)
  static let fast = CommandFlags(rawValue: 1 << 12)
  /// Runs before the client has authenticated.
  static let noAuth = CommandFlags(rawValue: 1 << 13)
  static let noMandatoryKeys = CommandFlags(rawValue: 1 << 14)
  static let noAsyncLoading = CommandFlags(rawValue: 1 << 15)
  static let noMulti = CommandFlags(rawValue: 1 << 16)
  static let allowBusy = CommandFlags(rawValue: 1 << 17)
  static let movableKeys = CommandFlags(rawValue: 1 << 18)

  // MARK: - Internal

  /// Sends something to followers although it is not a write.
  static let mayReplicate = CommandFlags(rawValue: 1 << 32)
  /// Takes effect at once inside MULTI instead of being queued (EXEC, DISCARD, WATCH, QUIT, RESET).
  static let notQueued = CommandFlags(rawValue: 1 << 33)
  /// Changes how the rest of the connection's input is read, or whether it runs.
  static let parserBarrier = CommandFlags(rawValue: 1 << 34)
  /// A container whose subcommands carry the handlers (CLIENT, CONFIG).
  static let container = CommandFlags(rawValue: 1 << 35)
  /// Touches keys that the client did not name (SCAN, RANDOMKEY), so that its deletions are
  /// propagated without a surrounding MULTI.
  static let touchesArbitraryKeys = CommandFlags(rawValue: 1 << 37)
  /// Propagated even if nothing changed.
  static let alwaysPropagates = CommandFlags(rawValue: 1 << 38)

  /// Concerns no keys, although its group does (WAITAOF).
  static let keyless = CommandFlags(rawValue: 1 << 36)
  /// May have its client wait, though COMMAND INFO doesn't call it blocking (SHUTDOWN).
  static let mayWait = CommandFlags(rawValue: 1 << 46)
  /// Comes in streams of changes and in logs, though it changes nothing (SELECT, PING).
  static let inStreams = CommandFlags(rawValue: 1 << 45)
  /// Executes what was queued (EXEC).
  static let endsTransaction = CommandFlags(rawValue: 1 << 39)
  /// Runs a script, which may do anything (EVAL).
  static let runsScripts = CommandFlags(rawValue: 1 << 47)
  /// What it runs is a function, whose name comes first (FCALL).
  static let callsFunctions = CommandFlags(rawValue: 1 << 49)
  /// Scripts may call it if DEBUG SET-DISABLE-DENY-SCRIPTS says so (DEBUG).
  static let debugs = CommandFlags(rawValue: 1 << 50)
  /// Runs while the client is subscribed in RESP2.
  static let allowedWhileSubscribed = CommandFlags(rawValue: 1 << 41)
  /// CLIENT CACHING goes on holding behind it.
  static let keepsCaching = CommandFlags(rawValue: 1 << 48)
  /// Answers by messages, which CLIENT REPLY doesn't silence.
  static let answersByPushes = CommandFlags(rawValue: 1 << 42)
  /// Runs for a follower behind SYNC.
  static let fromFollowers = CommandFlags(rawValue: 1 << 43)
  /// Tells whether the server is well: refused like a write while snapshots fail (PING).
  static let probes = CommandFlags(rawValue: 1 << 44)
  /// For the server's own needs, not for applications (COMMAND DOCS' syscmd).
  static let system = CommandFlags(rawValue: 1 << 40)

  /// Names in COMMAND INFO, in bit order.
  static let names: [(CommandFlags, StaticString)] = [
    (.write, "write"), (.readonly, "readonly"), (.denyOOM, "denyoom"), (.admin, "admin"),
    (.pubsub, "pubsub"), (.noScript, "noscript"), (.blocking, "blocking"), (.loading, "loading"),
    (.stale, "stale"), (.skipMonitor, "skip_monitor"), (.skipSlowLog, "skip_slowlog"),
    (.asking, "asking"), (.fast, "fast"), (.noAuth, "no_auth"),
    (.noMandatoryKeys, "no_mandatory_keys"), (.noAsyncLoading, "no_async_loading"),
    (.noMulti, "no_multi"), (.allowBusy, "allow_busy"), (.movableKeys, "movablekeys"),
  ]
}

/// The family a command is documented under.
enum CommandGroup: String, Sendable {
  case generic, string, list, set, sortedSet = "sorted-set", hash, pubsub, transactions, connection
  case server, scripting, hyperloglog, cluster, geo, stream, bitmap
}
