// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Owner of a growing run of bytes, filled at the end and drained from the front.
///
///     base          start           end          capacity
///      |   drained   |    bytes      |    room       |
///
/// It allocates nothing before the first append, doubles when full, and slides its bytes down
/// instead of growing when half of it is drained. The memory comes from malloc, so that it can be
/// pooled.
@safe
public struct ByteBuffer: ~Copyable {
  @usableFromInline var base: UnsafeMutableRawPointer?
  @usableFromInline var start = 0
  @usableFromInline var end = 0
  @usableFromInline var size = 0

  /// Makes an empty buffer without memory.
  @inlinable public init() { unsafe base = nil }

  /// Makes an empty buffer with room for the given number of bytes.
  public init(capacity: Int) {
    self.init()
    reserve(capacity)
  }

  deinit { unsafe free(base) }

  /// Size of the memory in bytes.
  @inlinable public var capacity: Int { size }

  /// Number of bytes in the buffer.
  @inlinable public var count: Int { end &- start }

  /// Whether there is no byte in the buffer.
  @inlinable public var isEmpty: Bool { end == start }

  /// The bytes in the buffer.
  @inlinable
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let whole = unsafe UnsafeRawBufferPointer(
        start: base.map { unsafe UnsafeRawPointer($0) + start }, count: end &- start)
      return unsafe _overrideLifetime(RawSpan(_unsafeBytes: whole), borrowing: self)
    }
  }

  /// Makes room for `byteCount` more bytes.
  @inlinable @inline(__always)
  public mutating func reserve(_ byteCount: Int) {
    if size &- end < byteCount { grow(byteCount) }
  }

  /// Address behind the last byte. Only after `reserve`.
  @inlinable
  var tail: UnsafeMutableRawPointer {
    // Proof: whoever asks has reserved at least one byte, so there is memory.
    @inline(__always) get { unsafe base.unsafelyUnwrapped + end }
  }

  /// Appends bytes.
  @inlinable @inline(__always)
  public mutating func append(_ bytes: RawSpan) {
    let count = bytes.byteCount
    if count == 0 { return }
    reserve(count)
    unsafe bytes.withUnsafeBytes { source in
      unsafe Self.copy(source.baseAddress.unsafelyUnwrapped, to: tail, count)
    }
    end &+= count
  }

  /// Appends the bytes of a literal.
  @inlinable @inline(__always)
  public mutating func append(_ text: StaticString) {
    let count = text.utf8CodeUnitCount
    reserve(count)
    unsafe Self.copy(text.utf8Start, to: tail, count)
    end &+= count
  }

  /// Appends the UTF-8 of a string. Not for hot paths.
  @_disfavoredOverload
  public mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append(unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer($0))) }
  }

  /// Appends one byte.
  @inlinable
  public mutating func append(byte: UInt8) {
    reserve(1)
    unsafe tail.storeBytes(of: byte, as: UInt8.self)
    end &+= 1
  }

  /// Appends an integer as decimal text.
  @inlinable
  public mutating func append(integer: Int) {
    reserve(DecimalText.maxByteCount)
    end &+= unsafe DecimalText.write(integer, to: tail)
  }

  /// Lets `body` fill up to `byteCount` bytes behind the end; it returns how many it wrote.
  @inlinable
  public mutating func append(
    upTo byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int
  ) {
    reserve(max(byteCount, 1))
    let written = unsafe body(UnsafeMutableRawBufferPointer(start: tail, count: byteCount))
    precondition(written >= 0 && written <= byteCount)
    end &+= written
  }

  /// Drops the bytes behind the first `newCount`.
  @inlinable
  public mutating func truncate(to newCount: Int) {
    precondition(newCount >= 0 && newCount <= count)
    end = start &+ newCount
  }

  /// Drops the first bytes.
  /// - Complexity: O(1); the room is used again when the buffer would have to grow.
  @inlinable
  public mutating func removeFirst(_ byteCount: Int) {
    precondition(byteCount >= 0 && byteCount <= count)
    start &+= byteCount
    if start == end {
      start = 0
      end = 0
    }
  }

  /// Drops all bytes, and the memory too unless it is to be kept.
  public mutating func removeAll(keepingCapacity: Bool = true) {
    start = 0
    end = 0
    if keepingCapacity { return }
    unsafe free(base)
    unsafe base = nil
    size = 0
  }

  /// Copies a few bytes without a call; longer runs go to memmove.
  @inlinable @inline(__always)
  static func copy(
    _ source: UnsafeRawPointer, to destination: UnsafeMutableRawPointer, _ count: Int
  ) {
    if count >= 8 && count <= 32 {
      let head = unsafe source.loadUnaligned(as: UInt64.self)
      let last = unsafe source.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
      if count > 16 {
        // Both in the middle may overlap each other and those at the ends.
        let second = unsafe source.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        let third = unsafe source.loadUnaligned(fromByteOffset: count &- 16, as: UInt64.self)
        unsafe destination.storeBytes(of: second, toByteOffset: 8, as: UInt64.self)
        unsafe destination.storeBytes(of: third, toByteOffset: count &- 16, as: UInt64.self)
      }
      unsafe destination.storeBytes(of: head, as: UInt64.self)
      unsafe destination.storeBytes(of: last, toByteOffset: count &- 8, as: UInt64.self)
    } else {
      unsafe destination.copyMemory(from: source, byteCount: count)
    }
  }

  /// Opens a gap of `byteCount` bytes in front of the byte at `offset` and returns its address.
  mutating func openGap(_ byteCount: Int, at offset: Int) -> UnsafeMutableRawPointer {
    precondition(offset >= 0 && offset <= count)
    reserve(max(byteCount, 1))
    let gap = unsafe base.unsafelyUnwrapped + (start + offset)
    unsafe (gap + byteCount).copyMemory(from: gap, byteCount: count - offset)
    end += byteCount
    return unsafe gap
  }

  @usableFromInline @inline(never)
  mutating func grow(_ byteCount: Int) {
    let used = end - start
    if start >= size / 2 && size - used >= byteCount, let base = unsafe base {
      unsafe base.copyMemory(from: base + start, byteCount: used)
      start = 0
      end = used
      return
    }
    let (needed, overflows) = end.addingReportingOverflow(byteCount)
    precondition(!overflows)
    let grown = max(needed, size * 2, 512)
    guard let memory = unsafe realloc(base, grown) else {
      fatalError("out of memory for \(grown) bytes")
    }
    unsafe base = memory
    size = grown
  }
}
