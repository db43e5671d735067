// SPDX-License-Identifier: Apache-2.0

/// The pieces that requests and replies are made of.
extension ByteBuffer {
  /// Appends a type byte, a number and a line end: the header of everything that has a length.
  @inlinable @inline(__always)
  mutating func appendHeader(_ type: UInt8, _ number: Int) {
    reserve(24)
    appendReservedHeader(type, number)
  }

  /// Like `appendHeader`, with 24 bytes reserved by the caller.
  @inlinable @inline(__always)
  mutating func appendReservedHeader(_ type: UInt8, _ number: Int) {
    let small = UInt(bitPattern: number)
    if small < 10 {
      let word = UInt32(type) | UInt32(truncatingIfNeeded: small &+ 48) &<< 8 | 0x0A0D_0000
      unsafe tail.storeBytes(of: word.littleEndian, as: UInt32.self)
      end &+= 4
    } else if small < 100 {
      let tens = small / 10
      let ones = small &- tens &* 10
      let digits = UInt64(truncatingIfNeeded: (tens &+ 48) &<< 8 | (ones &+ 48) &<< 16)
      let word = UInt64(type) | digits | 0x0A_0D00_0000
      unsafe tail.storeBytes(of: word.littleEndian, as: UInt64.self)
      end &+= 5
    } else {
      appendLongHeader(type, number)
    }
  }

  @usableFromInline @inline(never)
  mutating func appendLongHeader(_ type: UInt8, _ number: Int) {
    reserve(24)
    unsafe tail.storeBytes(of: type, as: UInt8.self)
    end &+= unsafe 1 &+ DecimalText.write(number, to: tail + 1)
    appendReservedLineEnd()
  }

  /// Appends "+OK" and a line end, in one store.
  @inlinable @inline(__always)
  mutating func appendOK() {
    reserve(8)
    unsafe tail.storeBytes(of: (0x0A_0D4B_4F2B as UInt64).littleEndian, as: UInt64.self)
    end &+= 5
  }

  /// Appends CR LF; two bytes must have been reserved.
  @inlinable @inline(__always)
  mutating func appendReservedLineEnd() {
    unsafe tail.storeBytes(of: (0x0A0D as UInt16).littleEndian, as: UInt16.self)
    end &+= 2
  }

  /// Appends a bulk string: length, bytes, line end.
  @inlinable @inline(__always)
  mutating func appendBulk(_ bytes: RawSpan) {
    let count = bytes.byteCount
    reserve(count &+ 32)
    appendReservedHeader(0x24, count)
    if count > 0 {
      unsafe bytes.withUnsafeBytes { source in
        unsafe Self.copy(source.baseAddress.unsafelyUnwrapped, to: tail, count)
      }
      end &+= count
    }
    appendReservedLineEnd()
  }

  /// Appends a literal as a bulk string.
  @inlinable
  mutating func appendBulk(_ text: StaticString) {
    let count = text.utf8CodeUnitCount
    reserve(count &+ 32)
    appendReservedHeader(0x24, count)
    unsafe Self.copy(text.utf8Start, to: tail, count)
    end &+= count
    appendReservedLineEnd()
  }

  /// Appends a string as a bulk string. Not for hot paths.
  @usableFromInline
  mutating func appendBulk(_ text: String) {
    var text = text
    text.withUTF8 { appendBulk(unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer($0))) }
  }

  /// Appends the decimal text of an integer as a bulk string.
  @inlinable
  mutating func appendBulk(integer: Int) {
    reserve(48)
    appendReservedHeader(0x24, DecimalText.byteCount(integer))
    end &+= unsafe DecimalText.write(integer, to: tail)
    appendReservedLineEnd()
  }
}
