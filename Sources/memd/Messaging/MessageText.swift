// SPDX-License-Identifier: Apache-2.0

import RESP

/// A message as it is sent, for both versions of the protocol.
///
/// The server has one and uses it for every message, so that publishing allocates nothing.
final class MessageText {
  /// As an array, for RESP2.
  private var array = ReplyWriter()
  /// As a push, for RESP3: only the first byte differs.
  private var push = ReplyWriter()

  /// Starts a message: how many elements, and the word that says what it is.
  func begin(_ elementCount: Int, _ word: StaticString) {
    array.removeAll()
    push.removeAll()
    array.array(elementCount)
    array.bulk(word)
  }

  /// The next element.
  func append(_ bytes: RawSpan) { array.bulk(bytes) }

  /// The length of the last element, whose bytes and line end are not part of this text.
  func append(lengthOf bytes: SharedBytes) {
    array.append(byte: UInt8(ascii: "$"))
    array.append(decimal: bytes.count)
    array.append("\r\n")
  }

  /// Nothing more is appended: makes the other form.
  func end() {
    push.append(byte: UInt8(ascii: ">"))
    let text = bytes(.resp2)
    push.append(raw: text.extracting(1..<text.byteCount))
  }

  /// Gives memory back that an unusually long text has taken.
  func trim() {
    guard array.capacity > 64 << 10 else { return }
    array.removeAll(keepingCapacity: false)
    push.removeAll(keepingCapacity: false)
  }

  /// The text for a client that speaks this version.
  @_lifetime(borrow self)
  func bytes(_ version: ProtocolVersion) -> RawSpan {
    if version == .resp2 { return unsafe _overrideLifetime(array.bytes, borrowing: self) }
    return unsafe _overrideLifetime(push.bytes, borrowing: self)
  }

  static var lineEnd: RawSpan {
    @_lifetime(immortal)
    get {
      let text: StaticString = "\r\n"
      let span = unsafe RawSpan(_unsafeStart: text.utf8Start, byteCount: text.utf8CodeUnitCount)
      return unsafe _overrideLifetime(span, copying: ())
    }
  }
}
