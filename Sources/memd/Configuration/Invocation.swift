// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// What the command line asks for:
///
///     memd [/path/to/redis.conf] [-] [--directive value ...]
///     memd --test-config [/path/to/redis.conf] [-] [--directive value ...]
///     memd --dump-config [/path/to/redis.conf] [-] [--directive value ...]
///     memd --help [DIRECTIVE or TOPIC]
///     memd --check-rdb FILE
///     memd --check-aof [--fix] [--truncate-to-timestamp T] FILE
enum Invocation: Equatable {
  case version
  /// What the program says of itself, or of a directive or topic.
  case help(about: ByteText?)
  /// A table of all directives, for programs.
  case listDirectives
  /// Reads a snapshot and tells what is in it.
  case checkRDB(path: String)
  /// Reads a log and tells what is in it; cuts it, if asked to, at its damage or behind a time.
  case checkAOF(path: String, fixes: Bool, timestampMax: Int?)
  /// Something that memd doesn't do, and why.
  case refused(String)
  /// `options` are lines of redis.conf.
  case run(path: String, readsInput: Bool, options: ByteText)
  /// Reads the configuration as a start would, and tells what is wrong.
  case testConfiguration(path: String, readsInput: Bool, options: ByteText)
  /// Reads the configuration and tells the value and the source of every directive.
  case dumpConfiguration(path: String, readsInput: Bool, options: ByteText)

  /// Reads the words behind the name of the program.
  init(_ arguments: [ByteText]) {
    switch arguments.first {
    case "-v", "--version": self = .version
    case "-h", "--help": self = .help(about: arguments.dropFirst().first)
    case "--list-directives": self = .listDirectives
    case "--test-config":
      self = Invocation.run(Array(arguments.dropFirst()))
        .instead(Invocation.testConfiguration)
    case "--dump-config":
      self = Invocation.run(Array(arguments.dropFirst()))
        .instead(Invocation.dumpConfiguration)
    case "--check-rdb": self = Invocation.check(arguments)
    case "--check-aof": self = Invocation.checkLog(arguments.dropFirst())
    case "--test-memory", "--check-system":
      self = .refused("memd doesn't test the machine that it runs on")
    case "--sentinel": self = .refused("memd is not a sentinel; use redis-sentinel")
    default: self = Invocation.run(arguments)
    }
  }

  /// The same for another purpose than to run.
  private func instead(_ purpose: (String, Bool, ByteText) -> Invocation) -> Invocation {
    guard case .run(let path, let readsInput, let options) = self else { return self }
    return purpose(path, readsInput, options)
  }

  private static func check(_ arguments: [ByteText]) -> Invocation {
    guard arguments.count == 2 else { return .refused("Usage: memd --check-rdb <rdb-file-name>") }
    do throws(OptionError) {
      return .checkRDB(path: try OptionSyntax.path(arguments[1]))
    } catch {
      return .refused(error.message.logText)
    }
  }

  private static func checkLog(_ arguments: ArraySlice<ByteText>) -> Invocation {
    var rest = arguments
    var fixes = false
    var timestampMax: Int?
    while rest.count > 1, let word = rest.popFirst() {
      switch word {
      case "--fix": fixes = true
      case "--truncate-to-timestamp":
        guard let seconds = rest.popFirst()?.integer(), seconds > 0 else {
          return .refused("Invalid timestamp, aborting...")
        }
        timestampMax = seconds
      default: return .refused(checkLogUsage)
      }
    }
    guard let file = rest.first else { return .refused(checkLogUsage) }
    do throws(OptionError) {
      let path = try OptionSyntax.path(file)
      return .checkAOF(path: path, fixes: fixes, timestampMax: timestampMax)
    } catch {
      return .refused(error.message.logText)
    }
  }

  private static let checkLogUsage =
    "Usage: memd --check-aof [--fix] [--truncate-to-timestamp $timestamp]"
    + " <file.manifest|file.aof>"

  private static func run(_ arguments: [ByteText]) -> Invocation {
    var rest = arguments[...]
    var path = ""
    // Compatibility: the first word is a file unless it begins with a dash.
    if let first = rest.first, first.bytes.first != UInt8(ascii: "-") {
      do throws(OptionError) {
        path = try OptionSyntax.path(first)
      } catch {
        return .refused(error.message.logText)
      }
      rest.removeFirst()
    }
    var readsInput = false
    var options = OptionLines()
    for (index, word) in zip(rest.indices, rest) {
      // Compatibility: a dash is standard input only in front or at the end.
      if word == "-", index == 0 || index == arguments.count - 1 {
        readsInput = true
        continue
      }
      let next = index + 1 < arguments.count ? arguments[index + 1] : nil
      options.add(word, next: next)
    }
    return .run(path: path, readsInput: readsInput, options: options.text)
  }
}

/// Turns the words of the command line into lines of redis.conf.
///
/// "--name" begins a line and takes the next word as its value, even if that begins with dashes,
/// too; further words that don't begin with dashes belong to the same line. One word may hold both
/// name and value: "--port 6380".
private struct OptionLines {
  private(set) var text: ByteText = ""
  /// The last word was a name without a value, so that whatever comes next is its value.
  private var expectsValue = false

  mutating func add(_ word: ByteText, next: ByteText?) {
    guard OptionLines.beginsWithDashes(word), !expectsValue else {
      text += DirectiveText.quoted(word) + " "
      expectsValue = false
      return
    }
    if !text.isEmpty { text += "\n" }
    text += ByteText(word.bytes.dropFirst(2)) + " "
    expectsValue = DirectiveText.split(word.bytes)?.count == 1
    // Compatibility: "--save" without a value means none, wherever it stands.
    if expectsValue, word.spells("--save"), next.map(OptionLines.beginsWithDashes) ?? true {
      text += "\"\""
      expectsValue = false
    }
  }

  private static func beginsWithDashes(_ word: ByteText) -> Bool {
    word.bytes.starts(with: [UInt8(ascii: "-"), UInt8(ascii: "-")])
  }
}
