// SPDX-License-Identifier: Apache-2.0

/// The commands that the sources declare, found in their text.
enum CommandNames {
  /// A declaration `Command("name", ...)`.
  struct Declaration: Equatable {
    let name: String
    let line: Int
  }

  /// The names that stand first in the parentheses of `Command(`.
  static func declared(in text: String) -> [Declaration] {
    var declarations: [Declaration] = []
    var line = 1
    var rest = text[...]
    while let range = rest.firstRange(of: "Command(") {
      line += rest[..<range.lowerBound].filter { $0 == "\n" }.count
      let before = rest[..<range.lowerBound].last
      rest = rest[range.upperBound...]
      if let before, before.isLetter || before.isNumber { continue }
      let argument = rest.drop { $0 == " " || $0 == "\n" }
      guard argument.first == "\"" else { continue }
      let name = argument.dropFirst().prefix { $0 != "\"" }
      declarations.append(Declaration(name: String(name), line: line))
    }
    return declarations
  }

  /// Words of tests that may be the name of a command: in upper case, or quoted.
  static func mentioned(in text: String) -> Set<String> {
    var words: Set<String> = []
    var word: [UInt8] = []
    var isQuoted = false
    var previous: UInt8 = 0
    for byte in text.utf8 {
      let joins = byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
      if SwiftTokens.isWordByte(byte) || (joins && !word.isEmpty) {
        if word.isEmpty { isQuoted = previous == UInt8(ascii: "\"") }
        word.append(byte)
      } else if !word.isEmpty {
        let found = String(decoding: word, as: UTF8.self)
        if found == found.uppercased() || isQuoted {
          words.insert(found.lowercased())
          // It may end a sentence, or have members.
          words.formUnion(found.lowercased().split(separator: ".").prefix(1).map(String.init))
        }
        word.removeAll(keepingCapacity: true)
      }
      previous = byte
    }
    return words
  }
}
