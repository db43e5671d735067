// SPDX-License-Identifier: Apache-2.0

/// Errors, and the scalar types that only RESP3 has.
extension ReplyWriter {
  /// Replies with a known error, for example `ERR syntax error`: no dash, no line end.
  public mutating func error(_ text: StaticString) {
    buffer.append(byte: 0x2D)
    buffer.append(text)
    buffer.append("\r\n")
  }

  /// Replies with an error whose text was composed.
  @_disfavoredOverload
  public mutating func error(_ text: String) {
    var text = text
    text.withUTF8 { utf8 in
      error(text: unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(utf8)))
    }
  }

  /// Replies with an error whose text may hold client bytes: line ends in it become blanks, those
  /// behind it vanish.
  public mutating func error(text: RawSpan) {
    var count = text.byteCount
    while count > 0, ReplyWriter.isLineEnd(text, at: count - 1) { count -= 1 }
    buffer.append(byte: 0x2D)
    appendLine(text.extracting(first: count))
  }

  private static func isLineEnd(_ text: RawSpan, at index: Int) -> Bool {
    let byte = unsafe text.unsafeLoad(fromByteOffset: index, as: UInt8.self)
    return byte == 0x0D || byte == 0x0A
  }

  /// Replies with a status line that was composed; line ends in it become blanks.
  @_disfavoredOverload
  public mutating func status(_ text: String) {
    var text = text
    buffer.append(byte: 0x2B)
    text.withUTF8 { appendLine(unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer($0))) }
  }

  /// Replies with a floating-point number; in RESP2 as a bulk string.
  public mutating func double(_ value: Double) {
    buffer.reserve(8 + DoubleText.maxByteCount + 8)
    // The longest text has 24 bytes: behind a header for two digits it has its place already.
    let tail = unsafe buffer.tail
    let gap = version == .resp3 ? 1 : 5
    let text = unsafe tail + gap
    let count = unsafe DoubleText.write(value, to: text)
    if version == .resp3 {
      unsafe tail.storeBytes(of: 0x2C, as: UInt8.self)
      buffer.end += 1
    } else if count < 10 {
      let first = unsafe text.loadUnaligned(as: UInt64.self)
      let last = unsafe text.loadUnaligned(fromByteOffset: 8, as: UInt8.self)
      buffer.appendHeader(0x24, count)
      unsafe buffer.tail.storeBytes(of: first, as: UInt64.self)
      unsafe buffer.tail.storeBytes(of: last, toByteOffset: 8, as: UInt8.self)
    } else {
      let tens = count / 10
      let digits = UInt32(truncatingIfNeeded: (tens + 48) << 8 | (count - tens * 10 + 48) << 16)
      unsafe tail.storeBytes(of: (0x0D00_0024 | digits).littleEndian, as: UInt32.self)
      unsafe tail.storeBytes(of: 0x0A, toByteOffset: 4, as: UInt8.self)
      buffer.end += 5
    }
    buffer.end += count
    buffer.appendReservedLineEnd()
  }

  /// Replies with a number in the form of INCRBYFLOAT, as GEOPOS does; in RESP2 as a bulk string.
  public mutating func humanDouble(_ value: LongDouble) {
    var text = ByteBuffer()
    LongDoubleText.append(value, to: &text)
    if version == .resp2 { return buffer.appendBulk(text.bytes) }
    buffer.append(byte: 0x2C)
    buffer.append(text.bytes)
    buffer.append("\r\n")
  }

  /// Replies true or false; in RESP2 as 1 or 0.
  public mutating func boolean(_ value: Bool) {
    if version == .resp2 { return integer(value ? 1 : 0) }
    if value { buffer.append("#t\r\n") } else { buffer.append("#f\r\n") }
  }

  /// Replies with an integer of any size, given as digits; in RESP2 as a bulk string.
  public mutating func bigNumber(_ digits: String) {
    if version == .resp2 { return bulk(digits) }
    buffer.append(byte: 0x28)
    buffer.append(digits)
    buffer.append("\r\n")
  }

  /// Replies with text that is meant for people; in RESP2 as a bulk string.
  ///
  /// The format is a name of three letters, such as `txt` or `mkd`.
  public mutating func verbatim(_ text: String, format: StaticString) {
    var text = text
    text.withUTF8 { utf8 in
      verbatim(unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(utf8)), format: format)
    }
  }

  /// Replies with bytes that are meant for people; in RESP2 as a bulk string.
  public mutating func verbatim(_ text: RawSpan, format: StaticString) {
    if version == .resp2 { return bulk(text) }
    precondition(format.utf8CodeUnitCount == 3)
    buffer.appendHeader(0x3D, text.byteCount + 4)
    buffer.append(format)
    buffer.append(byte: 0x3A)
    buffer.append(text)
    buffer.append("\r\n")
  }

  /// Appends one line, with blanks in place of line ends.
  private mutating func appendLine(_ text: RawSpan) {
    unsafe buffer.append(upTo: text.byteCount) { room in
      for index in 0..<text.byteCount {
        let byte = unsafe text.unsafeLoad(fromByteOffset: index, as: UInt8.self)
        unsafe room[index] = byte == 0x0D || byte == 0x0A ? 0x20 : byte
      }
      return text.byteCount
    }
    buffer.append("\r\n")
  }
}
