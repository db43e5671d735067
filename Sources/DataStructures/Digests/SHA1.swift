// SPDX-License-Identifier: Apache-2.0

/// SHA-1 as in FIPS 180-4: for digests of datasets, never for a secret's protection.
public struct SHA1: Sendable {
  private var state: (UInt32, UInt32, UInt32, UInt32, UInt32)
  private var block = MessageBlock()

  /// A digest of nothing yet.
  public init() {
    state = (0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0)
  }

  /// The digest of `bytes`.
  public static func digest(of bytes: RawSpan) -> SHA1Digest {
    var sha = SHA1()
    sha.update(bytes)
    return sha.finish()
  }

  /// Appends `bytes` to the message.
  public mutating func update(_ bytes: RawSpan) {
    var position = 0
    while block.fill(from: bytes, position: &position) { compress() }
  }

  /// The digest of everything appended so far; a copy is finished, so more may follow.
  public func finish() -> SHA1Digest {
    var last = self
    if last.block.pad() {
      last.compress()
      last.block.clear()
    }
    last.block.setLength()
    last.compress()
    let state = last.state
    let words: [5 of UInt32] = [state.0, state.1, state.2, state.3, state.4]
    return SHA1Digest(
      bytes: [20 of UInt8] { index in
        UInt8(truncatingIfNeeded: words[index >> 2] >> UInt32(24 - 8 * (index & 3)))
      })
  }

  private mutating func compress() {
    var w = [80 of UInt32](repeating: 0)
    for index in 0..<16 { w[index] = block.words[index].byteSwapped }
    for index in 16..<80 {
      let mixed = w[index &- 3] ^ w[index &- 8] ^ w[index &- 14] ^ w[index &- 16]
      w[index] = mixed << 1 | mixed >> 31
    }
    var (a, b, c, d, e) = state
    for round in 0..<80 {
      let choice: UInt32
      let constant: UInt32
      switch round {
      case 0..<20: (choice, constant) = (b & c | ~b & d, 0x5a82_7999)
      case 20..<40: (choice, constant) = (b ^ c ^ d, 0x6ed9_eba1)
      case 40..<60: (choice, constant) = (b & c | b & d | c & d, 0x8f1b_bcdc)
      default: (choice, constant) = (b ^ c ^ d, 0xca62_c1d6)
      }
      let next = (a << 5 | a >> 27) &+ choice &+ e &+ constant &+ w[round]
      (e, d, c, b, a) = (d, c, b << 30 | b >> 2, a, next)
    }
    state.0 &+= a
    state.1 &+= b
    state.2 &+= c
    state.3 &+= d
    state.4 &+= e
  }
}
