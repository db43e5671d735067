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
    // Swift reads them there; a server that passed over its options could be open to everybody.
    if arguments.isEmpty {
      StandardStream.error.write(
        "memd can't read its arguments: /proc is missing. Remedy: mount -t proc proc /proc\n")
      Daemon.exit(code: 1)
    }
    switch Invocation(arguments.dropFirst().map { ByteText($0) }) {
    case .version:
      StandardStream.answer(Usage.version)
    case .help(let word): Inquiry.help(about: word)
    case .listDirectives:
      StandardStream.answer(DirectiveList.table)
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
    case .testConfiguration(let path, let readsInput, let options):
      let sources = sources(path, readsInput, options)
      Inquiry.testConfiguration(sources, newConfiguration(path), disk: disk, clock: clock)
    case .dumpConfiguration(let path, let readsInput, let options):
      let sources = sources(path, readsInput, options)
      Inquiry.dumpConfiguration(sources, newConfiguration(path), disk: disk)
    case .run(let path, let readsInput, let options):
      let configuration = newConfiguration(path)
      if readsInput { log.notice("Reading config from stdin") }
      read(sources(path, readsInput, options), into: configuration, disk: disk)
      let isBare = path.isEmpty && !readsInput && options.isEmpty
      announce(configuration, isBare: isBare, disk: disk, log: log)
      return configuration
    }
  }

  private static func sources(
    _ path: String, _ readsInput: Bool, _ options: ByteText
  ) -> ConfigurationReader.Sources {
    ConfigurationReader.Sources(
      path: path.isEmpty ? "" : absolute(path),
      input: readsInput ? StandardStream.readInput() : [], options: options)
  }

  private static func newConfiguration(_ path: String) -> Configuration {
    let configuration = Configuration()
    if !path.isEmpty { configuration.configFile = absolute(path) }
    configuration.dir = ProcessFacts.workingDirectory
    configuration.changeDirectory = changeDirectory
    return configuration
  }

  private static func read(
    _ sources: ConfigurationReader.Sources, into configuration: Configuration, disk: Disk
  ) {
    do throws(ConfigurationFailure) {
      try ConfigurationReader(configuration, disk: disk).read(sources)
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
    loadTLSMaterials(server)
    // Whoever can reach the server can end it as it should.
    server.transport.watchSignals(ProcessSignals.ending)
    // Clients come last, when nothing can fail any more.
    listen(server, monitoring)
    listen(server)
    let score = OutOfMemoryScore()
    ProcessSettings.apply(configuration, score, log)
    configuration.changeObserver = {
      [unowned server] change throws(ConfigurationChange.Failure) in
      try server.apply(change)
      try monitoring.apply(change, server)
      try ProcessSettings.apply(change, server.configuration, score, server.log)
    }
    log.notice("Running mode=standalone, port=\(configuration.mainPort).")
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
    if configuration.port != 0 { return "redis-cli -p \(configuration.port)" }
    let tls = configuration.tls
    guard tls.port != 0 else { return "redis-cli -s \(configuration.unixSocket)" }
    return "redis-cli --tls -p \(tls.port)"
      + (tls.caCertFile.isEmpty ? "" : " --cacert \(tls.caCertFile)")
      + (tls.authClients == .yes ? " --cert ... --key ..." : "")
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

  private static func loadTLSMaterials(_ server: Server) {
    guard server.configuration.tls.isUsed else { return }
    do throws(TLSRefusal) {
      try server.loadTLSMaterials()
    } catch {
      server.log.warning(error.text)
      server.log.warning("Remedy: \(error.remedy)")
      server.log.warning("Failed to configure TLS. Check logs for more info.")
      Daemon.exit(code: 1)
    }
  }

  private static func loadUsers(_ server: Server) {
    do throws(UserFileError) {
      try server.loadUsersAtStart()
    } catch {
      server.log.warning(error.message.logText)
      server.log.warning("Remedy: \(StartupRemedy.text(for: error))")
      server.log.warning("Critical error while loading ACLs. Exiting.")
      Daemon.exit(code: 1)
    }
  }

  private static func listen(_ server: Server) {
    do throws(ListenError) {
      try server.updateListeners()
    } catch {
      server.log.warning("Remedy: \(StartupRemedy.text(for: error, server.configuration))")
      switch error.address {
      case .internet(_, let port, _):
        let kind = Int(port) == server.configuration.tls.port ? "TLS" : "TCP"
        server.log.warning("Failed listening on port \(port) (\(kind)), aborting.")
      case .unix: server.log.warning("Failed opening the unix socket, aborting.")
      }
      Daemon.exit(code: 1)
    }
    if server.listeners.all.isEmpty {
      server.log.warning("Remedy: \(StartupRemedy.nowhere)")
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
      let remedy = StartupRemedy.text(
        for: error, server.configuration, portName: "metrics-port", bindName: "metrics-bind")
      server.log.warning("Remedy: \(remedy)")
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
    warnOfDirectory(server)
    if !Interpreter.isAvailable {
      server.log.warning(
        "There is no Lua: EVAL and other commands of scripts are unknown. Install Lua 5.1"
          + " (apt-get install liblua5.1-0) and start again.")
    }
    let names = configuration.ineffectiveSettings
    guard !names.isEmpty else { return }
    server.log.notice("Accepted without effect: \(names.joined(separator: ", "))")
  }

  /// Tells if snapshots or log will fail, now and not when it is too late.
  private static func warnOfDirectory(_ server: Server) {
    let configuration = server.configuration
    guard !configuration.saveRules.isEmpty || configuration.appendOnly else { return }
    do throws(DiskError) {
      try server.disk.probe(directory: configuration.dir, processID: server.log.processID)
    } catch {
      server.log.warning(
        "WARNING: 'dir' \(configuration.dir) can't be written: \(error.cause.text). Nothing can be"
          + " saved. Remedy: \(StartupRemedy.directory)")
    }
  }
}
