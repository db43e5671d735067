// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

// The file of users (`aclfile`): one "user name rules ..." per line, nothing else.

extension Server {
  /// Takes over the users of the file, all or none: those that it doesn't name are removed, except
  /// that the default user may do everything then, without a password.
  func loadUserFile(caller: Client? = nil) throws(UserFileError) {
    let path = configuration.aclFile
    let text: [UInt8]
    do throws(DiskError) {
      text = try disk.read(path)
    } catch {
      throw UserFileError(
        message: "Error loading ACLs, opening file '\(path)': \(error.cause.text)")
    }
    var reader = UserFileReader(path: path, context: ruleContext)
    for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      reader.read(line)
    }
    guard reader.complaints.isEmpty else {
      throw UserFileError(
        message: reader.complaints + "WARNING: ACL errors detected, no change to the previously"
          + " active ACL rules was performed"
      )
    }
    for (name, rules) in reader.users { change(name, to: rules, caller: caller) }
    for user in users.all where !reader.names(user) {
      if user === users.defaultUser {
        change(user.name, to: .unlimited(commands), caller: caller)
      } else {
        remove(user, caller: caller)
      }
    }
  }

  /// Writes all users into the file, in one step.
  func saveUserFile() throws(DiskError) {
    var text: [UInt8] = []
    for user in users.all { text += user.line + [UInt8(ascii: "\n")] }
    try disk.writeAtomically(configuration.aclFile, text)
  }
}

extension Server {
  /// The lines that declare the users in redis.conf; none if there is a file for them, or if the
  /// default user is alone and as `requirepass` makes it.
  var userLines: [ByteText] {
    guard configuration.aclFile.isEmpty else { return [] }
    var usual = UserRules.unlimited(commands)
    if !configuration.requirePass.isEmpty {
      let password = configuration.requirePass
      usual.add(PasswordHash(of: password.rawSpan))
    }
    if users.all.count == 1, users.defaultUser.rules.text == usual.text { return [] }
    return users.all.map { user in
      let words = user.line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
      return words.map(Server.directiveWord).joined(by: " ")
    }
  }

  /// A word as redis.conf has it: in quotes if it isn't plain text.
  private static func directiveWord(_ word: ArraySlice<UInt8>) -> ByteText {
    let isPlain =
      !word.isEmpty
      && word.allSatisfy {
        (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "'")
      }
    return isPlain ? ByteText(word) : DirectiveText.quoted(ByteText(word))
  }
}

/// Reads the lines of a file of users and collects what is wrong with them.
private struct UserFileReader {
  private let path: String
  private let context: RuleContext
  private var lineNumber = 0
  private(set) var users: [(name: [UInt8], rules: UserRules)] = []
  private var names: Set<[UInt8]> = []
  /// Everything that was wrong, in one line; empty if nothing was.
  private(set) var complaints: ByteText = ""

  init(path: String, context: RuleContext) {
    self.path = path
    self.context = context
  }

  mutating func read(_ line: ArraySlice<UInt8>) {
    lineNumber += 1
    let words = DirectiveText.trimmed(line).split(
      separator: UInt8(ascii: " "), omittingEmptySubsequences: false
    ).map(Array.init)
    guard let first = words.first, words != [[]] else { return }
    guard first == Array("user".utf8), words.count > 1 else {
      complaints +=
        "\(path):\(lineNumber) should start with user keyword followed by the username. "
      return
    }
    let name = words[1]
    guard Users.isValid(name: name.rawSpan) else {
      complaints +=
        "'\(path):\(lineNumber): username '\(echo: name)' contains invalid characters. "
      return
    }
    guard names.insert(name).inserted else {
      complaints += "WARNING: Duplicate user '\(echo: name)' found on line \(lineNumber). "
      return
    }
    var rules = UserRules(context)
    apply(Array(words.dropFirst(2)), to: &rules)
    users.append((name, rules))
  }

  private mutating func apply(_ words: [[UInt8]], to rules: inout UserRules) {
    guard let joined = try? UserRules.joined(words) else {
      complaints += "\(path):\(lineNumber): Unmatched parenthesis in selector definition."
      return
    }
    var isMalformed = false
    for word in joined {
      let rule = Array(DirectiveText.trimmed(word[...]))
      do throws(RuleError) {
        try rules.apply(rule, context)
      } catch {
        if error == .unknownCommand {
          // No secret, so that it can be shown.
          complaints +=
            "\(path):\(lineNumber): Error in applying operation '\(echo: rule)':"
            + " \(error.text). "
        } else if !isMalformed {
          complaints += "\(path):\(lineNumber): \(error.text). "
          isMalformed = true
        }
      }
    }
  }

  /// Whether the file names a user.
  func names(_ user: User) -> Bool { names.contains(user.name) }
}
