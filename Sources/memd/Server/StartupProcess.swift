// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// Who supervises the process, and how it is told that the server is ready.
struct Supervisor {
  /// Whether there is one, so that the process must not detach.
  let isThere: Bool

  /// Looks for a supervisor of the kind that the configuration names.
  init(_ mode: SupervisionMode, log: Log? = nil) {
    switch mode {
    case .no: isThere = false
    case .auto:
      isThere = ServiceNotification.isExpected
      if isThere { log?.notice("supervised by systemd, found through NOTIFY_SOCKET") }
    case .systemd:
      isThere = true
      if !ServiceNotification.isExpected {
        log?.warning("systemd supervision requested, but NOTIFY_SOCKET not found")
      }
    case .upstart:
      isThere = false
      log?.warning("upstart supervision requested, which is not supported")
    }
  }

  /// Tells the supervisor that clients may come.
  func notifyReady() {
    guard isThere else { return }
    ServiceNotification.send("STATUS=Ready to accept connections\nREADY=1\n")
  }

  /// Tells the supervisor that the server is about to end.
  func notifyStopping() {
    if isThere { ServiceNotification.send("STOPPING=1\n") }
  }
}

/// The file with the number of the process.
struct ProcessIDFile {
  private let path: String

  /// None if the configuration names none and the process is no daemon.
  init?(_ configuration: Configuration) {
    if !configuration.pidFile.isEmpty {
      path = configuration.pidFile
    } else if configuration.daemonize {
      path = "/var/run/memd.pid"
    } else {
      return nil
    }
  }

  /// Writes the file; a failure is no reason not to start.
  func write(to disk: Disk, log: Log) {
    let text = Array("\(log.processID)\n".utf8)
    do throws(DiskError) {
      do throws(DiskError) {
        try write(text, .replace, disk)
      } catch {
        // A file that was made for us where we may not make any.
        guard error.cause == .accessDenied else { throw error }
        try write(text, .create, disk)
      }
    } catch {
      log.warning("Failed to write PID file: \(error.cause.text)")
    }
  }

  private func write(_ text: [UInt8], _ mode: DiskMode, _ disk: Disk) throws(DiskError) {
    let file = try disk.open(path, mode)
    defer { file.close() }
    try file.write(text)
  }

  /// Removes the file.
  func remove(from disk: Disk, log: Log) {
    if (try? disk.remove(path)) != nil { log.notice("Removing the pid file.") }
  }
}

/// Settings of the process as the system sees it.
enum ProcessSettings {
  /// Takes over all settings at start.
  static func apply(_ configuration: Configuration, _ score: OutOfMemoryScore, _ log: Log) {
    if configuration.disableHugePages { MemoryPolicy.disableHugePages() }
    ProcessSignals.ignoreStrays()
    updateTitle(configuration)
    updateCrashReport(configuration)
    do throws(ConfigurationChange.Failure) {
      try score.update(configuration)
    } catch {
      log.warning(error.message.logText)
    }
  }

  /// Takes over what CONFIG SET has changed.
  static func apply(
    _ change: ConfigurationChange, _ configuration: Configuration, _ score: OutOfMemoryScore,
    _ log: Log
  ) throws(ConfigurationChange.Failure) {
    if change.effects.contains(.maxClients) {
      let possible = DescriptorLimit.adjust(for: configuration.maxClients)
      if possible < configuration.maxClients {
        throw ConfigurationChange.Failure(
          option: "maxclients",
          message: "The operating system is not able to handle the specified number of clients,"
            + " try with \(possible)")
      }
    }
    if change.effects.contains(.outOfMemoryScore) {
      try score.update(configuration)
    }
    if !change.effects.isDisjoint(with: [.processTitle, .listeners]) {
      updateTitle(configuration)
    }
    if change.effects.contains(.crashReport) { updateCrashReport(configuration) }
  }

  private static func updateTitle(_ configuration: Configuration) {
    guard configuration.setProcTitle else { return }
    let title = ProcessTitleTemplate.expand(configuration.procTitleTemplate) { name in
      switch name {
      case "title": "memd"
      case "listen-addr": ByteText(listenAddress(configuration))
      case "server-mode": ""
      case "port": "\(configuration.port)"
      case "tls-port": "\(configuration.tls.port)"
      case "unixsocket": ByteText(configuration.unixSocket)
      case "config-file": ByteText(configuration.configFile)
      default: nil
      }
    }
    if let title { ProcessTitle.set(title.bytes) }
  }

  private static func listenAddress(_ configuration: Configuration) -> String {
    guard configuration.mainPort > 0 else { return configuration.unixSocket }
    return "\(configuration.bind.first ?? "*"):\(configuration.mainPort)"
  }

  private static func updateCrashReport(_ configuration: Configuration) {
    guard configuration.crashLogEnabled else { return CrashReport.uninstall() }
    CrashReport.install(
      version: Version.memd, descriptor: 1, logPath: configuration.logFile,
      processIDPath: configuration.pidFile)
  }
}
