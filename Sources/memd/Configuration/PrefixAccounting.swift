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

  /// In the order of their bytes, each once.
  private(set) var prefixes: [ByteText] = []
  /// The number of the longest other prefix that each begins with; -1 if there is none.
  private var parents: [Int] = []
  /// The last byte of first segments; nil if other keys are not told apart.
  private(set) var separator: UInt8?

  /// Whether nothing is to be told apart.
  var isOff: Bool { prefixes.isEmpty && separator == nil }

  private init() {}

  /// - Parameter words: prefixes, and `*` for first segments up to the first `:`, or `*/` up to the
  ///   first `/` and so on. Empty words are passed over.
  init(_ words: [ByteText]) throws(OptionError) {
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
        prefixes.append(word)
      }
      if word.bytes.contains(where: Self.isUnfit) {
        throw OptionError("prefixes must not have blanks, quotes or control characters")
      }
    }
    prefixes.sort { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    prefixes = prefixes.enumerated().filter { $0 == 0 || prefixes[$0 - 1] != $1 }.map(\.element)
    guard prefixes.count <= Self.countMax else {
      throw OptionError("more than \(Self.countMax) prefixes")
    }
    linkParents()
  }

  /// Bytes that the file of the configuration gives another meaning.
  private static func isUnfit(_ byte: UInt8) -> Bool {
    byte <= 0x20 || byte == 0x7F || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'")
  }

  private mutating func linkParents() {
    var open: [Int] = []
    for (index, prefix) in prefixes.enumerated() {
      while let last = open.last, !prefix.bytes.starts(with: prefixes[last].bytes) {
        open.removeLast()
      }
      parents.append(open.last ?? -1)
      open.append(index)
    }
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
  /// The last prefix that is not behind the key is the longest that it begins with, or that one is
  /// among its parents (as in `PrefixTable`).
  ///
  /// - Complexity: O(log n) for n prefixes, and what one byte search in 128 bytes takes.
  func group(of key: RawSpan) -> Group {
    var low = 0
    var high = prefixes.count
    while low < high {
      let middle = (low + high) / 2
      let prefix = prefixes[middle]
      if prefix.rawSpan.compare(key) <= 0 { low = middle + 1 } else { high = middle }
    }
    var candidate = low - 1
    while candidate >= 0 {
      let prefix = prefixes[candidate]
      if key.byteCount >= prefix.count, key.extracting(first: prefix.count).equals(prefix.rawSpan) {
        return .given(candidate)
      }
      candidate = parents[candidate]
    }
    guard let separator else { return .others }
    for index in 0..<min(key.byteCount, Self.byteCountMax) where key.byte(index) == separator {
      return .segment(index + 1)
    }
    return .others
  }
}
