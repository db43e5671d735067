// SPDX-License-Identifier: Apache-2.0

/// A place that breaks a rule, printed as `path:line: what`.
struct Finding: Equatable, CustomStringConvertible {
  let path: String
  let line: Int
  let message: String

  var description: String { "\(path):\(line): \(message)" }
}

/// What every Swift file must keep to; each rule takes one file and returns what breaks it.
enum Rules {
  static let lineCountMax = 600
  static let columnCountMax = 100
  static let functionLineCountMax = 70
  static let licence = "// SPDX-License-Identifier: Apache-2.0"

  typealias Rule = @Sendable (Repository.File) -> [Finding]

  // MARK: - Text

  /// The first line names the licence.
  static func licenceLine(_ file: Repository.File) -> [Finding] {
    // Package.swift has to begin with the version of its tools; it is not among these files.
    if file.lines.first.map({ $0 == licence }) == true { return [] }
    return [Finding(path: file.path, line: 1, message: "the first line must be \(licence)")]
  }

  /// One idea fits into 600 lines.
  static func fileLength(_ file: Repository.File) -> [Finding] {
    let count = file.lines.count
    if count <= lineCountMax { return [] }
    return [Finding(path: file.path, line: count, message: "\(count) lines, at most 600")]
  }

  /// Lines fit beside each other.
  static func lineLength(_ file: Repository.File) -> [Finding] {
    file.lines.enumerated().compactMap { index, line in
      guard line.utf8.count > columnCountMax, line.count > columnCountMax else { return nil }
      return Finding(
        path: file.path, line: index + 1, message: "\(line.count) columns, at most 100")
    }
  }

  /// Nothing is left for later.
  static func leftovers(_ file: Repository.File) -> [Finding] {
    file.lines.enumerated().flatMap { index, line in
      ["FIXME", "TODO"].filter { line.contains($0) && line.hasWord($0) }.map {
        Finding(path: file.path, line: index + 1, message: "\($0): do it or open an issue")
      }
    }
  }

  // MARK: - Words

  /// Nothing traps where an error could be thrown, and nothing is printed behind the log's back.
  static func trapsAndPrints(_ file: Repository.File) -> [Finding] {
    let tokens = SwiftTokens.of(file.text)
    return tokens.indices.dropLast().compactMap { index in
      let word = tokens[index].text
      let next = tokens[index + 1].text
      let previous = index > 0 ? tokens[index - 1].text : ""
      let isForced =
        (word == "try" || word == "as") && next == "!" && tokens[index + 1].isAttached
      let prints = word == "print" && next == "(" && previous != "." && previous != "func"
      guard isForced || (prints && file.path.hasPrefix("Sources/")) else { return nil }
      return Finding(
        path: file.path, line: tokens[index].line, message: "\(word)\(next) is not used here")
    }
  }

  /// Names say what a thing is.
  static func vagueNames(_ file: Repository.File) -> [Finding] {
    let tokens = SwiftTokens.of(file.text)
    let introducers: Set = ["struct", "class", "enum", "actor", "protocol", "typealias"]
    var findings = tokens.indices.dropLast().compactMap { index -> Finding? in
      let name = tokens[index + 1].text
      guard introducers.contains(tokens[index].text), isVague(name, in: file.path) else {
        return nil
      }
      return Finding(path: file.path, line: tokens[index].line, message: "\(name): name the thing")
    }
    for part in file.path.split(separator: "/") {
      let name = part.hasSuffix(".swift") ? String(part.dropLast(6)) : String(part)
      if isVague(name, in: file.path) {
        findings.append(Finding(path: file.path, line: 1, message: "\(name): name the thing"))
      }
    }
    return findings
  }

  private static func isVague(_ name: String, in path: String) -> Bool {
    // The helpers of the event loop are threads that help; the word is meant.
    if name.hasSuffix("Helpers"), path.contains("EventLoop/") { return false }
    return ["Util", "Utils", "Utilities", "Manager", "Helper", "Helpers"].contains {
      name.hasSuffix($0)
    }
  }

  /// Pointers stay below the commands.
  static func pointersInCommands(_ file: Repository.File) -> [Finding] {
    guard file.path.hasPrefix("Sources/memd/Commands/"),
      Exceptions.commandFilesThatOwnMemory[file.path] == nil
    else { return [] }
    return SwiftTokens.of(file.text).filter { $0.text.hasPrefix("Unsafe") }.map {
      Finding(path: file.path, line: $0.line, message: "\($0.text) in a command: take a span")
    }
  }
}

extension StringProtocol {
  /// True if `word` stands here and no letter or digit touches it.
  func hasWord(_ word: String) -> Bool {
    let bytes = Array(utf8)
    let wanted = Array(word.utf8)
    guard !wanted.isEmpty, bytes.count >= wanted.count else { return false }
    for start in 0...(bytes.count - wanted.count) where bytes[start] == wanted[0] {
      let end = start + wanted.count
      guard bytes[start..<end].elementsEqual(wanted) else { continue }
      let touchesBefore = start > 0 && SwiftTokens.isWordByte(bytes[start - 1])
      let touchesAfter = end < bytes.count && SwiftTokens.isWordByte(bytes[end])
      if !touchesBefore && !touchesAfter { return true }
    }
    return false
  }
}
