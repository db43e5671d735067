// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// By what prefixes keys are told apart (`prefix-accounting`): given ones, and for all other keys
/// their first segment if that is wanted.
struct PrefixAccounting: Sendable, Equatable {
  /// Where a key belongs.
  enum Group: Equatable {
    /// It begins with no prefix that is wanted.
    case others
    /// The longest of the given prefixes that it begins with, by its number.
    case given(Int)
    /// Its first segment: so many bytes, the separator included.
    case segment(Int)
  }

  /// Bytes of a prefix, and how far a key is searched for the end of its first segment.
  static let byteCountMax = 128
  /// Prefixes that may be given.
  static let countMax = 256

  static let off = PrefixAccounting()

  /// The given prefixes.
  private let order: PrefixOrder
  /// The last byte of first segments; nil if other keys are not told apart.
  private(set) var separator: UInt8?

  /// In the order of their bytes, each once.
  var prefixes: [ByteText] { order.prefixes }

  /// Whether nothing is to be told apart.
  var isOff: Bool { prefixes.isEmpty && separator == nil }

  private init() { order = PrefixOrder() }

  /// - Parameter words: prefixes, and `*` for first segments up to the first `:`, or `*/` up to the
  ///   first `/` and so on. Empty words are passed over.
  init(_ words: [ByteText]) throws(OptionError) {
    var given: [ByteText] = []
    for word in words where !word.isEmpty {
      if word.bytes[0] == UInt8(ascii: "*") {
        guard word.count <= 2 else {
          throw OptionError("'*' stands alone, or in front of the byte that ends a first segment")
        }
        guard separator == nil else { throw OptionError("'*' must be given only once") }
        separator = word.count == 2 ? word.bytes[1] : UInt8(ascii: ":")
      } else if word.count > Self.byteCountMax {
        throw OptionError("a prefix must not be longer than \(Self.byteCountMax) bytes")
      } else {
        given.append(word)
      }
      if word.bytes.contains(where: Self.isUnfit) {
        throw OptionError("prefixes must not have blanks, quotes or control characters")
      }
    }
    order = PrefixOrder(given)
    guard prefixes.count <= Self.countMax else {
      throw OptionError("more than \(Self.countMax) prefixes")
    }
  }

  /// Bytes that the file of the configuration gives another meaning.
  private static func isUnfit(_ byte: UInt8) -> Bool {
    byte <= 0x20 || byte == 0x7F || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'")
  }

  /// The words that mean the same.
  var text: ByteText {
    var words = prefixes
    if let separator {
      words.append(
        separator == UInt8(ascii: ":") ? "*" : ByteText([UInt8(ascii: "*"), separator]))
    }
    return words.joined(by: " ")
  }

  // MARK: - Keys

  /// Where a key belongs.
  ///
  /// - Complexity: O(log n) for n prefixes, and what one byte search in 128 bytes takes.
  func group(of key: RawSpan) -> Group {
    if let longest = order.longest(of: key) { return .given(longest) }
    guard let separator else { return .others }
    for index in 0..<min(key.byteCount, Self.byteCountMax) where key.byte(index) == separator {
      return .segment(index + 1)
    }
    return .others
  }
}
