// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The format of a C structure, one item after the other, as the library `struct` reads it.
struct StructFormat {
  /// What is wrong with a format.
  enum Failure {
    case sizeOverflow
    case tooLarge(Int)
    case alignment(Int)
    case option(UInt8)
    /// A sign that stands for no item is behind the end of the data.
    case place
  }

  /// An item, with the padding in front of it.
  struct Item {
    let option: UInt8
    var size: Int
    let padding: Int
    /// It is written with its highest byte first.
    let isBigEndian: Bool
  }

  private let text: [UInt8]
  private var index = 0
  private var isBigEndian = false
  private var alignment = 1
  private(set) var failure: Failure?

  /// Integers have no more bytes.
  private static let sizeMax = 32

  /// Compatibility: a zero byte ends the format.
  init(_ text: RawSpan) { self.text = Array(text.copied.prefix { $0 != 0 }) }

  /// The next item, at a position in the structure; nil at the end, or with a `failure`.
  ///
  /// - Parameters:
  ///   - limit: where the data ends. Compatibility: signs without bytes must not be behind it.
  ///   - passesOver: letters that mean nothing are items without bytes.
  mutating func next(
    at position: Int, limit: Int = .max, passesOver: Bool = false
  ) -> Item? {
    while index < text.count, failure == nil {
      let option = text[index]
      index += 1
      guard let size = size(of: option) else { return nil }
      switch option {
      case UInt8(ascii: "b"), UInt8(ascii: "B"), UInt8(ascii: "h"), UInt8(ascii: "H"),
        UInt8(ascii: "l"), UInt8(ascii: "L"), UInt8(ascii: "T"), UInt8(ascii: "i"),
        UInt8(ascii: "I"), UInt8(ascii: "x"), UInt8(ascii: "f"), UInt8(ascii: "d"),
        UInt8(ascii: "c"), UInt8(ascii: "s"):
        return Item(
          option: option, size: size, padding: padding(position, option, size),
          isBigEndian: isBigEndian)
      default:
        if passesOver, StructFormat.isLetterOrDigit(option) { continue }
        if position < 0 || position > limit { failure = .place } else { control(option) }
      }
    }
    return nil
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    let letter = byte | 0x20
    return (letter >= 97 && letter <= 122) || (byte >= 48 && byte <= 57)
  }

  private mutating func control(_ option: UInt8) {
    switch option {
    case UInt8(ascii: " "): break
    case UInt8(ascii: ">"): isBigEndian = true
    case UInt8(ascii: "<"): isBigEndian = false
    case UInt8(ascii: "!"):
      guard let number = number(orElse: 8) else { return }
      guard number > 0, number & (number - 1) == 0 else { return failure = .alignment(number) }
      alignment = number
    default: failure = .option(option)
    }
  }

  private mutating func size(of option: UInt8) -> Int? {
    switch option {
    case UInt8(ascii: "b"), UInt8(ascii: "B"), UInt8(ascii: "x"): return 1
    case UInt8(ascii: "h"), UInt8(ascii: "H"): return 2
    case UInt8(ascii: "l"), UInt8(ascii: "L"), UInt8(ascii: "T"), UInt8(ascii: "d"): return 8
    case UInt8(ascii: "f"): return 4
    case UInt8(ascii: "c"): return number(orElse: 1)
    case UInt8(ascii: "i"), UInt8(ascii: "I"):
      guard let size = number(orElse: 4) else { return nil }
      guard size <= StructFormat.sizeMax else {
        failure = .tooLarge(size)
        return nil
      }
      return size
    default: return 0
    }
  }

  private mutating func number(orElse other: Int) -> Int? {
    var value: Int?
    while index < text.count, text[index] >= 48, text[index] <= 57 {
      let next = (value ?? 0) * 10 + Int(text[index] - 48)
      guard next <= Int(Int32.max) else {
        failure = .sizeOverflow
        return nil
      }
      value = next
      index += 1
    }
    return value ?? other
  }

  private func padding(_ position: Int, _ option: UInt8, _ size: Int) -> Int {
    guard size > 0, option != UInt8(ascii: "c") else { return 0 }
    let unit = min(size, alignment)
    // Compatibility: sizes that are no powers of two are masked all the same.
    return (unit - (position & (unit - 1))) & (unit - 1)
  }
}
