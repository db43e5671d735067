// SPDX-License-Identifier: Apache-2.0

extension RawSpan {
  /// True if both spans hold the same bytes.
  ///
  /// Compares eight bytes at a time; the last word may overlap the one before, so no byte loop is
  /// needed for keys of eight bytes and more.
  ///
  /// - Complexity: O(n)
  @inlinable
  @inline(__always)
  public func equals(_ other: RawSpan) -> Bool {
    let count = byteCount
    guard count == other.byteCount else { return false }
    if count >= 8 {
      var offset = 0
      while offset &+ 8 <= count {
        if word(offset) != other.word(offset) { return false }
        offset &+= 8
      }
      return word(count &- 8) == other.word(count &- 8)
    }
    var offset = 0
    while offset < count {
      if byte(offset) != other.byte(offset) { return false }
      offset &+= 1
    }
    return true
  }

  /// The byte at `offset`; bounds are checked.
  @inlinable
  @inline(__always)
  public func byte(_ offset: Int) -> UInt8 {
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  /// Eight bytes at `offset` in the machine's order, at any alignment; bounds are checked.
  @inlinable
  @inline(__always)
  public func word(_ offset: Int) -> UInt64 {
    unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
  }

  /// Negative, zero or positive as the bytes sort before, like or behind those of `other`.
  ///
  /// - Complexity: O(n)
  @inlinable
  public func compare(_ other: RawSpan) -> Int {
    let shared = Swift.min(byteCount, other.byteCount)
    var offset = 0
    while offset < shared {
      let difference = Int(byte(offset)) - Int(other.byte(offset))
      if difference != 0 { return difference }
      offset &+= 1
    }
    return byteCount - other.byteCount
  }

  /// The bytes as an array, for what outlives the turn.
  @inlinable
  public var copied: [UInt8] {
    unsafe withUnsafeBytes { unsafe [UInt8]($0) }
  }
}

extension Array where Element == UInt8 {
  /// The bytes of the array, borrowed.
  @inlinable
  public var rawSpan: RawSpan {
    @_lifetime(borrow self)
    get { unsafe span.bytes }
  }
}

extension RawSpan {
  /// Whether these bytes sort before those of `other`, as memcmp and then the length say.
  ///
  /// - Complexity: O(n), eight bytes at a time.
  @inlinable
  func precedes(_ other: RawSpan) -> Bool {
    let shared = min(byteCount, other.byteCount)
    var offset = 0
    while offset &+ 8 <= shared {
      let (left, right) = (word(offset), other.word(offset))
      if left != right { return UInt64(bigEndian: left) < UInt64(bigEndian: right) }
      offset &+= 8
    }
    while offset < shared {
      let (left, right) = (byte(offset), other.byte(offset))
      if left != right { return left < right }
      offset &+= 1
    }
    return byteCount < other.byteCount
  }
}
