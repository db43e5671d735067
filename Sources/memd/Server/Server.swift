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
  let world: World
  let log: Log
  /// 40 hexadecimal digits that name this run of the server.
  let runID: String
  let commands: CommandTable
  let users: Users

  // MARK: - Data, and who hears of its changes

  let allocator: Allocator
  let moment: Moment
  let effects: Effects
  let keyspace: Keyspace
  let upkeep: Upkeep
  let persistence = Persistence()
  let appendLog = AppendLog()
  let migrationConnections = MigrationConnections()
  let subscriptions: SubscriptionRegistry
  let scripting: Scripting

  // MARK: - Requests and replies

  let listeners = Listeners()
  let clients = ClientTable()
  var clientMemory = ClientMemory()
  var encrypting = Encrypting()
  var intake = Intake()
  let batch = Batch()
  /// Received bytes that may become values as they are.
  let arrivals = Arrivals()
  /// Circumstances of the server in which commands need a second look.
  var gate: Gate = .blocking
  var pause = Pause()
  var output = Output()
  var followers = Followers()
  var backpressure = Backpressure()
  var promises = Promises()
  var freshness = Freshness()
  var verification = Verification()
  /// The server that this one follows; nil while it leads.
  var following: Following?
  /// A planned change of roles (FAILOVER).
  var failover = Failover()
  let messageText = MessageText()
  let errorText = ErrorText()

  // MARK: - Time and figures

  var timing: Timing
  var cron = Cron()
  let statistics = Statistics()
  let metrics: Metrics
  var monitoring: Monitoring
  /// An end that waits for followers.
  var pendingShutdown: PendingShutdown?
  /// What the process returns; nil as long as the server runs.
  var exitCode: Int32?

  /// - Parameter families: the commands that the server knows.
  init(
    configuration: Configuration, world: World, log: Log,
    families: [any CommandFamily.Type] = unsafe CommandTable.families
  ) {
    self.configuration = configuration
    self.world = world
    self.log = log
    var random = RandomGenerator(seed: world.seed)
    runID = Identity.make(&random)
    allocator = Allocator.create()
    let seed = HashSeed(k0: random.next(), k1: random.next())
    moment = Moment(
      microseconds: world.clock.wallMicroseconds(), random: RandomGenerator(seed: random.next()))
    timing = Timing(world.clock, startedAt: moment.milliseconds)
    followers.idleSince = world.clock.monotonicNanoseconds()
    let stream = ReplicationStream(
      capacity: configuration.replBacklogSize, replicationID: Identity.make(&random))
    effects = Effects(stream: stream)
    keyspace = Keyspace(
      databaseCount: configuration.databases, allocator: allocator, seed: seed, moment: moment,
      attention: effects.attention, observer: effects, received: arrivals,
      random: RandomGenerator(seed: random.next()))
    subscriptions = SubscriptionRegistry(allocator: allocator, seed: seed)
    upkeep = Upkeep(keyspace)
    scripting = Scripting(database: keyspace.databases[0], now: moment.milliseconds)
    commands = CommandTable(families: families)
    for (name, newName) in configuration.renamedCommands {
      // Checked when the line was read; what this table doesn't have can't be called anyway.
      try? commands.rename(name, to: newName)
    }
    users = Users(commands)
    metrics = Metrics(commands, world.clock)
    monitoring = Monitoring(world.transport)
    allocator.deferLargeFrees()
    applyConfiguration()
    restartPromises()
    updateKeyspaceEvents()
    applyPassword()
    configuration.changeObserver = {
      [unowned self] change throws(ConfigurationChange.Failure) in try apply(change)
    }
  }

  deinit {
    if let save = persistence.backgroundSave, !save.isCutComplete { save.cut.end() }
    for client in clients.leaving + clients.all {
      forgetSubscriptions(of: client)
      dropSharedOutput(of: client)
    }
    subscriptions.tearDown()
    if let tracking = effects.tracking { keyspace.unlinked.add(tracking.table) }
    keyspace.tearDown()
    allocator.destroy()
  }
}

extension Server {
  var clock: Clock { world.clock }
  var transport: Transport { world.transport }
  var disk: Disk { world.disk }
  var helpers: Helpers { world.helpers }
  var isStopped: Bool { exitCode != nil }
}
