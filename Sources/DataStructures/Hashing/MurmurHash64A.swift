// SPDX-License-Identifier: Apache-2.0

/// MurmurHash2 in its 64-bit form A, by Austin Appleby: the hash that sketches are made of.
///
/// Its values are in stored data (a HyperLogLog of another server goes on to count here), so it
/// cannot be exchanged. It resists no attacker.
public enum MurmurHash64A {
  private static var multiplier: UInt64 { 0xc6a4_a793_5bd1_e995 }

  /// The hash of all bytes.
  ///
  /// - Complexity: O(n), eight bytes at a time.
  public static func hash(_ bytes: RawSpan, seed: UInt64) -> UInt64 {
    let count = bytes.byteCount
    var hash = seed ^ UInt64(truncatingIfNeeded: count) &* multiplier
    var offset = 0
    while offset &+ 8 <= count {
      var word = bytes.octets8(at: offset) &* multiplier
      word ^= word >> 47
      word = word &* multiplier
      hash = (hash ^ word) &* multiplier
      offset &+= 8
    }
    if offset < count {
      hash = (hash ^ bytes.octets(at: offset, count: count &- offset)) &* multiplier
    }
    hash = (hash ^ hash >> 47) &* multiplier
    return hash ^ hash >> 47
  }
}
