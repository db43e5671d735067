// SPDX-License-Identifier: Apache-2.0
//
// The 64-bit cyclic redundancy check by David T. Jones ("An Improved 64-bit Cyclic Redundancy Check
// for Protein Sequences"), reflected, starting at 0 and without a final exclusive-or: what stands
// at the end of RDB files and DUMP payloads. Eight bytes are taken per step, each through a table
// of its own ("slicing by 8", Kounavis and Berry, 2005).

/// The checksum of RDB files, of bytes that arrive in pieces.
///
/// The checksum of "123456789" is 0xe9c6d914c4b8d9ca.
public struct CRC64: Sendable {
  /// The checksum of everything so far.
  public private(set) var value: UInt64

  /// Starts with the checksum of what came before; 0 for nothing.
  public init(_ value: UInt64 = 0) { self.value = value }

  /// The checksum of `bytes` alone.
  public static func of(_ bytes: RawSpan) -> UInt64 {
    var checksum = CRC64()
    checksum.update(bytes)
    return checksum.value
  }

  /// Takes in more bytes.
  ///
  /// - Complexity: O(n), more than a byte per nanosecond.
  public mutating func update(_ bytes: RawSpan) {
    let tables = Tables.shared
    let count = bytes.byteCount
    var sum = value
    var offset = 0
    while offset &+ 8 <= count {
      let word = sum ^ bytes.octets8(at: offset)
      sum = tables[7, word] ^ tables[6, word >> 8] ^ tables[5, word >> 16]
      sum ^= tables[4, word >> 24] ^ tables[3, word >> 32] ^ tables[2, word >> 40]
      sum ^= tables[1, word >> 48] ^ tables[0, word >> 56]
      offset &+= 8
    }
    while offset < count {
      sum = tables[0, sum ^ UInt64(bytes.octet(at: offset))] ^ sum >> 8
      offset &+= 1
    }
    value = sum
  }

  /// Eight tables of 256 words: table `n` has the effect of a byte that `n` zero bytes follow.
  @safe
  private struct Tables: @unchecked Sendable {
    private let start: UnsafeMutablePointer<UInt64>

    /// Made once, never freed.
    static let shared = Tables()

    /// The polynomial ad93d23594c935a9 with its bits reversed.
    private static let polynomial: UInt64 = 0x95ac_9329_ac4b_c9b5

    private init() {
      unsafe start = .allocate(capacity: 8 * 256)
      for index in 0..<256 {
        var sum = UInt64(index)
        for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ Tables.polynomial : sum >> 1 }
        unsafe (start + index).initialize(to: sum)
      }
      for index in 256..<(8 * 256) {
        let sum = unsafe start[index - 256]
        unsafe (start + index).initialize(to: start[Int(sum & 0xff)] ^ sum >> 8)
      }
    }

    /// The word for the lowest byte of `word` in one of the tables.
    @inline(__always)
    subscript(table: Int, word: UInt64) -> UInt64 {
      unsafe start[table &* 256 &+ Int(truncatingIfNeeded: word & 0xff)]
    }
  }
}
