// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// From the command line to a server that listens, and back. Only the program itself runs this:
/// tests make servers without a process around them.
enum Startup {
  /// Reads the configuration that the command line asks for. Ends the process if it asks for
  /// something else, or if the configuration is refused.
  static func readConfiguration(
    _ arguments: [[UInt8]], disk: Disk, clock: Clock, log: Log
  ) -> Configuration {
    switch Invocation(arguments.dropFirst().map { ByteText($0) }) {
    case .version:
      StandardStream.output.write(Usage.version)
      Daemon.exit(code: 0)
    case .help:
      StandardStream.output.write(Usage.help)
      Daemon.exit(code: 0)
    case .checkRDB(let path):
      Daemon.exit(
        code: RDBCheck.run(path: path, disk: disk, clock: clock) {
          StandardStream.output.write($0 + "\n")
        })
    case .checkAOF(let path, let fixes, let timestampMax):
      let tools = LogCheck.Tools(
        disk: disk, clock: clock, write: { StandardStream.output.write($0 + "\n") },
        confirm: StandardStream.confirm)
      Daemon.exit(
        code: LogCheck.run(
          path: path, options: LogCheck.Options(fixes: fixes, timestampMax: timestampMax),
          tools: tools))
    case .refused(let reason):
      StandardStream.error.write(reason + "\n")
      Daemon.exit(code: 1)
    case .run(let path, let readsInput, let options):
      let configuration = Configuration()
      if !path.isEmpty { configuration.configFile = absolute(path) }
      configuration.dir = ProcessFacts.workingDirectory
      configuration.changeDirectory = changeDirectory
      if readsInput { log.notice("Reading config from stdin") }
      read(
        configuration, input: readsInput ? StandardStream.readInput() : [], options: options,
        disk: disk)
      let isBare = path.isEmpty && !readsInput && options.isEmpty
      announce(configuration, isBare: isBare, disk: disk, log: log)
      return configuration
    }
  }

  private static func read(
    _ configuration: Configuration, input: [UInt8], options: ByteText, disk: Disk
  ) {
    do throws(ConfigurationFailure) {
      try ConfigurationReader(configuration, disk: disk).read(
        path: configuration.configFile, input: input, options: options)
    } catch {
      StandardStream.error.write(error.message)
      Daemon.exit(code: 1)
    }
  }

  private static func absolute(_ path: String) -> String {
    path.hasPrefix("/") ? path : ProcessFacts.workingDirectory + "/" + path
  }

  private static func changeDirectory(_ path: String) throws(OptionError) -> String {
    do throws(SystemError) {
      try Daemon.changeDirectory(to: path)
    } catch {
      throw OptionError(ByteText(error.text))
    }
    return ProcessFacts.workingDirectory
  }

  /// Turns the log to where the configuration wants it, leaves the terminal if it says so, and
  /// tells who starts here.
  private static func announce(
    _ configuration: Configuration, isBare: Bool, disk: Disk, log: Log
  ) {
    log.level = configuration.logLevel
    log.format = configuration.logFormat
    if !configuration.logFile.isEmpty { log.destination = .file(configuration.logFile, disk) }
    if configuration.syslogEnabled {
      SystemLog.open(
        identity: configuration.syslogIdent.logText,
        facility: configuration.syslogFacility.rawValue)
      log.writesToSystemLog = true
    }
    let supervisor = Supervisor(configuration.supervised, log: log)
    if configuration.daemonize, !supervisor.isThere { detach(log) }
    log.notice("memd is starting")
    // " PID: 4711" with the blank in front is what tools look for.
    log.notice(
      "memd version=\(Version.memd), redis_version=\(Version.redis), bits=64,"
        + " PID: \(log.processID), just started")
    if isBare {
      log.warning(
        "Warning: no config file specified, using the default config."
          + " In order to specify a config file use memd /path/to/redis.conf")
    } else {
      log.notice("Configuration loaded")
    }
    log.role = "M"
  }

  private static func detach(_ log: Log) {
    do throws(SystemError) {
      try Daemon.detach()
    } catch {
      log.warning("Can't run as a daemon: \(error.text)")
      Daemon.exit(code: 1)
    }
    log.processID = ProcessFacts.processID
  }

  // MARK: - The server

  /// Opens the listeners of a server and tells everybody that it is ready. Ends the process if the
  /// server can't listen.
  ///
  /// - Parameter monitoring: answers monitors, if the configuration wants that.
  static func open(_ server: Server, _ monitoring: MonitoringService) {
    let configuration = server.configuration
    let log = server.log
    adjustMaxClients(configuration, log)
    loadUsers(server)
    listen(server)
    listen(server, monitoring)
    let score = OutOfMemoryScore()
    ProcessSettings.apply(configuration, score, log)
    configuration.changeObserver = {
      [unowned server] change throws(ConfigurationChange.Failure) in
      try server.apply(change)
      try monitoring.apply(change, server)
      try ProcessSettings.apply(change, server.configuration, score, server.log)
    }
    server.transport.watchSignals(ProcessSignals.ending)
    log.notice("Running mode=standalone, port=\(configuration.port).")
    log.notice("Server initialized")
    warn(server)
    server.updateDumpClaim()
    server.removeLeftovers()
    server.loadAtStart {
      log.notice("Connect with: \(connectionHint(configuration))")
      log.notice("Ready to accept connections")
      if let leader = configuration.replicaOf { server.follow(leader, .shared) }
      Supervisor(configuration.supervised).notifyReady()
    }
  }

  /// The command by which a user on this machine reaches the server.
  private static func connectionHint(_ configuration: Configuration) -> String {
    configuration.port == 0
      ? "redis-cli -s \(configuration.unixSocket)" : "redis-cli -p \(configuration.port)"
  }

  /// Takes leave when the loop has ended; ends the process if there was an error.
  static func close(_ server: Server, _ monitoring: MonitoringService) {
    Supervisor(server.configuration.supervised).notifyStopping()
    monitoring.stop()
    server.closeListeners()
    ProcessIDFile(server.configuration)?.remove(from: server.disk, log: server.log)
    server.log.warning("memd is now ready to exit, bye bye...")
    if let code = server.exitCode, code != 0 { Daemon.exit(code: code) }
  }

  private static func loadUsers(_ server: Server) {
    do throws(UserFileError) {
      try server.loadUsersAtStart()
    } catch {
      server.log.warning(error.message.logText)
      server.log.warning("Critical error while loading ACLs. Exiting.")
      Daemon.exit(code: 1)
    }
  }

  private static func listen(_ server: Server) {
    do throws(ListenError) {
      try server.updateListeners()
    } catch {
      switch error.address {
      case .internet(_, let port, _):
        server.log.warning("Failed listening on port \(port) (TCP), aborting.")
      case .unix: server.log.warning("Failed opening the unix socket, aborting.")
      }
      Daemon.exit(code: 1)
    }
    if server.listeners.all.isEmpty {
      server.log.warning("Configured to not listen anywhere, exiting.")
      Daemon.exit(code: 1)
    }
    ProcessIDFile(server.configuration)?.write(to: server.disk, log: server.log)
  }

  private static func listen(_ server: Server, _ monitoring: MonitoringService) {
    do throws(ListenError) {
      try monitoring.update(server)
    } catch {
      server.log.warning("Warning: \(error.message)")
      server.log.warning(
        "Failed listening on metrics-port \(server.configuration.metricsPort), aborting.")
      Daemon.exit(code: 1)
    }
  }

  private static func adjustMaxClients(_ configuration: Configuration, _ log: Log) {
    let wanted = configuration.maxClients
    let possible = DescriptorLimit.adjust(for: wanted)
    guard possible < wanted else { return }
    configuration.maxClients = possible
    log.warning(
      "maxclients of \(wanted) needs \(wanted + DescriptorLimit.reserved) open files, more than the"
        + " system allows: maxclients has been reduced to \(possible)."
        + " If you need more, increase 'ulimit -n'.")
  }

  /// What an administrator should know before there is data.
  private static func warn(_ server: Server) {
    let configuration = server.configuration
    if configuration.saveRules.isEmpty, !configuration.appendOnly {
      server.log.warning(
        "WARNING: there are no save rules. Data is saved by SAVE and BGSAVE only, not when the"
          + " server ends.")
    }
    if !Interpreter.isAvailable {
      server.log.warning(
        "There is no Lua: EVAL and other commands of scripts are unknown. Install Lua 5.1"
          + " (apt-get install liblua5.1-0) and start again.")
    }
    let names = configuration.ineffectiveSettings
    guard !names.isEmpty else { return }
    server.log.notice("Accepted without effect: \(names.joined(separator: ", "))")
  }
}
