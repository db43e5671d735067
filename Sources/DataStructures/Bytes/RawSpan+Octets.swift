// SPDX-License-Identifier: Apache-2.0

/// Loads that the byte-level code of this module needs.
extension RawSpan {
  /// The byte at `offset`; traps outside the span.
  @inlinable @inline(__always)
  func octet(at offset: Int) -> UInt8 {
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  /// The four bytes from `offset` on as a little-endian number; traps outside the span.
  @inlinable @inline(__always)
  func octets4(at offset: Int) -> UInt32 {
    UInt32(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  /// The eight bytes from `offset` on as a little-endian number; traps outside the span.
  @inlinable @inline(__always)
  public func octets8(at offset: Int) -> UInt64 {
    UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// Up to eight bytes from `offset` on as a little-endian number, zero above them.
  @inlinable @inline(__always)
  func octets(at offset: Int, count: Int) -> UInt64 {
    if count >= 8 { return octets8(at: offset) }
    if count >= 4 {
      // Two loads that may overlap cover four to seven bytes without a loop.
      let tail = UInt64(octets4(at: offset &+ count &- 4))
      return UInt64(octets4(at: offset)) | tail << UInt64((count &- 4) &* 8)
    }
    if count == 0 { return 0 }
    let first = UInt64(octet(at: offset))
    let middle = UInt64(octet(at: offset &+ count >> 1)) << UInt64((count >> 1) &* 8)
    let last = UInt64(octet(at: offset &+ count &- 1)) << UInt64((count &- 1) &* 8)
    return first | middle | last
  }
}
