// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// Reads redis.conf, standard input and the options of the command line into a configuration.
///
/// What comes later wins. Directives take effect while they are read, in order: a relative path
/// after `dir` is relative to the new directory.
struct ConfigurationReader {
  private let configuration: Configuration
  private let disk: Disk
  /// Files that include each other in a circle must end somewhere.
  private static let includeDepthMax = 32

  init(_ configuration: Configuration, disk: Disk) {
    self.configuration = configuration
    self.disk = disk
  }

  /// Reads everything the server was started with.
  ///
  /// - Parameters:
  ///   - path: the file; empty for none.
  ///   - input: what came through standard input.
  ///   - options: lines made of the options of the command line.
  func read(
    path: String, input: [UInt8] = [], options: ByteText = ""
  ) throws(ConfigurationFailure) {
    var text = path.isEmpty ? [] : try contents(of: path)
    text += input
    // The options begin on a line of their own, so they count from 2 if there is nothing else.
    if !options.isEmpty { text += [UInt8(ascii: "\n")] + options.bytes }
    defer { configuration.commandsForChecks = nil }
    try read(text, depth: 0)
    try checkLogFile()
  }

  private func contents(of path: String) throws(ConfigurationFailure) -> [UInt8] {
    do throws(DiskError) {
      return try disk.read(path)
    } catch {
      throw .unreadable(path: path, reason: error.cause.text)
    }
  }

  private func read(_ text: [UInt8], depth: Int) throws(ConfigurationFailure) {
    var number = 0
    for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      let line = DirectiveText.trimmed(line)
      guard let first = line.first, first != UInt8(ascii: "#") else { continue }
      do throws(LineError) {
        try apply(line, depth: depth)
      } catch {
        switch error {
        case .refused(let error):
          throw .line(
            number: number, text: Array(line).rawSpan.logText(),
            reason: error.message.logText)
        case .included(let failure): throw failure
        }
      }
    }
  }

  /// Why a line stops the reading: it is wrong itself, or what it includes is.
  private enum LineError: Error {
    case refused(OptionError)
    indirect case included(ConfigurationFailure)
  }

  private func apply(_ line: ArraySlice<UInt8>, depth: Int) throws(LineError) {
    guard let parts = DirectiveText.split(line) else {
      throw .refused(OptionError("Unbalanced quotes in configuration line"))
    }
    guard let name = parts.first.map({ ByteText($0).folded }) else { return }
    let words = parts.dropFirst().map { ByteText($0) }
    var pattern: String?
    do throws(OptionError) {
      if name == "include", words.count == 1 {
        pattern = try OptionSyntax.path(words[0])
      } else {
        try Directive.apply(name, words, to: configuration)
      }
    } catch {
      throw .refused(error)
    }
    if let pattern { try include(pattern, depth: depth) }
  }

  // MARK: - include

  private func include(_ pattern: String, depth: Int) throws(LineError) {
    guard depth < Self.includeDepthMax else {
      throw .refused(OptionError("include is nested too deeply"))
    }
    do throws(ConfigurationFailure) {
      for path in PathPattern(pattern).matches(on: disk) {
        try read(try contents(of: path), depth: depth + 1)
      }
    } catch {
      throw .included(error)
    }
  }

  /// The log file must be writable from the start: later there is nobody who could be told.
  private func checkLogFile() throws(ConfigurationFailure) {
    guard !configuration.logFile.isEmpty else { return }
    do throws(DiskError) {
      try disk.append(to: configuration.logFile, [])
    } catch {
      throw .logFile(reason: error.cause.text)
    }
  }
}
