// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Goes over the payload of a record.
struct ImageReader: ~Escapable {
  private let bytes: RawSpan
  private var offset = 0

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan) { self.bytes = bytes }

  var isAtEnd: Bool { offset >= bytes.byteCount }

  /// The next eight bytes.
  mutating func integer() -> Int64 {
    defer { offset += 8 }
    return unsafe bytes.unsafeLoad(fromByteOffset: offset, as: Int64.self)
  }

  /// The next eight bytes as a number of things.
  mutating func count() -> Int { Int(integer()) }

  /// The next sixteen bytes.
  mutating func id() -> StreamID {
    let milliseconds = UInt64(bitPattern: integer())
    return StreamID(milliseconds, UInt64(bitPattern: integer()))
  }

  /// The next length and the bytes behind it, which are filled up to a multiple of eight.
  @_lifetime(copy self)
  mutating func text() -> RawSpan {
    let count = self.count()
    return take(count)
  }

  /// The next bytes, filled up to a multiple of eight.
  @_lifetime(copy self)
  mutating func take(_ count: Int) -> RawSpan {
    let start = offset
    offset += (count + 7) & ~7
    return bytes.extracting(start..<start + count)
  }
}
