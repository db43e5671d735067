// SPDX-License-Identifier: Apache-2.0
//
// The glob patterns of KEYS, SCAN MATCH, PSUBSCRIBE, CONFIG GET and ACL rules, with the reference
// server's meaning in every corner:
//
//   *      any bytes, also none          [abc]   one of these bytes
//   ?      one byte                      [a-z]   one byte of a range, whichever end comes first
//   \x     the byte x                    [^abc]  one byte that is none of these
//
// A class that is never closed extends to the end of the pattern. An empty text matches only the
// empty pattern, not even `*`: commands for which `*` means "all" test for it themselves.
//
// Every element but the star takes exactly one byte. So after a later star was reached, giving an
// earlier one more bytes can't help, and it suffices to go back to the last star: the work is at
// most the product of both lengths, for `a*a*a*a*b` too, and nothing recurses. The reference server
// recurses and gives up at a depth of 1000 stars; such patterns match nothing here either.

/// Matching of glob-style patterns with the reference server's rules.
public enum GlobPattern {
  /// Most stars in a pattern; adjacent ones count once, those that end the pattern don't count.
  private static let starLimit = 1000

  /// Whether `text` as a whole matches `pattern`; never with more than 1000 stars.
  ///
  /// - Complexity: O(pattern length x text length) at worst, linear without stars.
  public static func matches(
    pattern: RawSpan, text: RawSpan, ignoringCase: Bool = false
  ) -> Bool {
    var matcher = Matcher(ignoringCase: ignoringCase)
    // Compatibility: Redis finds that `*` does not match an empty text.
    if text.byteCount == 0 { return pattern.byteCount == 0 }
    var afterStar = -1
    var textAtStar = 0
    var starCount = 0
    while matcher.textPosition < text.byteCount {
      let position = matcher.patternPosition
      if position < pattern.byteCount, pattern.octet(at: position) == UInt8(ascii: "*") {
        afterStar = position + 1
        if afterStar == pattern.byteCount { return true }
        // Going back never reaches a star again, so each is counted once.
        if pattern.octet(at: afterStar) != UInt8(ascii: "*") { starCount += 1 }
        // Compatibility: Redis gives up here, which clients see as "no match".
        guard starCount <= starLimit else { return false }
        textAtStar = matcher.textPosition
        matcher.patternPosition = afterStar
      } else if matcher.takeElement(of: pattern, text: text) {
        continue
      } else {
        guard afterStar >= 0 else { return false }
        textAtStar += 1
        matcher.textPosition = textAtStar
        matcher.patternPosition = afterStar
      }
    }
    while matcher.patternPosition < pattern.byteCount,
      pattern.octet(at: matcher.patternPosition) == UInt8(ascii: "*")
    {
      matcher.patternPosition += 1
    }
    return matcher.patternPosition == pattern.byteCount
  }
}

/// Where a match stands; knows how one element of a pattern takes one byte of text.
private struct Matcher {
  let ignoringCase: Bool
  var patternPosition = 0
  var textPosition = 0

  init(ignoringCase: Bool) {
    self.ignoringCase = ignoringCase
  }

  /// Takes the element at the pattern's position and one byte of text; false if they differ.
  mutating func takeElement(of pattern: RawSpan, text: RawSpan) -> Bool {
    guard patternPosition < pattern.byteCount else { return false }
    let byte = text.octet(at: textPosition)
    var element = pattern.octet(at: patternPosition)
    switch element {
    case UInt8(ascii: "?"):
      break
    case UInt8(ascii: "["):
      guard takeClass(of: pattern, byte: byte) else { return false }
      textPosition += 1
      return true
    default:
      // A backslash that ends the pattern stands for itself.
      if element == UInt8(ascii: "\\"), patternPosition + 1 < pattern.byteCount {
        patternPosition += 1
        element = pattern.octet(at: patternPosition)
      }
      guard fold(element) == fold(byte) else { return false }
    }
    patternPosition += 1
    textPosition += 1
    return true
  }

  /// Moves behind the class that starts at the position; whether `byte` belongs to it.
  private mutating func takeClass(of pattern: RawSpan, byte: UInt8) -> Bool {
    let end = pattern.byteCount
    var position = patternPosition + 1
    let isNegated = position < end && pattern.octet(at: position) == UInt8(ascii: "^")
    if isNegated { position += 1 }
    var contains = false
    while position < end {
      let element = pattern.octet(at: position)
      if element == UInt8(ascii: "\\"), position + 1 < end {
        // Compatibility: Redis compares an escaped byte of a class exactly, whatever the case.
        if pattern.octet(at: position + 1) == byte { contains = true }
        position += 2
      } else if element == UInt8(ascii: "]") {
        position += 1
        break
      } else if position + 2 < end, pattern.octet(at: position + 1) == UInt8(ascii: "-") {
        // Compatibility: the range's end may be `]`, so `[a-]` is a class that never closes.
        if isInRange(byte, element, pattern.octet(at: position + 2)) { contains = true }
        position += 3
      } else {
        if fold(element) == fold(byte) { contains = true }
        position += 1
      }
    }
    patternPosition = position
    return contains != isNegated
  }

  private func isInRange(_ byte: UInt8, _ first: UInt8, _ last: UInt8) -> Bool {
    // Compatibility: Redis orders bytes as signed characters, and swaps the ends before it folds.
    let isSwapped = Int8(bitPattern: first) > Int8(bitPattern: last)
    let lower = order(isSwapped ? last : first)
    let upper = order(isSwapped ? first : last)
    let value = order(byte)
    return lower <= value && value <= upper
  }

  private func order(_ byte: UInt8) -> Int {
    guard ignoringCase else { return Int(Int8(bitPattern: byte)) }
    // The C library's `tolower` turns negative characters, but not -1, into positive ones.
    return byte == 0xff ? -1 : Int(fold(byte))
  }

  private func fold(_ byte: UInt8) -> UInt8 {
    let isUpper = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
    return ignoringCase && isUpper ? byte | 0x20 : byte
  }
}
