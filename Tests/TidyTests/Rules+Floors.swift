// SPDX-License-Identifier: Apache-2.0

/// The floors of the house: a file names only types of its own floor and of those below.
///
/// What is shared by all floors from `Serving` up is the server itself: it owns the parts, so its
/// own file may name all of them.
enum Floors {
  /// From the ground up, each with its folders and files; the longest path that fits decides.
  static let all: [(name: String, paths: [String])] = [
    ("Keyspace", ["Keyspace"]),
    ("Configuration", ["Configuration", "Logging"]),
    (
      "Serving",
      [
        "AccessControl", "Blocking", "Commands/Declaration", "Commands/Execution", "Connections",
        "Messaging", "Metrics", "Monitoring", "Replication", "Scripting", "Server", "TLS",
        "Tracking", "Transactions",
      ]
    ),
    (
      "Snapshots",
      [
        "AppendLog", "Replication/Following", "Replication/Freshness/Server+Freshness.swift",
        "Replication/Leader/Server+FullSync.swift",
        "Replication/Verification/Server+Verification.swift", "Snapshot",
      ]
    ),
    ("Commands", ["Commands"]),
    (
      "Startup",
      [
        "Commands/Families.swift", "Server/Startup.swift", "Server/StartupInquiry.swift",
        "Server/StartupProcess.swift", "Server/StartupRehearsal.swift",
        "Server/StartupRemedy.swift", "Server/StartupUsage.swift", "main.swift",
      ]
    ),
  ]

  /// The file that puts the server together, and names every part.
  static let composition = "Sources/memd/Server/Server.swift"

  /// The floor of a file; nil if it is not in the house.
  static func floor(of path: String) -> Int? {
    let home = "Sources/memd/"
    guard path.hasPrefix(home) else { return nil }
    let place = path.dropFirst(home.count)
    var best: (floor: Int, length: Int)?
    for (index, floor) in all.enumerated() {
      for prefix in floor.paths where place == prefix || place.hasPrefix(prefix + "/") {
        if best.map({ prefix.utf8.count > $0.length }) ?? true {
          best = (index, prefix.utf8.count)
        }
      }
    }
    return best?.floor
  }

  /// The types that files declare at their top level, with the lowest floor that has one of the
  /// name.
  static func declarations(in files: [Repository.File]) -> [String: Int] {
    let introducers: Set = ["struct", "class", "enum", "actor", "protocol", "typealias"]
    var floors: [String: Int] = [:]
    for file in files {
      guard let floor = floor(of: file.path) else { continue }
      var depth = 0
      let tokens = SwiftTokens.of(file.text)
      for (index, token) in tokens.enumerated() {
        if token.text == "{" { depth += 1 }
        if token.text == "}" { depth -= 1 }
        guard depth == 0, introducers.contains(token.text), index + 1 < tokens.count else {
          continue
        }
        let name = tokens[index + 1].text
        let isPrivate = index > 0 && ["private", "fileprivate"].contains(tokens[index - 1].text)
        if !isPrivate { floors[name] = min(floors[name] ?? floor, floor) }
      }
    }
    return floors
  }

  /// Types of upper floors that a file names.
  static func upwardNames(
    in file: Repository.File, _ declarations: [String: Int]
  ) -> [Finding] {
    guard file.path != composition, let own = floor(of: file.path) else { return [] }
    var seen: Set<String> = []
    return SwiftTokens.of(file.text).compactMap { token in
      guard let floor = declarations[token.text], floor > own,
        seen.insert(token.text).inserted
      else { return nil }
      return Finding(
        path: file.path, line: token.line,
        message: "\(all[own].name) names \(token.text), which is of \(all[floor].name)")
    }
  }

  /// Words that a folder must not know, whatever floor declares them.
  static func strangers(in file: Repository.File) -> [Finding] {
    guard file.path.hasPrefix("Sources/memd/Keyspace/") else { return [] }
    let words: Set = ["Call", "ReplyWriter", "Server", "Client"]
    return SwiftTokens.of(file.text).filter { words.contains($0.text) }.map {
      Finding(path: file.path, line: $0.line, message: "the keyspace names \($0.text)")
    }
  }

  /// The keyspace's tables are its own: others ask the database.
  static func foreignContents(in file: Repository.File) -> [Finding] {
    guard file.path.hasPrefix("Sources/memd/"), !file.path.hasPrefix("Sources/memd/Keyspace/"),
      Exceptions.filesThatReadTables[file.path] == nil
    else { return [] }
    let tokens = SwiftTokens.of(file.text)
    return tokens.indices.dropFirst().compactMap { index in
      guard tokens[index].text == "contents" else { return nil }
      let next = tokens[(index + 1)...].prefix(2).map(\.text)
      guard tokens[index - 1].text == "." || next == [".", "table"] else { return nil }
      return Finding(path: file.path, line: tokens[index].line, message: ".contents of a database")
    }
  }
}
