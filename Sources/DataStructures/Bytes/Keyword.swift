// SPDX-License-Identifier: Apache-2.0
//
// Option names of commands ("nx", "keepttl") are compared as numbers, not as text: at most eight
// bytes, folded to lower case, fill one word. A `switch` over keywords is then a search over
// constants that the optimiser has computed, with no text and no table at run time.
// Names of up to sixteen bytes ("withscores", command names) are a `FoldedName`.

/// A name of at most eight bytes, folded to lower case, that compares as one number.
///
///     switch Keyword(folding: argument) {
///     case Keyword("nx"): ...
///     case Keyword("keepttl"): ...
///     default: ...
///     }
public struct Keyword: Equatable, Sendable {
  // Layout: byte i of the name is bits 8i ..< 8i+8; bytes behind the name are zero.
  /// The folded bytes, the first in the lowest bits; `unmatchable` if there are too many.
  public let word: UInt64

  /// The word of everything that equals no literal: a literal is ASCII, this is not.
  @usableFromInline static var unmatchable: UInt64 { .max }

  /// The keyword of a literal, which is lower case ASCII of at most eight bytes.
  @inlinable @inline(__always)
  public init(_ literal: StaticString) {
    precondition(literal.utf8CodeUnitCount <= 8, "a keyword has at most eight bytes")
    word = FoldedLiteral.word(of: literal, from: 0)
  }

  /// The keyword that a client's bytes spell; more than eight bytes equal no literal.
  @inlinable @inline(__always)
  public init(folding bytes: RawSpan) {
    let count = bytes.byteCount
    guard count <= 8 else {
      word = Keyword.unmatchable
      return
    }
    let word = bytes.octets(at: 0, count: count)
    // A NUL at the end would vanish among the zeroes behind the name: "nx\0" is not "nx".
    let endsInNUL = count > 0 && word >> UInt64((count &- 1) &* 8) == 0
    self.word = endsInNUL ? Keyword.unmatchable : FoldedLiteral.fold(word)
  }

  /// Whether a client's keyword is the pattern's literal.
  @inlinable @inline(__always)
  public static func ~= (pattern: Keyword, value: Keyword) -> Bool { pattern.word == value.word }
}

/// What `Keyword` and `FoldedName` share: literals as words, and folding eight bytes at once.
@usableFromInline
enum FoldedLiteral {
  /// Up to eight bytes of a literal from `start` on, the first in the lowest bits.
  @inlinable @inline(__always)
  static func word(of literal: StaticString, from start: Int) -> UInt64 {
    var word: UInt64 = 0
    let end = min(literal.utf8CodeUnitCount, start &+ 8)
    var index = start
    while index < end {
      word |= UInt64(unsafe literal.utf8Start[index]) << UInt64((index &- start) &* 8)
      index &+= 1
    }
    assert(fold(word) == word, "literals are written in lower case")
    return word
  }

  /// Lower case of eight bytes at once; only A-Z change.
  @inlinable @inline(__always)
  static func fold(_ word: UInt64) -> UInt64 {
    let high: UInt64 = 0x8080_8080_8080_8080
    let low7 = word & ~high
    // Bit 7 of a byte: set from 'A' on, and set from '[' on. No sum leaves its byte.
    let fromA = low7 &+ 0x3f3f_3f3f_3f3f_3f3f
    let fromBracket = low7 &+ 0x2525_2525_2525_2525
    let isUpper = (fromA ^ fromBracket) & ~word & high
    return word | isUpper >> 2
  }
}
