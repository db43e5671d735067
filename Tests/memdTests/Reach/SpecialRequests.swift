// SPDX-License-Identifier: Apache-2.0

@testable import memd

/// Requests that the declared syntax alone doesn't lead to: subcommands of DEBUG, which have no
/// syntax, settings that matter for how data is stored, sessions, and what is left out and why.
enum SpecialRequests {
  /// Commands that a run never sends, each with its reason.
  static let leftOut: [String: String] = [
    "shutdown": "ends the server",
    "replicaof": "gives the data up", "slaveof": "gives the data up",
    "failover": "gives the data up, or makes writes wait for a follower that never has them",
    "debug": "has no declared syntax; its subcommands are sent as `debugLines` has them",
  ]

  /// Subcommands of DEBUG that a run never sends, each with its reason.
  static let leftOutOfDebug: [String: String] = [
    "assert": "ends the server", "panic": "ends the server", "segfault": "ends the server",
    "populate": "followers don't get its keys",
    "config-rewrite-force-all": "there is no configuration file",
    "loadaof": "followers don't get what an old log holds",
    "set-skip-checksum-validation": "payloads with random damage would be taken for good ones",
  ]

  /// Commands that can't succeed here, each with its reason.
  static let cannotSucceed: [String: String] = [
    "config|rewrite": "there is no configuration file",
    "script|kill": "no script takes long here", "function|kill": "no function takes long here",
    "migrate": "there is no other server",
    "module|load": "there are no modules", "module|loadex": "there are no modules",
    "module|unload": "there are no modules",
  ]

  /// Options that can't be reached here, each with its reason.
  static let cannotBeReached: [String: String] = [:]

  static func reasonForFailing(_ name: String) -> String? {
    if name.hasPrefix("cluster|") { return "there is no cluster" }
    if name == "readonly" || name == "readwrite" { return "there is no cluster" }
    return cannotSucceed[name]
  }

  // MARK: - Lines

  /// What DEBUG's subcommands take.
  static let debugArguments: [String: [String]] = [
    "digest-value": ["k1 k2", "k3"], "htstats": ["0", "1 full", "9"],
    "htstats-key": ["k1", "k2 full"], "object": ["k1", "k5", "k2 fast"],
    "dict-resizing": ["0", "1", "1", "1"],
    "quicklist-packed-threshold": ["100", "1000", "0", "0"], "stringmatch-len": ["1000 *a*b"],
    "error": ["text"], "log": ["text"], "pause-cron": ["0", "0", "1"],
    "protocol": [
      "string", "integer", "double", "bignum", "null", "array", "set", "map", "verbatim", "true",
      "false",
    ],
    "replybuffer": ["peak-reset-time never", "resizing 1"],
    "set-active-expire": ["0", "1", "1", "1"], "sleep": ["0.001"],
    "reload": ["", "", "noflush merge", "merge"], "aof-flush-sleep": ["0", "100"],
  ]

  static func debugLine(_ dice: inout Dice) -> String {
    let names = DebugCommands.subcommands.map(\.name.description)
      .filter { leftOutOfDebug[$0] == nil }
    let name = dice.pick(names)
    let arguments = debugArguments[name].map { dice.pick($0) } ?? ""
    return "DEBUG \(name) \(arguments)"
  }

  /// Parameters that steer how data is stored, freed and announced, and values for them.
  static let settings: [(name: String, values: [String])] = [
    ("hash-max-listpack-entries", ["0", "2", "512"]), ("hash-max-listpack-value", ["1", "64"]),
    ("set-max-intset-entries", ["0", "3", "512"]), ("set-max-listpack-entries", ["0", "4", "128"]),
    ("set-max-listpack-value", ["2", "64"]), ("zset-max-listpack-entries", ["0", "3", "128"]),
    ("zset-max-listpack-value", ["1", "64"]),
    ("list-max-listpack-size", ["1", "4", "-1", "-2", "-5"]), ("list-compress-depth", ["0", "1"]),
    ("stream-node-max-bytes", ["0", "100", "4096"]),
    ("stream-node-max-entries", ["1", "5", "100"]),
    ("lazyfree-lazy-user-del", ["yes", "no"]),
    ("lazyfree-lazy-expire", ["yes", "no"]), ("lazyfree-lazy-eviction", ["yes", "no"]),
    ("lazyfree-lazy-server-del", ["yes", "no"]), ("lazyfree-lazy-user-flush", ["yes", "no"]),
    ("notify-keyspace-events", ["", "KEA", "KEAnmoc", "g$x", "Ex"]),
    (
      "maxmemory-policy",
      [
        "noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru",
        "volatile-lfu", "volatile-random", "volatile-ttl",
      ]
    ),
    ("maxmemory-samples", ["1", "5"]), ("activedefrag", ["yes", "no"]),
    ("active-defrag-ignore-bytes", ["1", "4mb"]), ("hz", ["1", "10", "100"]),
    ("latency-tracking", ["yes", "no"]), ("slowlog-log-slower-than", ["0", "10000", "-1"]),
    ("commandlog-request-larger-than", ["0", "100", "1048576"]),
    ("commandlog-reply-larger-than", ["0", "100", "1048576"]),
    ("slowlog-max-len", ["5", "128"]), ("latency-monitor-threshold", ["0", "1"]),
    ("tracking-table-max-keys", ["1", "10", "0"]), ("maxmemory-clients", ["0", "0", "100kb"]),
    ("appendonly", ["yes", "yes", "no"]), ("appendfsync", ["everysec", "no"]),
    ("aof-use-rdb-preamble", ["yes", "no"]), ("aof-timestamp-enabled", ["yes", "no"]),
    ("save", ["", "900 1"]), ("rdbcompression", ["yes", "no"]), ("lfu-decay-time", ["0", "1"]),
    ("prefix-accounting", ["", "k", "k s l1 h", "*", "k1 *"]),
    ("prefix-accounting-max", ["1", "3", "256"]), ("census-period", ["0", "1", "1", "-1"]),
    ("acllog-max-len", ["2", "128"]), ("client-output-buffer-limit", ["normal 0 0 0"]),
  ]

  /// A few settings for one CONFIG SET, as words.
  static func settingWords(_ dice: inout Dice, used bytes: Int) -> [String] {
    var words = ["CONFIG", "SET"]
    for _ in 0..<dice.number(1...2) {
      if dice.happens(10) {
        // About what is in use: commands evict, or are refused.
        let limit = bytes + dice.number(-50_000...90_000)
        words += ["maxmemory", dice.happens(50) ? "0" : String(limit)]
      } else {
        let setting = dice.pick(settings)
        if !words.contains(setting.name) { words += [setting.name, dice.pick(setting.values)] }
      }
    }
    return words
  }

  /// What clients do to themselves and each other, more often than by chance.
  static let sessionLines = [
    "MULTI", "MULTI", "MULTI", "CLIENT TRACKING on", "CLIENT TRACKING off",
    "CLIENT TRACKING on BCAST PREFIX k", "CLIENT TRACKING on OPTIN", "CLIENT TRACKING on OPTOUT",
    "CLIENT CACHING yes", "HELLO 3", "HELLO 2", "SELECT 0", "SELECT 0", "SELECT 1",
    "CONFIG SET maxmemory 0", "CONFIG SET maxmemory 0 maxmemory-clients 0", "RESET",
    "FLUSHDB", "SWAPDB 0 1", "WATCH k1 k2", "SAVE", "DEBUG RELOAD",
    "ACL SETUSER u1 on >pw ~k* &c* +@all", "ACL SETUSER u2 on nopass %R~* -@all +@read",
    "MEMORY CENSUS", "CLIENT UNPAUSE", "COMMAND GETKEYS SET k1 v",
    "COMMAND GETKEYSANDFLAGS SORT k1 STORE k2",
    "CONFIG SET latency-monitor-threshold 1", "DEBUG SLEEP 0.002",
  ]

  /// Commands of which few come by chance and fewer do any good; the others have weight 6.
  static func weight(of syntax: CommandSyntax) -> Int {
    switch syntax.name {
    case "flushall", "flushdb", "monitor", "sync", "psync", "client|reply", "quit", "save",
      "migrate":
      return 1
    case "client|caching", "client|kill", "client|unblock": return 4
    case "client|pause", "config|set", "config|get", "lolwut", "replconf",
      "pfselftest", "acl|load", "module|loadex", "client|no-evict":
      return 1
    case "set", "xadd", "xreadgroup", "hpexpire", "pexpire", "restore", "dump", "hsetex": return 12
    default: break
    }
    switch syntax.description.group {
    case .cluster: return 1
    case .server, .connection, .pubsub: return 2
    case .transactions: return 4
    default: return 6
    }
  }
}
