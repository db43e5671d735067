// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A text where a collection keeps it, perhaps as an integer; valid until the keyspace changes.
@safe
struct StoredText {
  private let start: UnsafeRawPointer?
  /// The integer, or the number of bytes at `start`.
  private let payload: Int
  private let isInteger: Bool

  /// Bytes that stay where they are until the keyspace changes.
  @inline(__always)
  init(_ bytes: RawSpan) {
    unsafe start = unsafe bytes.withUnsafeBytes { $0.baseAddress }
    payload = bytes.byteCount
    isInteger = false
  }

  /// An integer, which stands for its decimal text.
  @inline(__always)
  init(integer: Int) {
    unsafe start = nil
    payload = integer
    isInteger = true
  }

  /// The entry at a position of a listpack.
  @inline(__always)
  init(_ listpack: Listpack, at position: Int) {
    if let integer = listpack.integer(at: position) {
      self.init(integer: integer)
    } else {
      self.init(listpack.bytes(at: position))
    }
  }

  /// The integer, if it is stored as one.
  var integer: Int? { isInteger ? payload : nil }

  /// Length of the text in bytes.
  var count: Int { isInteger ? DecimalText.byteCount(payload) : payload }

  /// The stored bytes; empty if it is stored as an integer.
  var stored: RawSpan {
    @_lifetime(borrow self)
    @inline(__always)
    get {
      guard let start = unsafe start, !isInteger else { return RawSpan() }
      let span = unsafe RawSpan(_unsafeStart: start, byteCount: payload)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The text; an integer's digits are written into `scratch`.
  @_lifetime(&scratch)
  func text(_ scratch: inout DecimalScratch) -> RawSpan {
    if isInteger { return scratch.write(payload) }
    let span = stored
    return unsafe _overrideLifetime(span, mutating: &scratch)
  }
}
