// SPDX-License-Identifier: Apache-2.0

/// The identity of a stream's entry: when it was added, and its number within that millisecond.
public struct StreamID: Comparable, Hashable, Sendable, BitwiseCopyable {
  /// Milliseconds since 1970, or whatever the client said.
  public var milliseconds: UInt64
  /// Number among the entries of the same millisecond.
  public var sequence: UInt64

  /// The id with these parts.
  public init(_ milliseconds: UInt64, _ sequence: UInt64) {
    self.milliseconds = milliseconds
    self.sequence = sequence
  }

  /// 0-0, which no entry has.
  public static var zero: StreamID { StreamID(0, 0) }
  /// The largest id; a stream with it takes no more entries.
  public static var maximum: StreamID { StreamID(.max, .max) }

  /// Order in time.
  @inline(__always)
  public static func < (left: StreamID, right: StreamID) -> Bool {
    left.milliseconds != right.milliseconds
      ? left.milliseconds < right.milliseconds : left.sequence < right.sequence
  }

  /// The next larger id; nil behind the largest.
  public var successor: StreamID? {
    if sequence < .max { return StreamID(milliseconds, sequence + 1) }
    return milliseconds < .max ? StreamID(milliseconds + 1, 0) : nil
  }

  /// The next smaller id; nil in front of 0-0.
  public var predecessor: StreamID? {
    if sequence > 0 { return StreamID(milliseconds, sequence - 1) }
    return milliseconds > 0 ? StreamID(milliseconds - 1, .max) : nil
  }
}

// MARK: - Text

extension StreamID {
  /// What a client wrote as an id.
  public enum Form: Equatable {
    /// Both parts, or one part and the default for the other.
    case complete(StreamID)
    /// `5-*`: the stream numbers the entry.
    case numbered(milliseconds: UInt64)
  }

  /// The longest text that is looked at; longer ones are no ids.
  private static var textCountMax: Int { 127 }

  /// Reads `ms-seq`, or `ms`, for which the sequence is `missing`; nil if it is neither.
  ///
  /// Compatibility: as in Redis, a part may have blanks and a plus sign in front and leading zeros,
  /// and text ends at a NUL.
  public static func parse(_ text: RawSpan, missing: UInt64) -> StreamID? {
    guard case .complete(let id) = form(of: text, missing: missing, allowsStar: false) else {
      return nil
    }
    return id
  }

  /// Reads an id of a new entry: `ms-seq`, `ms` (sequence 0) or `ms-*`.
  public static func parseForm(_ text: RawSpan) -> Form? {
    form(of: text, missing: 0, allowsStar: true)
  }

  private static func form(of text: RawSpan, missing: UInt64, allowsStar: Bool) -> Form? {
    guard text.byteCount <= textCountMax else { return nil }
    var end = 0
    var dash = -1
    while end < text.byteCount, text.byte(end) != 0 {
      if text.byte(end) == 0x2D, dash < 0 { dash = end }
      end += 1
    }
    if dash < 0 {
      guard let milliseconds = number(text, 0, end) else { return nil }
      return .complete(StreamID(milliseconds, missing))
    }
    guard let milliseconds = number(text, 0, dash) else { return nil }
    if allowsStar, end == dash + 2, text.byte(dash + 1) == 0x2A {
      return .numbered(milliseconds: milliseconds)
    }
    guard let sequence = number(text, dash + 1, end) else { return nil }
    return .complete(StreamID(milliseconds, sequence))
  }

  /// An unsigned number as strtoull reads it, to the end of the range.
  private static func number(_ text: RawSpan, _ from: Int, _ end: Int) -> UInt64? {
    var index = from
    while index < end, text.byte(index) == 0x20 || (0x09...0x0D).contains(text.byte(index)) {
      index += 1
    }
    if index < end, text.byte(index) == 0x2B { index += 1 }
    guard index < end else { return nil }
    var value: UInt64 = 0
    while index < end {
      let digit = text.byte(index) &- 48
      guard digit <= 9 else { return nil }
      let (product, productOverflows) = value.multipliedReportingOverflow(by: 10)
      let (sum, sumOverflows) = product.addingReportingOverflow(UInt64(digit))
      if productOverflows || sumOverflows { return nil }
      value = sum
      index += 1
    }
    return value
  }
}

/// Room for the text of one id, on the stack of whoever needs it.
public struct StreamIDScratch {
  /// Two numbers of 20 digits and a dash.
  private var bytes = [48 of UInt8](repeating: 0)

  /// Room that holds no text yet.
  public init() {}

  /// Writes `ms-seq` and returns it.
  @_lifetime(&self)
  public mutating func write(_ id: StreamID) -> RawSpan {
    var count = append(id.milliseconds, at: 0)
    bytes[count] = 0x2D
    count = append(id.sequence, at: count + 1)
    return unsafe bytes.span.bytes.extracting(first: count)
  }

  /// Writes the digits of `value`; returns where they end.
  private mutating func append(_ value: UInt64, at start: Int) -> Int {
    var count = 1
    var rest = value
    while rest >= 10 {
      rest /= 10
      count += 1
    }
    rest = value
    for index in stride(from: start + count - 1, through: start, by: -1) {
      bytes[index] = UInt8(truncatingIfNeeded: rest % 10) + 48
      rest /= 10
    }
    return start + count
  }
}
