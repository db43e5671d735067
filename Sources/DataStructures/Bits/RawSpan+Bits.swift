// SPDX-License-Identifier: Apache-2.0

// Strings as bit strings: bit 0 is the highest of the first byte, as BITCOUNT, BITPOS and BITFIELD
// number them. Everything works on words of 64 bits; a word read in big-endian order has its bits
// in the order of their numbers, from the highest down.

extension RawSpan {
  /// Number of ones among the bits with the numbers in `range`, which must lie inside.
  ///
  /// - Complexity: O(n), eight bytes at a time.
  public func oneCount(in range: Range<Int>) -> Int {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount &* 8)
    guard !range.isEmpty else { return 0 }
    let first = range.lowerBound >> 3
    let last = (range.upperBound &- 1) >> 3
    let head: UInt8 = 0xFF >> UInt8(range.lowerBound & 7)
    let tail: UInt8 = 0xFF << UInt8(7 &- (range.upperBound &- 1) & 7)
    if first == last { return (octet(at: first) & head & tail).nonzeroBitCount }
    return (octet(at: first) & head).nonzeroBitCount + (octet(at: last) & tail).nonzeroBitCount
      + oneCount(inBytes: first &+ 1, last)
  }

  /// Number of ones in the bytes from `first` up to `end`, which lie inside.
  private func oneCount(inBytes first: Int, _ end: Int) -> Int {
    unsafe withUnsafeBytes { bytes in
      var offset = first
      var sum = 0
      // The caller has checked the bounds, so the loop is free of them and can be vectorised.
      while offset &+ 8 <= end {
        let word = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        sum &+= word.nonzeroBitCount
        offset &+= 8
      }
      while offset < end {
        sum &+= unsafe bytes[offset].nonzeroBitCount
        offset &+= 1
      }
      return sum
    }
  }

  /// The number of the first bit of `range`, which must lie inside, that is one (or zero).
  ///
  /// - Complexity: O(n), eight bytes at a time.
  public func firstBit(_ isOne: Bool, in range: Range<Int>) -> Int? {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount &* 8)
    guard !range.isEmpty else { return nil }
    // What is looked for becomes a one.
    let flip: UInt64 = isOne ? 0 : .max
    var offset = range.lowerBound >> 3
    let end = (range.upperBound &+ 7) >> 3
    var mask: UInt64 = .max >> UInt64(range.lowerBound & 7)
    while offset < end {
      let count = Swift.min(8, end &- offset)
      let word = octets(at: offset, count: count).byteSwapped
      let found = (word ^ flip) & mask
      if found != 0 {
        // Behind the range there are other bits, or those that fill up the last word.
        let bit = offset &* 8 &+ found.leadingZeroBitCount
        return bit < range.upperBound ? bit : nil
      }
      mask = .max
      offset &+= 8
    }
    return nil
  }

  /// The `count` (1 to 64) bits from number `offset` on as a number; bits behind the end are zeros.
  public func bits(at offset: Int, count: Int) -> UInt64 {
    assert(offset >= 0 && count >= 1 && count <= 64)
    let first = offset >> 3
    guard first < byteCount else { return 0 }
    let available = Swift.min(8, byteCount &- first)
    let shift = offset & 7
    var window = octets(at: first, count: available).byteSwapped << UInt64(shift)
    if shift &+ count > 64, first &+ 8 < byteCount {
      window |= UInt64(octet(at: first &+ 8) >> UInt8(8 &- shift))
    }
    return window >> UInt64(64 &- count)
  }
}

extension MutableRawSpan {
  /// Stores the lowest `count` (1 to 64) bits of `value` from bit number `offset` on.
  ///
  /// All of them must lie inside.
  @_lifetime(self: copy self)
  public mutating func setBits(_ value: UInt64, at offset: Int, count: Int) {
    precondition(offset >= 0 && count >= 1 && count <= 64 && count <= byteCount &* 8 &- offset)
    var position = offset
    var remaining = count
    while remaining > 0 {
      let shift = position & 7
      let width = Swift.min(8 &- shift, remaining)
      let room = 8 &- shift &- width
      let ones: UInt8 = 0xFF >> UInt8(8 &- width)
      let part = UInt8(truncatingIfNeeded: value >> UInt64(remaining &- width)) & ones
      let index = position >> 3
      let old = unsafe unsafeLoad(fromByteOffset: index, as: UInt8.self)
      let new = old & ~(ones << UInt8(room)) | part << UInt8(room)
      storeBytes(of: new, toByteOffset: index, as: UInt8.self)
      position &+= width
      remaining &-= width
    }
  }
}
