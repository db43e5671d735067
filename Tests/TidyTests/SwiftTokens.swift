// SPDX-License-Identifier: Apache-2.0

/// A word or a punctuation character of Swift code, and the line where it stands.
struct Token: Equatable {
  let text: String
  /// Counted from 1.
  let line: Int
  /// No blank and no line end stands before it.
  var isAttached = false

  /// True for names, keywords and numbers.
  var isWord: Bool {
    text.utf8.first.map { $0 == UInt8(ascii: "`") || SwiftTokens.isWordByte($0) } ?? false
  }
}

/// Splits Swift code into tokens; comments and the inside of strings are dropped.
///
/// A string becomes the token `"`, a name in backticks the token `` ` ``. That is all the grammar
/// that the rules need: they look for a few words and count braces.
struct SwiftTokens {
  private let bytes: [UInt8]
  private var position = 0
  private var line = 1
  private var tokens: [Token] = []

  static func of(_ text: String) -> [Token] {
    var scanner = SwiftTokens(bytes: Array(text.utf8))
    scanner.scan()
    return scanner.tokens
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
      true
    default: false
    }
  }

  private mutating func scan() {
    while position < bytes.count { scanToken() }
  }

  private mutating func scanToken() {
    let byte = bytes[position]
    if starts(with: "//") {
      while position < bytes.count, bytes[position] != UInt8(ascii: "\n") { position += 1 }
    } else if starts(with: "/*") {
      skipBlockComment()
    } else if byte == UInt8(ascii: "\"") || (byte == UInt8(ascii: "#") && startsRawString) {
      tokens.append(Token(text: "\"", line: line))
      skipString()
    } else if byte == UInt8(ascii: "`") {
      tokens.append(Token(text: "`", line: line))
      position += 1
      while position < bytes.count, bytes[position] != UInt8(ascii: "`") { position += 1 }
      position += 1
    } else if SwiftTokens.isWordByte(byte) {
      let start = position
      while position < bytes.count, SwiftTokens.isWordByte(bytes[position]) { position += 1 }
      append(start)
    } else {
      if byte > 32 {
        let isAttached = position > 0 && bytes[position - 1] > 32
        tokens.append(
          Token(text: String(UnicodeScalar(byte)), line: line, isAttached: isAttached))
      }
      advance()
    }
  }

  private mutating func append(_ start: Int) {
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    tokens.append(Token(text: text, line: line))
  }

  private mutating func advance() {
    if position < bytes.count, bytes[position] == UInt8(ascii: "\n") { line += 1 }
    position += 1
  }

  private func starts(with text: StaticString, at offset: Int = 0) -> Bool {
    let start = position + offset
    guard start + text.utf8CodeUnitCount <= bytes.count else { return false }
    return text.withUTF8Buffer { unsafe $0.elementsEqual(bytes[start..<(start + $0.count)]) }
  }

  /// `#"` or `##"`, and not `#if`.
  private var startsRawString: Bool {
    var index = position
    while index < bytes.count, bytes[index] == UInt8(ascii: "#") { index += 1 }
    return index < bytes.count && bytes[index] == UInt8(ascii: "\"")
  }

  private mutating func skipBlockComment() {
    var depth = 0
    repeat {
      if starts(with: "/*") {
        depth += 1
        position += 2
      } else if starts(with: "*/") {
        depth -= 1
        position += 2
      } else {
        advance()
      }
    } while depth > 0 && position < bytes.count
  }

  /// Steps over a string of any form, interpolations included.
  private mutating func skipString() {
    var poundCount = 0
    while starts(with: "#") {
      poundCount += 1
      position += 1
    }
    let quoteCount = starts(with: "\"\"\"") ? 3 : 1
    position += quoteCount
    while position < bytes.count {
      if endsString(quotes: quoteCount, pounds: poundCount) {
        position += quoteCount + poundCount
        return
      }
      if bytes[position] == UInt8(ascii: "\\"), hasPounds(poundCount, at: position + 1) {
        position += 1 + poundCount
        if starts(with: "(") { skipInterpolation() } else { advance() }
      } else {
        advance()
      }
    }
  }

  private func endsString(quotes: Int, pounds: Int) -> Bool {
    quotes == 3
      ? starts(with: "\"\"\"") && hasPounds(pounds, at: position + 3)
      : starts(with: "\"") && hasPounds(pounds, at: position + 1)
  }

  private func hasPounds(_ count: Int, at index: Int) -> Bool {
    index + count <= bytes.count
      && bytes[index..<(index + count)].allSatisfy { $0 == UInt8(ascii: "#") }
  }

  private mutating func skipInterpolation() {
    var depth = 0
    repeat {
      if starts(with: "\"") {
        skipString()
        continue
      }
      if starts(with: "(") { depth += 1 }
      if starts(with: ")") { depth -= 1 }
      advance()
    } while depth > 0 && position < bytes.count
  }
}
