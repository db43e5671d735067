// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// How words are written in a line of redis.conf.
///
/// Blanks separate words. In double quotes the escapes \n \r \t \b \a \xHH and a backslash before
/// any other byte are known, in single quotes only \'. A closing quote ends its word.
enum DirectiveText {
  /// The words of a line; nil if a quote is not closed, or something follows a closing quote.
  static func split(_ line: some Sequence<UInt8>) -> [[UInt8]]? {
    var scanner = Scanner(bytes: Array(line))
    return scanner.words()
  }

  /// A word in double quotes, with everything but printable ASCII escaped; `split` reads it back.
  ///
  /// MONITOR shows arguments in the same form.
  static func quoted(_ word: ByteText) -> ByteText {
    var text = ByteText()
    append(word.rawSpan, to: &text.bytes)
    return text
  }

  /// Adds bytes in double quotes.
  static func append(_ word: RawSpan, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "\""))
    for offset in 0..<word.byteCount {
      let byte = word.byte(offset)
      switch byte {
      case UInt8(ascii: "\\"), UInt8(ascii: "\""): text += [UInt8(ascii: "\\"), byte]
      case 0x0A: text += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
      case 0x0D: text += [UInt8(ascii: "\\"), UInt8(ascii: "r")]
      case 0x09: text += [UInt8(ascii: "\\"), UInt8(ascii: "t")]
      case 0x07: text += [UInt8(ascii: "\\"), UInt8(ascii: "a")]
      case 0x08: text += [UInt8(ascii: "\\"), UInt8(ascii: "b")]
      case 0x20...0x7E: text.append(byte)
      default:
        text += [UInt8(ascii: "\\"), UInt8(ascii: "x"), digit(byte >> 4), digit(byte & 15)]
      }
    }
    text.append(UInt8(ascii: "\""))
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") - 10 + value
  }

  /// Blanks of the C locale.
  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (9...13).contains(byte) }

  /// What may not be in names and patterns that stand between blanks.
  static func isBlankOrNull(_ byte: UInt8) -> Bool { isBlank(byte) || byte == 0 }

  /// A line without blanks at its ends.
  static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let start = line.drop(while: isBlank)
    guard let last = start.lastIndex(where: { !isBlank($0) }) else { return [] }
    return start[...last]
  }
}

/// Reads words from a line, byte by byte.
private struct Scanner {
  let bytes: [UInt8]
  var position = 0

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func words() -> [[UInt8]]? {
    var words: [[UInt8]] = []
    while true {
      while let byte = current, DirectiveText.isBlank(byte) { position += 1 }
      guard current != nil else { return words }
      guard let word = word() else { return nil }
      words.append(word)
    }
  }

  /// Compatibility: vertical tab and form feed separate words, but don't end one.
  private static func endsWord(_ byte: UInt8) -> Bool {
    DirectiveText.isBlankOrNull(byte) && byte != 0x0B && byte != 0x0C
  }

  private mutating func word() -> [UInt8]? {
    var word: [UInt8] = []
    while let byte = current, !Scanner.endsWord(byte) {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return quoted(&word, by: byte, escapes: true) ? word : nil
      case UInt8(ascii: "'"): return quoted(&word, by: byte, escapes: false) ? word : nil
      default: word.append(byte)
      }
    }
    // Compatibility: a zero byte ends a word like a blank.
    if current == 0 { position += 1 }
    return word
  }

  /// Reads up to the closing quote; false if there is none or something follows it.
  private mutating func quoted(_ word: inout [UInt8], by quote: UInt8, escapes: Bool) -> Bool {
    while let byte = current {
      position += 1
      if byte == quote { return current.map(DirectiveText.isBlank) ?? true }
      guard byte == UInt8(ascii: "\\"), let next = current else {
        word.append(byte)
        continue
      }
      if escapes {
        position += 1
        word.append(escape(next))
      } else if next == quote {
        position += 1
        word.append(next)
      } else {
        word.append(byte)
      }
    }
    return false
  }

  /// The byte that a backslash and `letter`, which was read, stand for.
  private mutating func escape(_ letter: UInt8) -> UInt8 {
    switch letter {
    case UInt8(ascii: "n"): return 10
    case UInt8(ascii: "r"): return 13
    case UInt8(ascii: "t"): return 9
    case UInt8(ascii: "b"): return 8
    case UInt8(ascii: "a"): return 7
    case UInt8(ascii: "x"):
      guard position + 1 < bytes.count, let high = bytes[position].hexadecimalValue,
        let low = bytes[position + 1].hexadecimalValue
      else { return letter }
      position += 2
      return high << 4 | low
    default: return letter
    }
  }
}
