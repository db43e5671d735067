// SPDX-License-Identifier: Apache-2.0

/// The 64-byte block that SHA-1 and SHA-256 collect a message in, with their common padding.
struct MessageBlock: Sendable {
  // Layout: byte i of the block is bits 8(i & 3) ... of word i >> 2, as a little-endian load leaves
  // it; the digests swap each word when they read it.
  /// The bytes collected so far, four to a word, zero behind them.
  var words = [16 of UInt32](repeating: 0)
  /// How many bytes of the block are filled, below 64 between calls.
  private var count = 0
  /// The message's length in bytes.
  private var total: UInt64 = 0

  /// Takes bytes from `position` on; true when the block is full and must be digested.
  mutating func fill(from bytes: RawSpan, position: inout Int) -> Bool {
    if count == 64 { clear() }
    let start = position
    while position < bytes.byteCount, count < 64 {
      if count & 3 == 0, bytes.byteCount &- position >= 4 {
        words[count >> 2] = bytes.octets4(at: position)
        position &+= 4
        count &+= 4
      } else {
        append(bytes.octet(at: position))
        position &+= 1
      }
    }
    total &+= UInt64(position &- start)
    return count == 64
  }

  /// Appends the padding's first byte; true when the block has no room left for the length.
  mutating func pad() -> Bool {
    if count == 64 { clear() }
    append(0x80)
    return count > 56
  }

  /// Writes the message's length in bits, big-endian, into the last eight bytes.
  mutating func setLength() {
    let bits = total << 3
    words[14] = UInt32(truncatingIfNeeded: bits >> 32).byteSwapped
    words[15] = UInt32(truncatingIfNeeded: bits).byteSwapped
  }

  /// Empties the block; the length stays.
  mutating func clear() {
    words = [16 of UInt32](repeating: 0)
    count = 0
  }

  private mutating func append(_ byte: UInt8) {
    words[count >> 2] |= UInt32(byte) << UInt32((count & 3) &* 8)
    count &+= 1
  }
}
