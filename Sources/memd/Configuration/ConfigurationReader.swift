// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// Reads redis.conf, standard input and the options of the command line into a configuration.
///
/// What comes later wins. Directives take effect while they are read, in order: a relative path
/// after `dir` is relative to the new directory.
final class ConfigurationReader {
  private let configuration: Configuration
  private let disk: Disk
  /// Whether a failure is collected, or ends the reading.
  private var collectsFailures = false
  private var failures: [ConfigurationFailure] = []
  /// Files that include each other in a circle must end somewhere.
  private static let includeDepthMax = 32
  /// So must files that include each other by patterns, long before that depth.
  private static let includedCountMax = 1000
  private var includedCount = 0
  private var includesTooMuch = false
  /// A configuration has kilobytes; what doesn't end (/dev/zero) is none.
  private static let byteCountMax = 16 << 20

  /// What a server is started with.
  struct Sources {
    /// The file; empty for none.
    var path = ""
    /// What came through standard input.
    var input: [UInt8] = []
    /// Lines made of the options of the command line.
    var options: ByteText = ""
  }

  init(_ configuration: Configuration, disk: Disk) {
    self.configuration = configuration
    self.disk = disk
  }

  /// Reads everything, until something is wrong.
  func read(_ sources: Sources) throws(ConfigurationFailure) {
    defer { configuration.commandsForChecks = nil }
    if !sources.path.isEmpty { try readFile(sources.path, includedAt: nil, depth: 0) }
    try read(sources.input, depth: 0) { .standardInput(line: $0) }
    try read(sources.options.bytes, depth: 0) { _ in .commandLine }
    try checkLogFile()
  }

  /// Reads everything, goes on behind what is wrong, and makes no file.
  ///
  /// - Returns: what is wrong, in order.
  func check(_ sources: Sources) -> [ConfigurationFailure] {
    collectsFailures = true
    do throws(ConfigurationFailure) {
      try read(sources)
    } catch {
      failures.append(error)
    }
    return failures
  }

  private func readFile(
    _ path: String, includedAt place: ConfigurationPlace?, depth: Int
  ) throws(ConfigurationFailure) {
    let text: [UInt8]?
    do throws(DiskError) {
      text = try disk.read(path, atMost: Self.byteCountMax)
    } catch {
      return try fail(.unreadable(path: path, reason: error.cause.text, place: place))
    }
    guard let text else {
      return try fail(
        .unreadable(path: path, reason: "more than 16 MB are no configuration", place: place))
    }
    try read(text, depth: depth) { .file(path: path, line: $0) }
  }

  private func fail(_ failure: ConfigurationFailure) throws(ConfigurationFailure) {
    guard collectsFailures else { throw failure }
    failures.append(failure)
  }

  private func read(
    _ text: [UInt8], depth: Int, at place: (Int) -> ConfigurationPlace
  ) throws(ConfigurationFailure) {
    var number = 0
    // Editors elsewhere put a byte order mark in front.
    let text = text.starts(with: [0xEF, 0xBB, 0xBF]) ? text[3...] : text[...]
    for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      let line = DirectiveText.trimmed(line)
      guard let first = line.first, first != UInt8(ascii: "#") else { continue }
      try apply(line, at: place(number), depth: depth)
    }
  }

  private func apply(
    _ line: ArraySlice<UInt8>, at place: ConfigurationPlace, depth: Int
  ) throws(ConfigurationFailure) {
    func refuse(_ error: OptionError, remedy: String) throws(ConfigurationFailure) {
      let text = Array(line).rawSpan.logText()
      try fail(
        .line(place: place, text: text, reason: error.message.logText, remedy: remedy))
    }
    guard let parts = DirectiveText.split(line) else {
      let error = OptionError("Unbalanced quotes in configuration line")
      return try refuse(error, remedy: DirectiveRemedy.unbalancedQuotes)
    }
    guard let name = parts.first.map({ ByteText($0).folded }) else { return }
    var pattern: String?
    do throws(OptionError) {
      pattern = try take(name, parts.dropFirst().map { ByteText($0) })
    } catch {
      return try refuse(error, remedy: DirectiveRemedy.text(for: name))
    }
    guard let pattern else { return configuration.note(name, at: place) }
    for path in PathPattern(pattern).matches(on: disk) where !includesTooMuch {
      includedCount += 1
      guard depth < Self.includeDepthMax, includedCount <= Self.includedCountMax else {
        // Told once.
        includesTooMuch = true
        let reason: OptionError =
          depth < Self.includeDepthMax
          ? OptionError("more than 1000 files are included")
          : OptionError("include is nested too deeply")
        return try refuse(reason, remedy: DirectiveRemedy.includes)
      }
      try readFile(path, includedAt: place, depth: depth + 1)
    }
  }

  /// Lets a directive take effect.
  ///
  /// - Returns: the files that an `include` names, which are still to be read.
  private func take(
    _ name: ByteText, _ words: [ByteText]
  ) throws(OptionError) -> String? {
    guard name == "include", words.count == 1 else {
      try Directive.apply(name, words, to: configuration)
      return nil
    }
    return try OptionSyntax.path(words[0])
  }

  /// The log file must be writable from the start: later there is nobody who could be told.
  private func checkLogFile() throws(ConfigurationFailure) {
    let path = configuration.logFile
    guard !path.isEmpty else { return }
    do throws(DiskError) {
      if collectsFailures, !disk.exists(path) {
        // The start would make it in this directory.
        _ = try disk.names(inDirectory: Disk.directory(of: path))
      } else {
        try disk.append(to: path, [])
      }
    } catch {
      try fail(
        .logFile(path: path, reason: error.cause.text, place: configuration.place(of: "logfile")))
    }
  }
}
