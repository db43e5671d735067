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
    path: String, input: [UInt8] = [], options: String = ""
  ) throws(ConfigurationFailure) {
    var text = path.isEmpty ? [] : try contents(of: path)
    text += input
    // The options begin on a line of their own, so they count from 2 if there is nothing else.
    if !options.isEmpty { text += [UInt8(ascii: "\n")] + Array(options.utf8) }
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
          let shown = String(decoding: line, as: UTF8.self)
          throw .line(number: number, text: shown, reason: error.message)
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
    if let first = parts.first, String(decoding: first, as: UTF8.self).lowercased() == "user" {
      return try declareUser(Array(parts.dropFirst()))
    }
    var words: [String] = []
    for part in parts {
      guard let word = String(validating: part, as: UTF8.self) else {
        throw .refused(OptionError("argument is not valid UTF-8"))
      }
      words.append(word)
    }
    guard let name = words.first?.lowercased() else { return }
    words.removeFirst()
    if name == "include", words.count == 1 { return try include(words[0], depth: depth) }
    do throws(OptionError) {
      try Directive.apply(name, words, to: configuration)
    } catch {
      throw .refused(error)
    }
  }

  private func declareUser(_ words: [[UInt8]]) throws(LineError) {
    do throws(OptionError) {
      try Directive.declareUser(words, in: configuration)
    } catch {
      throw .refused(error)
    }
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
