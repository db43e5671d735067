// SPDX-License-Identifier: Apache-2.0

/// Text as a client or a file gave it: bytes of which nobody knows whether they are UTF-8.
///
/// A String would replace what is not UTF-8, and its comparing, folding and splitting look for
/// characters that people see: one letter under a million accents takes it seconds. Here bytes are
/// compared as bytes, and only A to Z have another case.
///
/// It is also how replies are put together that repeat such bytes. The interpolation
/// `"ERR no such user '\(echo: name)'"` keeps what is repeated short; `whole:` has to be asked for.
public struct ByteText: Hashable, Sendable {
  /// The bytes.
  public var bytes: [UInt8]

  /// Takes over bytes.
  @inlinable public init(_ bytes: [UInt8] = []) { self.bytes = bytes }

  /// Copies bytes.
  @inlinable public init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  /// Copies bytes.
  @inlinable public init(_ bytes: RawSpan) { self.bytes = bytes.copied }

  /// Copies the UTF-8 of a string of the server's own.
  @inlinable public init(_ text: String) { bytes = Array(text.utf8) }

  /// Copies a literal.
  public init(_ literal: StaticString) {
    bytes = []
    append(literal)
  }

  /// Whether there is no byte.
  @inlinable public var isEmpty: Bool { bytes.isEmpty }

  /// Number of bytes.
  @inlinable public var count: Int { bytes.count }

  /// The bytes, borrowed.
  @inlinable public var rawSpan: RawSpan {
    @_lifetime(borrow self)
    get { bytes.rawSpan }
  }

  /// Adds bytes at the end.
  @inlinable
  public mutating func append(_ added: RawSpan) {
    unsafe added.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
  }

  /// Adds a literal at the end.
  public mutating func append(_ literal: StaticString) {
    literal.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
  }

  /// One text behind the other.
  public static func + (left: ByteText, right: ByteText) -> ByteText {
    ByteText(left.bytes + right.bytes)
  }

  /// Adds a text at the end.
  public static func += (left: inout ByteText, right: ByteText) {
    left.bytes += right.bytes
  }

  /// The beginning for a line of the log; what is not UTF-8 is replaced.
  public var logText: String { bytes.rawSpan.logText() }

  // MARK: - Words

  /// Whether these are the bytes of a word, in any case.
  public func spells(_ word: String) -> Bool { bytes.rawSpan.spells(word) }

  /// The same bytes with A to Z in lower case.
  public var folded: ByteText {
    ByteText(bytes.map { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") ? $0 | 0x20 : $0 })
  }

  /// The parts between blanks; two blanks have an empty one between them.
  public var partsBetweenBlanks: [ByteText] {
    bytes.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map {
      ByteText(Array($0))
    }
  }

  /// The number that the bytes spell in decimal digits, with a sign perhaps.
  public func integer(radix: Int = 10) -> Int? {
    // No number is longer, unless somebody begins it with zeros.
    bytes.rawSpan.text(ofAtMost: 64).flatMap { Int($0, radix: radix) }
  }

  /// The number that the bytes spell.
  public var double: Double? { bytes.rawSpan.text(ofAtMost: 512).flatMap { Double($0) } }
}

extension ByteText: ExpressibleByStringInterpolation {
  /// The UTF-8 of a literal.
  public init(stringLiteral value: String) { self.init(value) }

  /// What an interpolation has put together.
  public init(stringInterpolation: Interpolation) { bytes = stringInterpolation.bytes }

  /// The parts that a text can be put together from. Bytes have to say how much of them is meant.
  public struct Interpolation: StringInterpolationProtocol {
    fileprivate var bytes: [UInt8] = []

    /// Begins an empty text.
    public init(literalCapacity: Int, interpolationCount: Int) {
      bytes.reserveCapacity(literalCapacity + interpolationCount * 16)
    }

    /// Adds what stands between the parts.
    public mutating func appendLiteral(_ literal: String) { bytes += Array(literal.utf8) }

    /// Adds a string of the server's own.
    public mutating func appendInterpolation(_ text: String) { bytes += Array(text.utf8) }

    /// Adds a literal.
    public mutating func appendInterpolation(_ text: StaticString) {
      text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
    }

    /// Adds a number.
    public mutating func appendInterpolation(_ number: some BinaryInteger) {
      bytes += Array(String(number).utf8)
    }

    /// Adds a text that was bounded when it was made.
    public mutating func appendInterpolation(_ text: ByteText) { bytes += text.bytes }

    /// Repeats a client's word to it: see `RawSpan.echo`.
    public mutating func appendInterpolation(echo word: RawSpan) {
      unsafe word.echo.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }

    /// Repeats a client's word to it: see `RawSpan.echo`.
    public mutating func appendInterpolation(echo word: [UInt8]) {
      appendInterpolation(echo: word.rawSpan)
    }

    /// Repeats a client's word to it, with a to z in upper case.
    public mutating func appendInterpolation(upperCased word: RawSpan) {
      let start = bytes.count
      appendInterpolation(echo: word)
      for index in start..<bytes.count {
        let isLower = bytes[index] >= UInt8(ascii: "a") && bytes[index] <= UInt8(ascii: "z")
        if isLower { bytes[index] &= 0xdf }
      }
    }

    /// Adds all bytes, where a reply is there to show them.
    public mutating func appendInterpolation(whole text: RawSpan) {
      unsafe text.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }

    /// Adds all bytes, where a reply is there to show them.
    public mutating func appendInterpolation(whole text: [UInt8]) { bytes += text }
  }
}

extension Sequence<ByteText> {
  /// The texts with a separator between each two.
  public func joined(by separator: StaticString) -> ByteText {
    var result = ByteText()
    var isFirst = true
    for text in self {
      if !isFirst { result.append(separator) }
      result += text
      isFirst = false
    }
    return result
  }
}
