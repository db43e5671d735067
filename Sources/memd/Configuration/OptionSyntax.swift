// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// How the value of an option is written.
enum OptionSyntax: Sendable {
  /// A value that was read: its canonical text, and the number where it is one.
  struct Value {
    var text: ByteText
    var number = 0
  }

  /// yes or no.
  case flag
  case integer(ClosedRange<Int>)
  /// Permissions, such as 770.
  case octal(ClosedRange<Int>)
  /// Bytes, with a unit if need be.
  case memory(ClosedRange<Int>)
  /// Bytes, or a percentage up to 100, which is kept as a negative number.
  case memoryOrPercentage
  /// One of these words.
  case choice([String])
  case text
  /// Something that the option reads by itself.
  case special

  /// Reads one word.
  func parse(_ words: [ByteText]) throws(OptionError) -> Value {
    guard words.count == 1, let word = words.first else { throw .wrongArgumentCount }
    switch self {
    case .flag: return try Self.flag(word)
    case .integer(let range): return try number(Self.integer(word), in: range)
    case .octal(let range): return try octal(word, in: range)
    case .memory(let range): return try memory(word, in: range)
    case .memoryOrPercentage: return try memoryOrPercentage(word)
    case .choice(let choices): return Value(text: ByteText(try Self.choice(word, of: choices)))
    case .text, .special: return Value(text: word)
    }
  }

  /// The text that stands for a number.
  func text(of number: Int) -> String {
    switch self {
    case .octal: String(number, radix: 8)
    case .memoryOrPercentage where number < 0: "\(number.magnitude)%"
    default: "\(number)"
    }
  }

  /// The text that a rewritten file gets: sizes with the largest unit that divides them.
  func fileText(of value: ByteText) -> ByteText {
    switch self {
    case .memory, .memoryOrPercentage:
      value.integer().map { ByteText(MemorySize.text(of: $0)) } ?? value
    default: value
    }
  }

  // MARK: - Kinds of values

  private static func flag(_ word: ByteText) throws(OptionError) -> Value {
    if word.spells("yes") { return Value(text: "yes", number: 1) }
    if word.spells("no") { return Value(text: "no", number: 0) }
    throw OptionError("argument must be 'yes' or 'no'")
  }

  /// Finds a word among the choices, in any case.
  static func choice(_ word: ByteText, of choices: [String]) throws(OptionError) -> String {
    if let choice = choices.first(where: { word.spells($0) }) { return choice }
    throw notAmong(choices)
  }

  /// The complaint about a word that is not among the choices.
  static func notAmong(_ choices: [String]) -> OptionError {
    let list = choices.joined(separator: ", ")
    return OptionError("argument(s) must be one of the following: \(list)")
  }

  /// Most bytes of a path, as the kernel has it.
  private static let pathByteCountMax = 4095

  /// The path that a word is; Swift names files by Strings.
  static func path(_ word: ByteText) throws(OptionError) -> String {
    guard let path = word.rawSpan.text(ofAtMost: pathByteCountMax) else {
      throw OptionError("argument must be a path of at most \(pathByteCountMax) bytes in UTF-8")
    }
    return path
  }

  /// Reads a number in its only form: no sign '+', no leading zeros, no blanks.
  private static func integer(_ word: ByteText) throws(OptionError) -> Int {
    guard let value = word.integer(), "\(value)" == word else {
      throw OptionError("argument couldn't be parsed into an integer")
    }
    return value
  }

  private func number(_ value: Int, in range: ClosedRange<Int>) throws(OptionError) -> Value {
    guard range.contains(value) else { throw outside(range) }
    return Value(text: ByteText(text(of: value)), number: value)
  }

  private func outside(_ range: ClosedRange<Int>) -> OptionError {
    let low = text(of: range.lowerBound)
    let high = text(of: range.upperBound)
    return OptionError("argument must be between \(low) and \(high) inclusive")
  }

  private func octal(_ word: ByteText, in range: ClosedRange<Int>) throws(OptionError) -> Value {
    guard let value = word.integer(radix: 8), word.bytes.first != UInt8(ascii: "+") else {
      throw OptionError("argument couldn't be parsed as an octal number")
    }
    return try number(value, in: range)
  }

  private func memory(_ word: ByteText, in range: ClosedRange<Int>) throws(OptionError) -> Value {
    guard let bytes = MemorySize.parse(word) else {
      throw OptionError("argument must be a memory value")
    }
    guard let value = Int(exactly: bytes) else { throw outside(range) }
    return try number(value, in: range)
  }

  private func memoryOrPercentage(_ word: ByteText) throws(OptionError) -> Value {
    if let bytes = MemorySize.parse(word) {
      return try number(Int(clamping: bytes), in: 0...Int.max)
    }
    guard word.bytes.last == UInt8(ascii: "%"),
      let percentage = ByteText(word.bytes.dropLast()).integer(), percentage >= 0,
      word.bytes.first != UInt8(ascii: "+")
    else { throw OptionError("argument must be a memory or percent value") }
    guard percentage <= 100 else {
      throw OptionError("percentage argument must be less or equal to 100")
    }
    return Value(text: ByteText(text(of: -percentage)), number: -percentage)
  }
}

/// Sizes in bytes as redis.conf writes them.
enum MemorySize {
  /// Reads "100", "100b", "1k" (1000), "1kb" (1024) and so on up to "gb", in any case.
  ///
  /// Sizes that don't fit are the largest possible. An empty text is 0.
  static func parse(_ text: ByteText) -> UInt64? { parse(text.rawSpan) }

  /// The same for bytes of a request.
  static func parse(_ text: RawSpan) -> UInt64? {
    var digitCount = 0
    var count: UInt64 = 0
    var isTooLarge = false
    while digitCount < text.byteCount, let digit = digit(text.byte(digitCount)) {
      let (tenfold, overflows) = count.multipliedReportingOverflow(by: 10)
      let (sum, overflowsToo) = tenfold.addingReportingOverflow(digit)
      isTooLarge = isTooLarge || overflows || overflowsToo
      count = sum
      digitCount += 1
    }
    let factor: UInt64
    switch Keyword(folding: text.extracting(droppingFirst: digitCount)) {
    case Keyword(""), Keyword("b"): factor = 1
    case Keyword("k"): factor = 1000
    case Keyword("kb"): factor = 1 << 10
    case Keyword("m"): factor = 1_000_000
    case Keyword("mb"): factor = 1 << 20
    case Keyword("g"): factor = 1_000_000_000
    case Keyword("gb"): factor = 1 << 30
    default: return nil
    }
    guard digitCount > 0 else { return text.byteCount == 0 ? 0 : nil }
    if isTooLarge { return .max }
    let (bytes, overflows) = count.multipliedReportingOverflow(by: factor)
    return overflows ? .max : bytes
  }

  private static func digit(_ byte: UInt8) -> UInt64? {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") ? UInt64(byte & 15) : nil
  }

  /// Writes a size with the largest unit that divides it: "256mb".
  static func text(of byteCount: Int) -> String {
    guard byteCount > 0 else { return "\(byteCount)" }
    for (unit, shift) in [("gb", 30), ("mb", 20), ("kb", 10)]
    where byteCount & ((1 << shift) - 1) == 0 {
      return "\(byteCount >> shift)\(unit)"
    }
    return "\(byteCount)"
  }
}
