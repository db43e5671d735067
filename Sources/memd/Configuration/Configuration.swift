// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The settings of a server, as plain properties that code reads directly.
///
/// Names, aliases, ranges and texts of the directives are declared in `OptionTable`; whoever adds a
/// setting adds a property with its default here and one entry there. The values of most directives
/// that are accepted but steer nothing in memd wait in `remembered`.
final class Configuration {
  // MARK: - Network

  /// TCP port; 0 listens on none.
  var port = 6379
  /// Addresses to listen on; one with a leading '-' may be missing.
  var bind = ["*", "-::*"]
  /// Path of the unix socket; empty for none.
  var unixSocket = ""
  /// TCP port of metrics and the live page; 0 for none.
  var metricsPort = 0
  /// Addresses to listen on for them.
  var metricsBind = ["127.0.0.1", "-::1"]
  /// Permissions of the unix socket; 0 leaves them to the umask.
  var unixSocketPermissions = 0
  /// Name of the group that owns the unix socket; empty leaves it to the system.
  var unixSocketGroup = ""
  var tcpBacklog = 511
  /// Seconds of silence after which the system probes a connection; 0 never.
  var tcpKeepAliveSeconds = 300
  /// Seconds after which an idle client is closed; 0 never.
  var timeoutSeconds = 0
  var maxClients = 10000
  var protectedMode = true

  var tls = TLSConfiguration()

  // MARK: - Limits of clients

  /// Bytes of one argument of a request.
  var protoMaxBulkLength = 512 << 20
  /// Bytes of a request that has not arrived whole yet.
  var clientQueryBufferLimit = 1 << 30
  var clientOutputBufferLimits = OutputBufferLimits()
  /// Bytes that all clients together may take; negative: a percentage of `maxmemory`; 0: no limit.
  var maxMemoryClients = 0

  // MARK: - Access

  /// The password of the default user; empty if it needs none.
  var requirePass: ByteText = ""
  /// Path of the file with the users; empty for none.
  var aclFile = ""
  /// Channels that new users may use.
  var aclPubsubDefault = ChannelDefault.resetChannels
  /// Entries of ACL LOG.
  var aclLogMaxLength = 128
  var enableDebugCommand = CommandAccess.no
  var enableProtectedConfigs = CommandAccess.no
  var enableModuleCommand = CommandAccess.no

  // MARK: - Memory

  /// Bytes; 0 for no limit.
  var maxMemory = 0
  /// Bytes that the interpreter of scripts may have; 0 for no limit.
  var luaMemoryLimit = 0
  /// Milliseconds after which others are answered while a script runs; 0 never.
  var busyReplyThreshold = 5000
  var maxMemoryPolicy = MaxMemoryPolicy.noEviction
  /// Keys looked at per database and draw of an eviction.
  var maxMemorySamples = 5
  /// How long one command may evict: 0 shortest, 10 usual, 100 until there is room.
  var maxMemoryEvictionTenacity = 10
  var lfuLogFactor = 10
  /// Minutes after which a counter of accesses loses one; 0 never.
  var lfuDecayTime = 1
  var lazyFreeLazyEviction = true
  var lazyFreeLazyExpire = true
  var lazyFreeLazyServerDel = true
  var lazyFreeLazyUserDel = true
  var lazyFreeLazyUserFlush = true
  /// Sparsely used slabs are emptied in the background.
  var activeDefrag = true
  /// Free bytes in slabs from which on that begins.
  var activeDefragIgnoreBytes = 4 << 20
  /// The same in percent of the bytes in use; from `upper` on the most time is spent.
  var activeDefragThresholdLower = 10
  var activeDefragThresholdUpper = 100
  /// Percentage of the time that it may take while requests wait; at most
  /// `Server.backgroundPercent` counts.
  var activeDefragCycleMin = 1
  var activeDefragCycleMax = 25
  var activeRehashing = true
  /// Keys of which the server remembers that clients cache them; 0 for no limit.
  var trackingTableMaxKeys = 1_000_000

  // MARK: - Keyspace

  var databases = 16
  var notifyKeyspaceEvents: KeyspaceNotifications = []
  /// Switched by DEBUG SET-ACTIVE-EXPIRE; no directive.
  var activeExpireEnabled = true

  // MARK: - Encodings

  var hashMaxListpackEntries = 512
  var hashMaxListpackValue = 64
  /// Positive: items per block; -1 to -5: a size of 4, 8, 16, 32 or 64 KB.
  var listMaxListpackSize = -2
  var listCompressDepth = 0
  var setMaxIntsetEntries = 512
  var setMaxListpackEntries = 128
  var setMaxListpackValue = 64
  var zsetMaxListpackEntries = 128
  var zsetMaxListpackValue = 64
  var hllSparseMaxBytes = 3000
  var streamNodeMaxBytes = 4096
  var streamNodeMaxEntries = 100

  // MARK: - Observation

  /// Microseconds; negative turns the slow log off, 0 logs every command.
  var slowlogLogSlowerThan = 10000
  var slowlogMaxLen = 128
  /// Bytes; negative turns the log of large requests off, 0 logs every command.
  var commandlogRequestLargerThan = 1 << 20
  var commandlogLargeRequestMaxLen = 128
  /// Bytes; negative turns the log of large replies off, 0 logs every command that is answered.
  var commandlogReplyLargerThan = 1 << 20
  var commandlogLargeReplyMaxLen = 128
  /// Arguments of an entry, the command's name and the note on those left out included.
  var slowlogEntryMaxArgc = 32
  /// Bytes of an argument of an entry.
  var slowlogEntryMaxStringLen = 128
  /// Milliseconds; 0 turns the monitor off.
  var latencyMonitorThreshold = 0
  /// By what prefixes traffic and memory are accounted for.
  var prefixAccounting = PrefixAccounting.off
  /// First segments that are shown beside given prefixes.
  var prefixAccountingMax = 64
  /// Seconds from one census of the keys to the next; 0 for none, negative: as the others want it.
  var censusPeriod = -1
  var latencyTracking = true
  var latencyTrackingInfoPercentiles = [50, 99, 99.9]
  var logLevel = LogLevel.notice
  var logFormat = LogFormat.default
  /// Empty for standard output.
  var logFile = ""
  var syslogEnabled = false
  var syslogIdent: ByteText = "memd"
  var syslogFacility = SyslogFacility.local0
  var crashLogEnabled = true

  // MARK: - Process

  var daemonize = false
  /// Empty for none; a daemon has one in any case.
  var pidFile = ""
  var supervised = SupervisionMode.no
  /// The working directory, absolute once it was set.
  var dir = "."
  /// Periodic chores per second, 1 to 500.
  var hz = 10
  var shutdownOnSigint: ShutdownFlags = []
  var shutdownOnSigterm: ShutdownFlags = []
  /// How long the end waits for followers; 0: not at all.
  var shutdownTimeoutSeconds = 10
  var oomScoreAdjustment = OutOfMemoryAdjustment.no
  /// Scores of a primary, a follower and a child.
  var oomScoreAdjustmentValues = [0, 200, 800]
  var disableHugePages = true
  var setProcTitle = true
  var procTitleTemplate = Configuration.defaultProcTitleTemplate

  // MARK: - Replication

  var replBacklogSize = 1 << 20
  /// How long the history is kept when there are no followers; 0: for ever.
  var replBacklogTTLSeconds = 3600
  /// Seconds between two PINGs to followers.
  var replPingReplicaPeriodSeconds = 10
  /// Seconds after which a silent follower, or leader, is given up.
  var replTimeoutSeconds = 60
  /// Whether followers get snapshots from memory, without a file.
  var replDisklessSync = true
  /// Seconds to wait for more followers before such a snapshot begins, and how many end the wait
  /// (0: none).
  var replDisklessSyncDelay = 5
  var replDisklessSyncMaxReplicas = 0
  var replDisableTCPNoDelay = false
  /// Without so many followers that were heard of in the last seconds nobody may write; 0: no
  /// limit.
  var minReplicasToWrite = 0
  var minReplicasMaxLag = 10
  /// So many followers must have what anybody is shown; 0: none. So many milliseconds that may take
  /// (0: any time), and what then.
  var syncReplicas = 0
  var syncReplicasTimeout = 10_000
  var syncReplicasOnTimeout = LapseConsequence.refuse
  /// Milliseconds of writes that may be lost; 0: any. So many followers must have the others; 0:
  /// the disk.
  var maxUnconfirmed = 0
  var maxUnconfirmedReplicas = 1
  /// Whether writers wait for followers that fall behind.
  var replicaBackpressure = false
  /// The server to follow; nil leads.
  var replicaOf: LeaderAddress?
  /// What a follower tells its leader.
  var masterUser = ByteText()
  var masterAuth = ByteText()
  var replicaAnnounceIP = ByteText()
  var replicaAnnouncePort = 0
  var replicaAnnounced = true
  var replicaPriority = 100
  /// Whether a follower's clients may write.
  var replicaReadOnly = true
  /// Whether they may read while the link to the leader is down.
  var replicaServeStaleData = true
  /// So old a follower's data may be when they are read, in milliseconds; 0: any age.
  var replicaMaxAge = 0
  /// Seconds in which a leader compares its keys with its followers' at most once; 0: never. So
  /// many bytes of the stream that takes at most.
  var replicaVerifyPeriod = 60
  var replicaVerifyMaxBytesPerSecond = 2 << 10
  /// Where a follower loads a snapshot of its leader, and whether the data that it replaces are
  /// freed in slices if they have to go first.
  var replDisklessLoad = DisklessLoad.auto
  var replicaLazyFlush = false
  var replicaIgnoreMaxMemory = true
  /// The address from which connections to other servers come.
  var bindSourceAddr = ByteText()

  // MARK: - Persistence

  var dbFilename = "dump.rdb"
  /// When to save; without rules the end of the server doesn't either.
  var saveRules = SaveRule.defaults
  /// The rules are the default ones: the first that the configuration names replaces them.
  var hasDefaultSaveRules = true
  var rdbCompression = true
  var rdbChecksum = true
  /// Whether a snapshot of the leader leaves no file where nothing else is saved.
  var rdbDelSyncFiles = false
  var rdbSaveIncrementalFsync = true
  var stopWritesOnBgsaveError = true
  var snapshotImageLimit = 64 << 20
  /// Whether changes are logged, under which names, and how durably.
  var appendOnly = false
  var appendFilename = "appendonly.aof"
  var appendDirname = "appendonlydir"
  var appendFsync = AppendFsync.everySecond
  /// Nothing of the log is synced while a snapshot is being written.
  var noAppendFsyncOnRewrite = false
  /// The log is rewritten when it has grown by so many percent, 0 never, and has so many bytes.
  var autoAofRewritePercentage = 100
  var autoAofRewriteMinSize = 64 << 20
  var aofUseRdbPreamble = true
  var aofTimestampEnabled = false
  var aofRewriteIncrementalFsync = true
  /// Files of the log that are no longer read stay.
  var aofDisableAutoGC = false
  /// A log that ends in the middle of something is cut there, one whose last bytes are damaged is
  /// if there are not more of them than this.
  var aofLoadTruncated = true
  var aofLoadCorruptTailMaxSize = 0
  /// Microseconds by which loading at start waits behind each key; negative: a part of one, so that
  /// -50 means a fiftieth.
  var keyLoadDelay = 0
  /// The same for a save in the background.
  var rdbKeySaveDelay = 0
  /// Bytes of a snapshot behind which other events have their turn, if it isn't time before.
  var loadingProcessEventsIntervalBytes = 2 << 20

  // MARK: - Not directives

  /// Users that the file declares (`user`), in order.
  var declaredUsers: [DeclaredUser] = []
  /// Other names of commands (`rename-command`), in order; an empty one forbids the command.
  var renamedCommands: [(name: ByteText, newName: ByteText)] = []
  /// Made for checking such lines, dropped when all are read.
  var commandsForChecks: AnyObject?
  /// Absolute path of the file the configuration was read from; empty if there is none.
  var configFile = ""
  /// Values of directives that are accepted without effect, by name, where they differ from the
  /// default. Looked up only, never iterated.
  var remembered: [String: ByteText] = [:]
  /// Where options were set last, by name; those that aren't here have their default. Looked up
  /// only, never iterated.
  private var places: [String: ConfigurationPlace] = [:]
  /// Changes the working directory and returns its absolute path, or says why not. Start-up puts
  /// the system's here; a simulation has no working directory.
  var changeDirectory: (String) throws(OptionError) -> String = { path throws(OptionError) in path }
  /// Applies changed options; a failure makes CONFIG SET go back to the old values.
  var changeObserver: ((ConfigurationChange) throws(ConfigurationChange.Failure) -> Void)?

  /// Notes where a directive stands that took effect.
  func note(_ name: ByteText, at place: ConfigurationPlace) {
    if let entry = OptionTable.find(name) {
      places[entry.option.name] = place
    } else if name == "user", let last = declaredUsers.indices.last {
      declaredUsers[last].place = place
    }
  }

  /// Where an option was set before the server ran; nil if it has its default.
  func place(of name: String) -> ConfigurationPlace? { places[name] }

  /// The path of something in the working directory, which holds although that may change; in a
  /// simulation there is none.
  func path(inDirectory name: String) -> String { dir.hasPrefix("/") ? "\(dir)/\(name)" : name }

  /// The port that the server is named after.
  var mainPort: Int { port != 0 ? port : tls.port }

  static let defaultProcTitleTemplate: ByteText = "{title} {listen-addr} {server-mode}"
}
