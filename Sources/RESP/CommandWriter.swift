// SPDX-License-Identifier: Apache-2.0

/// Writer of commands in the form in which servers receive them: arrays of bulk strings.
///
///     writer.begin(argumentCount: 3)
///     writer.append("SET")
///     writer.append(key)
///     writer.append(integer: 5)
@safe
public struct CommandWriter: ~Copyable {
  @usableFromInline var buffer = ByteBuffer()

  /// Makes a writer without memory.
  @inlinable public init() {}

  /// Number of bytes written and not yet removed.
  @inlinable public var count: Int { buffer.count }
  /// Whether nothing is written.
  @inlinable public var isEmpty: Bool { buffer.isEmpty }
  /// Size of the memory in bytes.
  @inlinable public var capacity: Int { buffer.capacity }

  /// The bytes written and not yet removed.
  @inlinable
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get { buffer.bytes }
  }

  /// Begins a command with the given number of arguments, its name included.
  @inlinable
  public mutating func begin(argumentCount: Int) { buffer.appendHeader(0x2A, argumentCount) }

  /// Appends an argument.
  @inlinable
  public mutating func append(_ argument: RawSpan) { buffer.appendBulk(argument) }

  /// Appends an argument given as a literal.
  @inlinable
  public mutating func append(_ argument: StaticString) { buffer.appendBulk(argument) }

  /// Appends an argument given as a string. Not for hot paths.
  @inlinable @_disfavoredOverload
  public mutating func append(_ argument: String) { buffer.appendBulk(argument) }

  /// Appends an integer as an argument.
  @inlinable
  public mutating func append(integer: Int) { buffer.appendBulk(integer: integer) }

  /// Appends a floating-point number as an argument, written as ZADD reads it back unchanged.
  public mutating func append(double: Double) {
    var text = ByteBuffer()
    DoubleText.append(double, to: &text)
    buffer.appendBulk(text.bytes)
  }

  /// Begins an argument of so many bytes, which follow by `append(raw:)`.
  public mutating func beginArgument(byteCount: Int) { buffer.appendHeader(0x24, byteCount) }

  /// Ends an argument whose bytes have been appended.
  public mutating func endArgument() { buffer.append("\r\n") }

  /// Appends a whole request, arguments in order.
  @inlinable
  public mutating func append(_ arguments: Arguments) {
    begin(argumentCount: arguments.count)
    for index in 0..<arguments.count { append(arguments[index]) }
  }

  /// Appends bytes that are commands already, for example a canonical request.
  @inlinable
  public mutating func append(raw bytes: RawSpan) { buffer.append(bytes) }

  /// Drops what was written behind the first `count` bytes.
  @inlinable
  public mutating func truncate(to count: Int) { buffer.truncate(to: count) }

  /// Drops bytes from the front.
  @inlinable
  public mutating func removeFirst(_ byteCount: Int) { buffer.removeFirst(byteCount) }

  /// Drops all bytes, and the memory too unless it is to be kept.
  @inlinable
  public mutating func removeAll(keepingCapacity: Bool = true) {
    buffer.removeAll(keepingCapacity: keepingCapacity)
  }
}
