// SPDX-License-Identifier: Apache-2.0

/// A recorded run: one request or event per line.
///
///     +1500000 2 SET k1 "two words\x00"     a turn ends; 1.5 ms pass; connection 2 sends
///     = 3 GET k1                            connection 3 sends in the same turn
///     +0 4 !close                           connection 4 goes; its next request makes a new one
///
/// Words are quoted if they have to be; "\{3000}v" stands for three thousand times the letter v.
enum ReachScript {
  /// What happens on a connection.
  enum Event: Equatable {
    case request([[UInt8]])
    /// The peer goes, in order or abruptly.
    case close
    case cut
    /// Nothing but time.
    case pass
  }

  /// A line of a script.
  struct Step: Equatable {
    /// Nanoseconds that pass before it; nil if it belongs to the same turn as the one before.
    var pause: Int64?
    var connection: Int
    var event: Event
  }

  // MARK: - Writing

  static func text(_ step: Step) -> String {
    var line = step.pause.map { "+\($0)" } ?? "="
    line += " \(step.connection)"
    switch step.event {
    case .request(let words): for word in words { line += " " + quoted(word) }
    case .close: line += " !close"
    case .cut: line += " !cut"
    case .pass: line += " !pass"
    }
    return line
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    byte > 32 && byte < 127 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  private static func quoted(_ word: [UInt8]) -> String {
    let isPlainWord = !word.isEmpty && word.count < 60 && word[0] != UInt8(ascii: "!")
    if isPlainWord, word.allSatisfy(isPlain) { return String(decoding: word, as: UTF8.self) }
    var text = "\""
    var index = 0
    while index < word.count {
      let byte = word[index]
      var end = index + 1
      while end < word.count, word[end] == byte { end += 1 }
      let letter =
        isPlain(byte) || byte == 32
        ? String(UnicodeScalar(byte)) : "\\x" + hexadecimal(byte)
      if end - index > 20 {
        text += "\\{\(end - index)}\(letter)"
      } else {
        text += String(repeating: letter, count: end - index)
      }
      index = end
    }
    return text + "\""
  }

  private static func hexadecimal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return digits.count < 2 ? "0" + digits : digits
  }

  /// The beginning of a line, for people.
  static func shortened(_ line: String) -> String {
    line.utf8.count > 300 ? line.prefix(300) + "..." : line
  }

  // MARK: - Reading

  /// The steps of a script; nil where a line is none.
  static func steps(_ bytes: [UInt8]) -> [Step] {
    bytes.split(separator: 10).compactMap { step(Array($0)) }
  }

  static func step(_ line: [UInt8]) -> Step? {
    let words = ReachScript.words(line)
    guard words.count >= 3, line.first != UInt8(ascii: "#") else { return nil }
    var pause: Int64?
    if words[0].first == UInt8(ascii: "+") {
      pause = Int64(String(decoding: words[0].dropFirst(), as: UTF8.self)) ?? 0
    }
    let connection = Int(String(decoding: words[1], as: UTF8.self)) ?? 0
    let event: Event =
      switch String(decoding: words[2], as: UTF8.self) {
      case "!close": .close
      case "!cut": .cut
      case "!pass": .pass
      default: .request(Array(words[2...]))
      }
    return Step(pause: pause, connection: connection, event: event)
  }

  private static func words(_ line: [UInt8]) -> [[UInt8]] {
    var words: [[UInt8]] = []
    var index = 0
    while index < line.count {
      if line[index] == 32 {
        index += 1
        continue
      }
      guard line[index] == UInt8(ascii: "\"") else {
        let end = line[index...].firstIndex(of: 32) ?? line.count
        words.append(Array(line[index..<end]))
        index = end
        continue
      }
      index += 1
      var word: [UInt8] = []
      while index < line.count, line[index] != UInt8(ascii: "\"") {
        var count = 1
        if line[index] == UInt8(ascii: "\\"), line[index + 1] == UInt8(ascii: "{") {
          let end = line[index...].firstIndex(of: UInt8(ascii: "}")) ?? line.count - 1
          count = Int(String(decoding: line[(index + 2)..<end], as: UTF8.self)) ?? 1
          index = end + 1
        }
        if line[index] == UInt8(ascii: "\\") {
          let digits = String(decoding: line[(index + 2)..<(index + 4)], as: UTF8.self)
          word += Array(repeating: UInt8(digits, radix: 16) ?? 0, count: count)
          index += 4
        } else {
          word += Array(repeating: line[index], count: count)
          index += 1
        }
      }
      index += 1
      words.append(word)
    }
    return words
  }
}
