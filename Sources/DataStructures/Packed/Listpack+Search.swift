// SPDX-License-Identifier: Apache-2.0

extension Listpack {
  /// Whether the entry at `position` reads as `text`.
  @inlinable
  public func equals(_ text: RawSpan, at position: Int) -> Bool {
    if let integer = integer(at: position) { return integer == CanonicalInteger.parse(text) }
    return bytes(at: position).equals(text)
  }

  /// Position of the first entry that reads as `text`, among every `stride`-th from `position` on.
  ///
  /// With a stride of 2 it looks at names only in a list of names and values.
  ///
  /// - Complexity: O(n); the text is parsed once.
  @inlinable
  public func find(_ text: RawSpan, from position: Int?, stride: Int = 1) -> Int? {
    guard var position = position else { return nil }
    let wanted = CanonicalInteger.parse(text)
    let count = text.byteCount
    while true {
      let head = byte(position)
      if head & 0xC0 == 0x80 {
        // Short text, by far the most frequent: its length is in the head.
        if Int(head & 0x3F) == count && bytes(at: position).equals(text) { return position }
      } else if let integer = integer(at: position) {
        if integer == wanted { return position }
      } else if bytes(at: position).equals(text) {
        return position
      }
      var step = stride
      repeat {
        position &+= entryCount(at: position)
        if byte(position) == 0xFF { return nil }
        step &-= 1
      } while step > 0
    }
  }
}
