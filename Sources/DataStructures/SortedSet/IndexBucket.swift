// SPDX-License-Identifier: Apache-2.0

/// Reference to one bucket of a member index: 64 bytes, one cache line, up to twelve references.
///
///     0     1            12          16                56             60        64
///     +-----+--  ...  ---+-----------+--  ...  --------+--------------+---------+
///     | tag 0  ...   11  | reference 0  ...            | reference 11 | control |
///     +-----+--  ...  ---+-----------+--  ...  --------+--------------+---------+
///                                                      | child address, bit 63  |
///                                                      +------------------------+
///
/// - tag: the highest eight bits of the member's hash, or 1 if they are 0. A tag of 0 is that of a
///   free slot; the used slots are always the first ones.
/// - If bit 63 is set, the last eight bytes are the address of a child bucket, and tag 11 is 0.
/// - A bucket with a child has eleven references, its last descendant has 2 to 12.
@safe
struct IndexBucket {
  private let base: UnsafeMutableRawPointer

  /// References that fit into a bucket without a child.
  static var slotCount: Int { 12 }
  /// Bytes in a bucket.
  static var byteCount: Int { BucketArray.bucketByteCount }

  /// The bucket at `address`.
  @inline(__always)
  init(at address: UInt) {
    assert(address != 0 && address % 64 == 0)
    unsafe base = unsafe UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped
  }

  /// Where the bucket is.
  @inline(__always)
  var address: UInt { UInt(bitPattern: unsafe base) }

  /// Makes the bucket empty and childless.
  func clear() {
    unsafe base.initializeMemory(as: UInt64.self, repeating: 0, count: IndexBucket.byteCount / 8)
  }

  /// The tag of members with this hash.
  @inline(__always)
  static func tag(_ hash: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: max(hash &>> 56, 1)) }

  @inline(__always)
  private var lowTags: UInt64 { unsafe base.load(as: UInt64.self) }

  @inline(__always)
  private var highTags: UInt64 { UInt64(unsafe base.load(fromByteOffset: 8, as: UInt32.self)) }

  /// The slots with this tag.
  @inline(__always)
  func matches(_ tag: UInt8) -> TagMatches {
    let pattern = UInt64(tag) &* 0x0101_0101_0101_0101
    return TagMatches(
      low: IndexBucket.zeroBytes(lowTags ^ pattern),
      // Above the four tags stand bytes of a reference.
      high: IndexBucket.zeroBytes(highTags ^ (pattern & 0xffff_ffff)) & 0xffff_ffff)
  }

  /// Bit 7 of each byte of `word` that is zero.
  @inline(__always)
  private static func zeroBytes(_ word: UInt64) -> UInt64 {
    let low: UInt64 = 0x7f7f_7f7f_7f7f_7f7f
    return ~(((word & low) &+ low) | word) & 0x8080_8080_8080_8080
  }

  /// Number of references in this bucket, without its descendants.
  @inline(__always)
  var usedCount: Int {
    let high = highTags
    if high != 0 { return 16 &- high.leadingZeroBitCount &>> 3 }
    return 8 &- lowTags.leadingZeroBitCount &>> 3
  }

  /// The reference in a slot.
  @inline(__always)
  subscript(slot: Int) -> MemberReference {
    get {
      assert(slot >= 0 && slot < IndexBucket.slotCount)
      return MemberReference(
        rawValue: unsafe base.load(fromByteOffset: 12 &+ slot &* 4, as: UInt32.self))
    }
    nonmutating set {
      assert(slot >= 0 && slot < IndexBucket.slotCount)
      unsafe base.storeBytes(
        of: newValue.rawValue, toByteOffset: 12 &+ slot &* 4, as: UInt32.self)
    }
  }

  /// The tag in a slot.
  @inline(__always)
  func tag(_ slot: Int) -> UInt8 { unsafe base.load(fromByteOffset: slot, as: UInt8.self) }

  /// Marks all slots as free; returns the tags, as their references are still there.
  func takeTags() -> SIMD16<UInt8> {
    var tags = SIMD16<UInt8>()
    for slot in 0..<IndexBucket.slotCount {
      tags[slot] = tag(slot)
      free(slot)
    }
    return tags
  }

  /// Puts a reference into a slot.
  @inline(__always)
  func set(_ slot: Int, _ tag: UInt8, _ reference: MemberReference) {
    unsafe base.storeBytes(of: tag, toByteOffset: slot, as: UInt8.self)
    self[slot] = reference
  }

  /// Marks a slot as free.
  @inline(__always)
  func free(_ slot: Int) { unsafe base.storeBytes(of: 0, toByteOffset: slot, as: UInt8.self) }

  @inline(__always)
  private var lastWord: UInt64 { unsafe base.load(fromByteOffset: 56, as: UInt64.self) }

  /// The child bucket.
  @inline(__always)
  var child: IndexBucket? {
    get {
      let word = lastWord
      guard word &>> 63 != 0 else { return nil }
      return IndexBucket(at: UInt(truncatingIfNeeded: word & 0xffff_ffff_ffff))
    }
    nonmutating set {
      let word = newValue.map { UInt64($0.address) | 1 &<< 63 } ?? 0
      unsafe base.storeBytes(of: word, toByteOffset: 56, as: UInt64.self)
    }
  }

  /// Slots for references.
  @inline(__always)
  var room: Int { lastWord &>> 63 != 0 ? IndexBucket.slotCount &- 1 : IndexBucket.slotCount }
}

/// Slots of a bucket that have the tag that was asked for, from the first to the last.
struct TagMatches {
  /// Bit 7 of byte n is set for slot n.
  fileprivate var low: UInt64
  /// The same for slot n + 8.
  fileprivate var high: UInt64

  /// Whether there is none left.
  @inline(__always)
  var isEmpty: Bool { low | high == 0 }

  /// The next slot; nil behind the last.
  @inline(__always)
  mutating func next() -> Int? {
    if low != 0 {
      let slot = low.trailingZeroBitCount &>> 3
      low &= low &- 1
      return slot
    }
    guard high != 0 else { return nil }
    let slot = 8 &+ high.trailingZeroBitCount &>> 3
    high &= high &- 1
    return slot
  }
}
