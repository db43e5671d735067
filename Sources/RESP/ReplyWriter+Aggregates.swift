// SPDX-License-Identifier: Apache-2.0

/// Replies that consist of replies: a header with a count, then the elements.
extension ReplyWriter {
  /// Begins an array of `count` elements.
  @inlinable
  public mutating func array(_ count: Int) { buffer.appendHeader(0x2A, count) }

  /// Begins a map of `count` pairs; in RESP2 an array of keys and values.
  @inlinable
  public mutating func map(_ count: Int) {
    if version == .resp2 { array(count &* 2) } else { buffer.appendHeader(0x25, count) }
  }

  /// Begins a set of `count` elements; in RESP2 an array.
  @inlinable
  public mutating func set(_ count: Int) {
    buffer.appendHeader(version == .resp2 ? 0x2A : 0x7E, count)
  }

  /// Begins a push message of `count` elements; in RESP2 an array.
  @inlinable
  public mutating func push(_ count: Int) {
    buffer.appendHeader(version == .resp2 ? 0x2A : 0x3E, count)
  }

  /// Begins an attribute of `count` pairs, which precedes the reply it describes. Only in RESP3.
  @inlinable
  public mutating func attribute(_ count: Int) {
    precondition(version == .resp3)
    buffer.appendHeader(0x7C, count)
  }

  /// Where an aggregate begins whose count is known only at its end.
  public struct Mark: Equatable, Sendable {
    /// Number of bytes in front of the aggregate; `truncate(to:)` takes it to give the aggregate
    /// up.
    public let offset: Int

    @usableFromInline
    init(offset: Int) { self.offset = offset }
  }

  /// Notes where an aggregate begins; its elements follow, then `endArray` or one of its like.
  ///
  /// Nothing in front of the mark may be removed before the end.
  @inlinable
  public func beginAggregate() -> Mark { Mark(offset: count) }

  /// Makes what was appended since the mark an array of `count` elements.
  /// - Complexity: O(bytes since the mark), one move of memory.
  public mutating func endArray(_ mark: Mark, count: Int) { insertHeader(0x2A, count, at: mark) }

  /// Makes what was appended since the mark a map of `count` pairs.
  public mutating func endMap(_ mark: Mark, count: Int) {
    if version == .resp2 { return insertHeader(0x2A, count * 2, at: mark) }
    insertHeader(0x25, count, at: mark)
  }

  /// Makes what was appended since the mark a set of `count` elements.
  public mutating func endSet(_ mark: Mark, count: Int) {
    insertHeader(version == .resp2 ? 0x2A : 0x7E, count, at: mark)
  }

  private mutating func insertHeader(_ type: UInt8, _ count: Int, at mark: Mark) {
    // Writing a number takes more room than it needs, which the gap doesn't have.
    var header = InlineArray<24, UInt8>(repeating: type)
    unsafe withUnsafeMutableBytes(of: &header) {
      let start = unsafe $0.baseAddress.unsafelyUnwrapped
      let end = unsafe 1 + DecimalText.write(count, to: start + 1)
      unsafe (start + end).storeBytes(of: (0x0A0D as UInt16).littleEndian, as: UInt16.self)
      let gap = unsafe buffer.openGap(end + 2, at: mark.offset)
      unsafe gap.copyMemory(from: start, byteCount: end + 2)
    }
  }
}
