// SPDX-License-Identifier: Apache-2.0

/// Writes commands as followers and logs read them: arrays of bulk strings.
public enum CommandWriter {
  /// Starts a command of so many words, its name included.
  @inlinable
  public static func append(arrayCount: Int, to buffer: inout ByteBuffer) {
    buffer.appendHeader(0x2A, arrayCount)
  }

  /// The next word.
  @inlinable
  public static func append(bulk bytes: RawSpan, to buffer: inout ByteBuffer) {
    buffer.appendBulk(bytes)
  }

  /// The next word.
  @inlinable
  public static func append(bulk text: StaticString, to buffer: inout ByteBuffer) {
    buffer.appendBulk(text)
  }

  /// The next word, a number in decimal.
  @inlinable
  public static func append(integer: Int, to buffer: inout ByteBuffer) {
    buffer.appendBulk(integer: integer)
  }
}
