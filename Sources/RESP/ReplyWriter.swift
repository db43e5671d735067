// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Owner of the bytes that a client is to receive.
///
/// Commands say what they reply (`integer`, `bulk`, `map`...); how that looks in RESP2 and RESP3 is
/// decided here. They ask for `version` only where RESP3 has another structure, as pairs that are
/// arrays of their own. An empty writer may lend its memory to another connection
/// (`takeStorage`, `adopt`), so idle connections own none.
@safe
public struct ReplyWriter: ~Copyable {
  @usableFromInline var buffer = ByteBuffer()
  /// The format of what is appended from now on.
  public var version: ProtocolVersion

  /// Makes a writer without memory.
  @inlinable
  public init(version: ProtocolVersion = .resp2) { self.version = version }

  /// Number of bytes that wait to be sent.
  @inlinable public var count: Int { buffer.count }
  /// Size of the memory in bytes.
  @inlinable public var capacity: Int { buffer.capacity }
  /// Whether nothing waits to be sent.
  @inlinable public var isEmpty: Bool { buffer.isEmpty }

  /// The bytes that wait to be sent.
  @inlinable
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get { buffer.bytes }
  }

  // MARK: - Scalars

  /// Replies OK.
  @inlinable
  public mutating func ok() { buffer.appendOK() }

  /// Replies with a status line.
  @inlinable
  public mutating func status(_ text: StaticString) {
    buffer.append(byte: 0x2B)
    buffer.append(text)
    buffer.append("\r\n")
  }

  /// Replies with an integer.
  @inlinable
  public mutating func integer(_ value: Int) { buffer.appendHeader(0x3A, value) }

  /// Replies with a bulk string.
  @inlinable
  public mutating func bulk(_ bytes: RawSpan) { buffer.appendBulk(bytes) }

  /// Replies with a literal as a bulk string.
  @inlinable
  public mutating func bulk(_ text: StaticString) { buffer.appendBulk(text) }

  /// Replies with a string as a bulk string. Not for hot paths.
  @inlinable @_disfavoredOverload
  public mutating func bulk(_ text: String) { buffer.appendBulk(text) }

  /// Replies with an integer as a bulk string, as GET does for a value stored as a number.
  @inlinable
  public mutating func bulk(integer: Int) { buffer.appendBulk(integer: integer) }

  /// Replies that there is no value.
  @inlinable
  public mutating func null() {
    if version == .resp2 { buffer.append("$-1\r\n") } else { buffer.append("_\r\n") }
  }

  /// Replies that there is no array, as an aborted EXEC or a timed-out BLPOP does.
  @inlinable
  public mutating func nullArray() {
    if version == .resp2 { buffer.append("*-1\r\n") } else { buffer.append("_\r\n") }
  }

  // MARK: - Bytes

  /// Appends bytes that are protocol already.
  @inlinable
  public mutating func append(raw bytes: RawSpan) { buffer.append(bytes) }

  /// Appends a literal that is protocol already.
  @inlinable
  public mutating func append(_ text: StaticString) { buffer.append(text) }

  /// Appends one byte of protocol.
  @inlinable
  public mutating func append(byte: UInt8) { buffer.append(byte: byte) }

  /// Appends a number as decimal text, without anything around it.
  @inlinable
  public mutating func append(decimal number: Int) { buffer.append(integer: number) }

  /// Drops what was appended behind the first `count` bytes.
  @inlinable
  public mutating func truncate(to count: Int) { buffer.truncate(to: count) }

  /// Drops bytes that have been sent.
  @inlinable
  public mutating func removeFirst(_ byteCount: Int) { buffer.removeFirst(byteCount) }

  /// Drops all bytes, and the memory too unless it is to be kept.
  @inlinable
  public mutating func removeAll(keepingCapacity: Bool = true) {
    buffer.removeAll(keepingCapacity: keepingCapacity)
  }

  /// Makes room for `byteCount` more bytes.
  @inlinable
  public mutating func reserve(_ byteCount: Int) { buffer.reserve(byteCount) }

  // MARK: - Pooling

  /// Takes the memory out of an empty writer; nil if it has none. Precondition: `isEmpty`.
  @inlinable
  public mutating func takeStorage() -> ReplyStorage? {
    precondition(isEmpty)
    guard let base = unsafe buffer.base else { return nil }
    let storage = unsafe ReplyStorage(base: base, capacity: buffer.capacity)
    unsafe buffer.base = nil
    buffer.size = 0
    buffer.start = 0
    buffer.end = 0
    return storage
  }

  /// Gives memory to a writer that has none; a writer with memory frees the offered one.
  @inlinable
  public mutating func adopt(_ storage: ReplyStorage) {
    guard unsafe buffer.base == nil else { return storage.deallocate() }
    unsafe buffer.base = storage.base
    buffer.size = storage.capacity
  }
}
