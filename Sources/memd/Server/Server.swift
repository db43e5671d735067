// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import PubSub
import RESP

/// The server: it owns the parts and does nothing itself. What it does is spread over extensions
/// named after the phases of a turn (`Turn`, `Gather`, `Execution`, `Flush`, `Timers`).
@safe
final class Server {
  let configuration: Configuration
  let clock: Clock
  let transport: Transport
  let disk: Disk
  let helpers: Helpers
  let log: Log
  /// 40 hexadecimal digits that name this run of the server.
  let runID: String
  /// Randomness that nobody can guess.
  let secretWord: () -> UInt64

  let allocator: Allocator
  let moment: Moment
  let effects: Effects
  let keyspace: Keyspace
  let subscriptions: SubscriptionRegistry
  let commands: CommandTable
  let users: Users
  let accessLog = AccessLog()
  let clients = ClientTable()
  let statistics = Statistics()
  let commandStatistics: CommandStatisticsTable
  let errorStatistics = ErrorStatistics()
  let errorText = ErrorText()
  let slowLog = SlowLog()
  let latencyMonitor = LatencyMonitor()
  let turnDurations = TurnDurations()
  let rates = Rates()
  let batch = Batch()
  /// Received bytes that may become values as they are.
  let arrivals = Arrivals()
  let listeners = Listeners()
  var acceptance = Acceptance()

  // MARK: - State of the loop

  /// Circumstances of the server in which commands need a second look.
  var gate: Gate = .blocking
  var pause = Pause()
  var isStopped = false
  /// What the process returns at its end.
  var exitCode: Int32 = 0
  var events = EventList()
  let arena: UnsafeMutableRawBufferPointer
  var arenaUsed = 0
  /// Where the slices of the request that is being read begin in the batch's buffer.
  var partialStart = 0
  /// Clients with output, in the order in which it arose.
  var writers = ClientList()
  /// Clients that go on in the next turn without new bytes.
  var resuming: [Client] = []
  /// Whether clients are being served whose keys have become ready.
  var isServing = false
  /// Requests that were refused until a pause ends, in order.
  var postponed: [Postponed] = []
  let expiration: Expiration
  let compaction: Compaction
  let persistence = Persistence()
  let migrationConnections = MigrationConnections()
  let eviction: Eviction
  /// Bytes in the buffers of all clients.
  var clientMemory = 0
  /// Nobody was left to close for `maxmemory-clients`; until the next chore that won't change.
  var clientEvictionIsFutile = false
  /// Output of a client from which on it may be over a limit.
  var outputWatermark = Int.max
  /// Where the periodic look at clients goes on.
  var clientCursor = 0
  var clientPeaks = ClientPeaks()
  var replyPool = ReplyPool()
  var pushes = PendingPushes()
  let messageText = MessageText()
  /// Closed clients that still have to leave channels, so many that it takes several turns.
  var leaving: [Client] = []
  /// The part of `clientMemory` that the allocator counts, too: what clients share, and tables.
  var clientMemoryElsewhere = 0
  var monitors: [Client] = []
  /// Clients that get the stream of effects.
  var followers: [Client] = []
  /// Monotonic nanoseconds of the next PING to them.
  var nextFollowerPing: Int64 = 0
  /// Wall time, in seconds, of the last warning of an attack through HTTP.
  var lastSecurityWarning: Int64 = 0

  // MARK: - Time

  /// Reading of the clock when the last command ended.
  var stopwatch: UInt64 = 0
  /// Reading at which `moment` is more than a millisecond old.
  var momentExpiresAt: UInt64 = 0
  let ticksPerMillisecond: UInt64
  /// Reading at the end of the last slice of background work.
  var backgroundEndedAt: UInt64 = 0
  /// Commands that take longer are looked at by slow log and latency monitor.
  var slowTicks = UInt64.max
  /// Monotonic nanoseconds at the start of the turn, and how long the last turn took.
  var turnStartedAt: Int64 = 0
  var turnNanoseconds: Int64 = 0
  /// Monotonic nanoseconds.
  var nextCron: Int64 = 0
  var cronCount = 0
  /// Switched by DEBUG PAUSE-CRON.
  var isCronPaused = false
  let startedAt: Int64

  /// - Parameter families: the commands that the server knows.
  init(
    configuration: Configuration, world: World, log: Log,
    families: [any CommandFamily.Type] = unsafe CommandTable.families
  ) {
    self.configuration = configuration
    self.log = log
    clock = world.clock
    transport = world.transport
    disk = world.disk
    helpers = world.helpers
    var random = RandomGenerator(seed: world.seed)
    runID = Identity.make(&random)
    allocator = Allocator.create()
    let seed = HashSeed(k0: random.next(), k1: random.next())
    moment = Moment(
      microseconds: clock.wallMicroseconds(), random: RandomGenerator(seed: random.next()))
    startedAt = moment.milliseconds
    let stream = ReplicationStream(
      capacity: configuration.replBacklogSize, replicationID: Identity.make(&random))
    effects = Effects(stream: stream)
    keyspace = Keyspace(
      databaseCount: configuration.databases, allocator: allocator, seed: seed, moment: moment,
      attention: effects.attention, observer: effects, received: arrivals,
      random: RandomGenerator(seed: random.next()))
    subscriptions = SubscriptionRegistry(allocator: allocator, seed: seed)
    compaction = Compaction(keyspace)
    expiration = Expiration(keyspace)
    eviction = Eviction(keyspace)
    commands = CommandTable(families: families)
    for (name, newName) in configuration.renamedCommands {
      // Checked when the line was read; what this table doesn't have can't be called anyway.
      try? commands.rename(name, to: newName)
    }
    users = Users(commands)
    commandStatistics = CommandStatisticsTable(
      count: commands.descriptions.count, ticksPerMicrosecond: clock.ticksPerMicrosecond)
    ticksPerMillisecond = clock.ticks(microseconds: 1000)
    allocator.deferLargeFrees()
    unsafe arena = .allocate(byteCount: 512 << 10, alignment: 4096)
    secretWord = world.secretWord
    applyConfiguration()
    updateKeyspaceEvents()
    applyPassword()
    configuration.changeObserver = {
      [unowned self] change throws(ConfigurationChange.Failure) in try apply(change)
    }
  }

  deinit {
    unsafe arena.deallocate()
    for client in leaving + clients.all {
      forgetSubscriptions(of: client)
      dropSharedOutput(of: client)
    }
    subscriptions.tearDown()
    if let tracking = effects.tracking { keyspace.unlinked.add(tracking.table) }
    keyspace.tearDown()
    allocator.destroy()
  }
}

/// Random names of runs and of histories.
enum Identity {
  /// 40 hexadecimal digits.
  static func make(_ random: inout RandomGenerator) -> String {
    var text = ""
    while text.utf8.count < 40 {
      let digits = String(random.next(), radix: 16)
      text += String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
    return String(text.prefix(40))
  }
}
