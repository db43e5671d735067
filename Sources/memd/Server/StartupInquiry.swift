// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// What the program answers about itself or its configuration instead of starting. Each ends the
/// process: with 0 if all is well.
enum Inquiry {
  /// Tells what the program does, or what a directive or a topic is about.
  static func help(about word: ByteText?) -> Never {
    guard let word else { StandardStream.answer(Usage.help + DirectiveList.overview) }
    if let text = DirectiveList.description(of: word) { StandardStream.answer(text) }
    let guess = DirectiveRemedy.suggestion(for: word.folded).map { "; is it '\($0)'?" } ?? "."
    StandardStream.error.write(
      "There is no directive and no topic '\(word.logText)'\(guess) memd --help lists all.\n")
    Daemon.exit(code: 1)
  }

  /// Reads the configuration as a start would, with users, certificates and addresses, and prints
  /// all that is wrong with it. Changes nothing and lets nobody connect, so that it may run beside
  /// the server.
  static func testConfiguration(
    _ sources: ConfigurationReader.Sources, _ configuration: Configuration, disk: Disk,
    clock: Clock
  ) -> Never {
    var complaints = ConfigurationReader(configuration, disk: disk).check(sources).map(\.details)
    complaints += complaintsOfFiles(configuration, disk: disk)
    var notes = ""
    if let transport = try? EpollTransport() {
      let world = World(
        clock: clock, transport: transport, disk: disk,
        helpers: ThreadHelpers(waker: transport.waker), seed: 0, names: SystemNameResolver(),
        availableMemory: { AvailableMemory.now.byteCount })
      let rehearsal = Rehearsal(Server(configuration: configuration, world: world, log: Log()))
      complaints += rehearsal.complaints
      notes = rehearsal.notes
    }
    guard complaints.isEmpty else {
      StandardStream.error.write(complaints.joined(separator: "\n"))
      Daemon.exit(code: 1)
    }
    let names = configuration.ineffectiveSettings
    let idle = names.isEmpty ? "" : "Accepted without effect: \(names.joined(separator: ", "))\n"
    StandardStream.answer(notes + idle + "The configuration is fine.\n")
  }

  /// Prints the values of all directives and where they were set.
  static func dumpConfiguration(
    _ sources: ConfigurationReader.Sources, _ configuration: Configuration, disk: Disk
  ) -> Never {
    let failures = ConfigurationReader(configuration, disk: disk).check(sources)
    guard failures.isEmpty else {
      StandardStream.error.write(failures.map(\.details).joined(separator: "\n"))
      Daemon.exit(code: 1)
    }
    StandardStream.answer(ConfigurationDump.text(configuration))
  }

  private static func complaintsOfFiles(_ configuration: Configuration, disk: Disk) -> [String] {
    let path = configuration.path(inDirectory: configuration.dbFilename)
    var complaints: [String] = []
    do throws(DiskError) {
      if !configuration.appendOnly, disk.exists(path) { try disk.open(path, .read).close() }
    } catch {
      complaints.append(
        "Can't open the snapshot \(path): \(error.cause.text)\n"
          + "Remedy: \(StartupRemedy.unreadable)\n")
    }
    do throws(DiskError) {
      guard !configuration.saveRules.isEmpty || configuration.appendOnly else { return complaints }
      try disk.probe(directory: configuration.dir, processID: ProcessFacts.processID)
    } catch {
      let place = configuration.place(of: "dir").map { " (\($0.text))" } ?? ""
      complaints.append(
        "'dir' \(configuration.dir)\(place) can't be written: \(error.cause.text)\n"
          + "Remedy: \(StartupRemedy.directory)\n")
    }
    return complaints
  }
}

extension Disk {
  /// Tells whether files can be made in a directory, by making one.
  func probe(directory: String, processID: Int32) throws(DiskError) {
    let path = "\(directory)/temp-\(processID).probe"
    try open(path, .replace).close()
    try remove(path)
  }
}
