// SPDX-License-Identifier: Apache-2.0

/// Reference to one bucket: 64 bytes, one cache line, up to seven elements.
///
///     0     1           6     7         8        16            56       64
///     +-----+-----+-----+-----+---------+--------+--  ...  ----+--------+
///     | tag | tag | ... | tag | control | word 0 | word 1  ... | word 6 |
///     +-----+-----+-----+-----+---------+--------+--  ...  ----+--------+
///
/// - tag: bit 7 is set if the slot is used, bits 0-6 are the highest bits of the element's hash.
///   The used slots are always the first ones.
/// - control: bit 0 is set if word 6 is the address of a child bucket; tag 6 is 0 then. Bits 1-7
///   are the epoch of the chain (see Allocator+Epochs.swift), zero in a child.
/// - A bucket with a child has six elements, its last descendant has 2 to 7. So a chain of n
///   elements has one bucket up to n = 7 and as few as possible beyond.
@safe @usableFromInline
struct Bucket {
  /// The eight words of the bucket; the first one holds the tags and the control byte.
  @usableFromInline let words: UnsafeMutablePointer<UInt64>

  /// Elements that fit into a bucket without a child.
  @inlinable static var slotCount: Int { 7 }
  /// Bytes in a bucket.
  @inlinable static var byteCount: Int { 64 }
  /// Control bit in the header: the last slot leads to a child bucket.
  @inlinable static var isChained: UInt64 { 1 << 56 }
  /// Bit 7 of each tag.
  @inlinable static var usedBits: UInt64 { 0x0080_8080_8080_8080 }

  /// The bucket at `address`.
  @inlinable @inline(__always)
  init(at address: UInt) {
    assert(address != 0 && address % 64 == 0)
    unsafe words = unsafe UnsafeMutablePointer(bitPattern: address).unsafelyUnwrapped
  }

  /// Where the bucket is.
  @inlinable @inline(__always)
  var address: UInt { UInt(bitPattern: unsafe words) }

  /// Tags in bytes 0-6, the control byte in byte 7.
  @inlinable @inline(__always)
  var header: UInt64 {
    get { unsafe UInt64(littleEndian: words[0]) }
    nonmutating set { unsafe words[0] = newValue.littleEndian }
  }

  /// Control bits in the header: the epoch.
  @inlinable static var epochBits: UInt64 { 0xfe00_0000_0000_0000 }

  /// The header of a bucket without elements that is made in this epoch.
  @inlinable
  static func emptyHeader(_ epoch: UInt8) -> UInt64 { UInt64(epoch) &<< 57 }

  /// The epoch in which the chain that begins here was made or last announced.
  @inlinable @inline(__always)
  var epoch: UInt8 {
    get { UInt8(truncatingIfNeeded: header &>> 57) }
    nonmutating set { header = header & ~Bucket.epochBits | Bucket.emptyHeader(newValue) }
  }

  /// The word in slot `slot`.
  @inlinable @inline(__always)
  subscript(slot: Int) -> UInt64 {
    get {
      assert(slot >= 0 && slot < Bucket.slotCount)
      return unsafe words[slot &+ 1]
    }
    nonmutating set {
      assert(slot >= 0 && slot < Bucket.slotCount)
      unsafe words[slot &+ 1] = newValue
    }
  }

  /// Address of slot `slot`.
  @inlinable @inline(__always)
  func slotAddress(_ slot: Int) -> UnsafeMutablePointer<UInt64> { unsafe words + (slot &+ 1) }

  /// The child bucket; the header must say that there is one.
  @inlinable @inline(__always)
  var child: Bucket { Bucket(at: UInt(truncatingIfNeeded: self[6])) }

  /// Whether there is a child bucket.
  @inlinable @inline(__always)
  var isChained: Bool { header & Bucket.isChained != 0 }

  /// Number of elements in this bucket, without its descendants.
  @inlinable @inline(__always)
  var usedCount: Int { Bucket.usedCount(header) }

  /// Number of elements in a bucket with this header.
  @inlinable @inline(__always)
  static func usedCount(_ header: UInt64) -> Int {
    // The used slots are the first ones: the number of clear bits below the first unused tag.
    (~header & usedBits | 1 &<< 56).trailingZeroBitCount &>> 3
  }

  /// The tag of elements with this hash, bit 7 set.
  @inlinable @inline(__always)
  static func tag(_ hash: UInt64) -> UInt64 { hash &>> 57 | 0x80 }

  /// Bit 7 of each tag in `header` that belongs to `hash`; no other bit.
  @inlinable @inline(__always)
  static func matches(_ header: UInt64, _ hash: UInt64) -> UInt64 {
    // A byte of `difference` is zero where the tag matches. Adding 0x7f to its low seven bits
    // carries into bit 7 unless they are zero, and never into the next byte.
    let difference = header ^ (tag(hash) &* 0x0001_0101_0101_0101)
    let low: UInt64 = 0x7f7f_7f7f_7f7f_7f7f
    return ~(((difference & low) &+ low) | difference) & usedBits
  }

  /// The slot that the lowest bit of a result of `matches` stands for.
  @inlinable @inline(__always)
  static func slot(_ matches: UInt64) -> Int { matches.trailingZeroBitCount &>> 3 }
}
