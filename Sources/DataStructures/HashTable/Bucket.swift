// SPDX-License-Identifier: Apache-2.0

/// How wide the references in a table's buckets are: a constant of the element's type.
public protocol ReferenceWidth {
  /// Bytes of a reference: 6 or 7.
  static var referenceByteCount: Int { get }
}

/// References of six bytes: addresses, and nothing else.
public enum SixBytes: ReferenceWidth {
  /// 6.
  @inlinable public static var referenceByteCount: Int { 6 }
}

/// References of seven bytes, for elements that keep something beside their address.
public enum SevenBytes: ReferenceWidth {
  /// 7.
  @inlinable public static var referenceByteCount: Int { 7 }
}

/// Reference to one bucket: 64 bytes, one cache line. Nine elements by references of six bytes, or
/// eight by references of seven:
///
///     0                           8       9       10      16             58      64
///     +---------------------------+-------+-------+-------+--   ...   ---+-------+
///     | header: nine tags, chain  | epoch |   -   | ref 0 | ref 1   ... | ref 8 |
///     +---------------------------+-------+-------+-------+--   ...   ---+-------+
///
///     0                           8               15                     57      64
///     +---------------------------+---------------+--------   ...   -----+-------+
///     | eight tags, epoch, chain  |     ref 0     | ref 1             ...| ref 7 |
///     +---------------------------+---------------+--------   ...   -----+-------+
///
/// - tags: seven bits each from the lowest bit on, the highest ones of the element's hash or 1 if
///   they are 0. A tag of 0 is that of a free slot; the used slots are always the first ones.
/// - chain (bit 63): the last slot holds the address of a child bucket, its tag is 0.
/// - epoch: that of the chain in seven bits (see Allocator+Epochs.swift), zero in a child.
/// - A bucket with a child has one element less than slots, its last descendant has two or more. So
///   a chain has one bucket as long as its elements fit, and as few as possible beyond.
///
/// A reference is read with what stands before it, as the eight bytes that end where it ends, and
/// so never from the next line.
@safe @usableFromInline
struct Bucket<Width: ReferenceWidth> {
  @usableFromInline let base: UnsafeMutableRawPointer

  /// Elements that fit into a bucket without a child.
  @inlinable static var slotCount: Int { 56 / Width.referenceByteCount }
  /// Elements per bucket that a table aims at, times four: less is faster, more is smaller.
  @inlinable static var quarterFill: Int { Width.referenceByteCount == 6 ? 27 : 23 }
  /// Bytes in a bucket.
  @inlinable static var byteCount: Int { BucketArray.bucketByteCount }
  /// Bit of the header: the last slot leads to a child bucket.
  @inlinable static var isChained: UInt64 { 1 &<< 63 }
  /// The bits of all tags.
  @inlinable static var tagBits: UInt64 { 1 &<< UInt64(7 &* slotCount) &- 1 }
  /// The lowest bit of each tag.
  @inlinable static var lowestBits: UInt64 { 0x0102_0408_1020_4081 & tagBits }
  /// The highest bit of each tag.
  @inlinable static var highestBits: UInt64 { 0x4081_0204_0810_2040 & tagBits }

  /// The bucket at `address`.
  @inlinable @inline(__always)
  init(at address: UInt) {
    assert(address != 0 && address % 64 == 0)
    unsafe base = unsafe UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped
  }

  /// Where the bucket is.
  @inlinable @inline(__always)
  var address: UInt { UInt(bitPattern: unsafe base) }

  // MARK: - Header

  /// The tags, whether there is a child, and bits that are nobody's or the epoch's.
  @inlinable @inline(__always)
  var header: UInt64 {
    get { unsafe base.load(as: UInt64.self) }
    nonmutating set { unsafe base.storeBytes(of: newValue, as: UInt64.self) }
  }

  /// The header of the same bucket without elements and child.
  @inlinable @inline(__always)
  static func emptied(_ header: UInt64) -> UInt64 { header & ~(tagBits | isChained) }

  /// Makes the memory of a bucket one without elements; the epoch of a child is 0.
  @inlinable @inline(__always)
  func initialize(epoch: UInt8) {
    header = 0
    unsafe base.storeBytes(of: epoch, toByteOffset: Bucket.epochOffset, as: UInt8.self)
  }

  /// The byte with the epoch; between tags of seven bits and the chain bit there is room for it
  /// unless there are nine.
  @inlinable static var epochOffset: Int { slotCount == 9 ? 8 : 7 }

  /// The epoch in which the chain that begins here was made or last announced.
  @inlinable @inline(__always)
  var epoch: UInt8 {
    get { unsafe base.load(fromByteOffset: Bucket.epochOffset, as: UInt8.self) & 0x7f }
    nonmutating set {
      let rest = unsafe base.load(fromByteOffset: Bucket.epochOffset, as: UInt8.self) & 0x80
      unsafe base.storeBytes(
        of: newValue | rest, toByteOffset: Bucket.epochOffset, as: UInt8.self)
    }
  }

  /// Whether there is a child bucket.
  @inlinable @inline(__always)
  var isChained: Bool { header & Bucket.isChained != 0 }

  /// Number of elements in this bucket, without its descendants.
  @inlinable @inline(__always)
  var usedCount: Int { Bucket.usedCount(header) }

  /// Number of elements in a bucket with this header.
  @inlinable @inline(__always)
  static func usedCount(_ header: UInt64) -> Int {
    // The used slots are the first ones, so the highest bit that is set is in the last one's tag.
    // One more bit below the tags stands for none. Then a division by seven, rounded up; the
    // product is right for all numbers below 64.
    let bit = 63 &- ((header & tagBits) &<< 1 | 1).leadingZeroBitCount
    return (bit &* 9 &+ 63) &>> 6
  }

  // MARK: - Tags

  /// The tag of elements with this hash.
  @inlinable @inline(__always)
  static func tag(_ hash: UInt64) -> UInt64 {
    // Two instructions beside the shift; written as a maximum it is three.
    hash &>> 57 &+ (hash &>> 57 == 0 ? 1 : 0)
  }

  /// The tag in a slot of a bucket with this header.
  @inlinable @inline(__always)
  static func tag(_ header: UInt64, _ slot: Int) -> UInt64 {
    header &>> UInt64(truncatingIfNeeded: slot &* 7) & 0x7f
  }

  /// The header with a tag in a slot that has none.
  @inlinable @inline(__always)
  static func adding(_ tag: UInt64, _ slot: Int, to header: UInt64) -> UInt64 {
    header | tag &<< UInt64(truncatingIfNeeded: slot &* 7)
  }

  /// The header without the tag in a slot.
  @inlinable @inline(__always)
  static func removing(_ slot: Int, from header: UInt64) -> UInt64 {
    header & ~(0x7f &<< UInt64(truncatingIfNeeded: slot &* 7))
  }

  /// The highest bit of each tag in `header` that belongs to `hash`; no other bit.
  @inlinable @inline(__always)
  static func matches(_ header: UInt64, _ hash: UInt64) -> UInt64 {
    // Seven bits of `difference` are zero where the tag matches. Adding 0x3f to the low six of them
    // carries into the highest one unless they are zero, and never into the next tag.
    let difference = header ^ (tag(hash) &* lowestBits)
    let low = highestBits &- lowestBits
    return ~(((difference & low) &+ low) | difference) & highestBits
  }

  /// The slot that the lowest bit of a result of `matches` stands for.
  @inlinable @inline(__always)
  static func slot(_ matches: UInt64) -> Int {
    // The bit is 7 * slot + 6; a division by seven.
    (matches.trailingZeroBitCount &* 9) &>> 6
  }

  // MARK: - References

  /// Slot `slot`.
  @inlinable @inline(__always)
  func place(_ slot: Int) -> BucketPlace<Width> {
    assert(slot >= 0 && slot < Bucket.slotCount)
    let first = BucketPlace<Width>.firstOffset
    return unsafe BucketPlace(base + (first &+ slot &* Width.referenceByteCount))
  }

  /// The word in slot `slot`.
  @inlinable @inline(__always)
  subscript(slot: Int) -> UInt64 {
    get { place(slot).word }
    nonmutating set { place(slot).word = newValue }
  }

  /// The child bucket; the header must say that there is one.
  @inlinable @inline(__always)
  var child: Bucket {
    get { Bucket(at: UInt(truncatingIfNeeded: self[Bucket.slotCount &- 1])) }
    nonmutating set { self[Bucket.slotCount &- 1] = UInt64(newValue.address) }
  }

  /// Puts an element into slot `slot`, the first free one.
  @inlinable @inline(__always)
  func add(_ word: UInt64, tag: UInt64, at slot: Int) {
    header = Bucket.adding(tag, slot, to: header)
    self[slot] = word
  }
}

/// A slot of a bucket: the address of the eight bytes that end with the reference.
@safe @usableFromInline
struct BucketPlace<Width: ReferenceWidth> {
  @usableFromInline let start: UnsafeMutableRawPointer

  /// Bytes in front of the reference that are read with it.
  @inlinable static var excess: Int { 8 &- Width.referenceByteCount }
  /// Where the first slot's is in a bucket.
  @inlinable static var firstOffset: Int {
    56 &- (Bucket<Width>.slotCount &- 1) &* Width.referenceByteCount
  }

  @inlinable @inline(__always)
  init(_ start: UnsafeMutableRawPointer) { unsafe self.start = unsafe start }

  /// What is there: as many of the word's lowest bytes as a reference has, the others are zero.
  @inlinable @inline(__always)
  var word: UInt64 {
    get { unsafe start.loadUnaligned(as: UInt64.self) &>> UInt64(8 &* BucketPlace.excess) }
    nonmutating set {
      assert(newValue >> (8 * Width.referenceByteCount) == 0, "no room for the word")
      // The first four bytes and the last four.
      let last = UInt32(truncatingIfNeeded: newValue &>> UInt64(32 &- 8 &* BucketPlace.excess))
      unsafe start.storeBytes(
        of: UInt32(truncatingIfNeeded: newValue), toByteOffset: BucketPlace.excess, as: UInt32.self)
      unsafe start.storeBytes(of: last, toByteOffset: 4, as: UInt32.self)
    }
  }

  /// The bucket that the slot is in.
  @inlinable @inline(__always)
  var bucket: Bucket<Width> { Bucket(at: UInt(bitPattern: unsafe start) & ~63) }

  /// The number of the slot.
  @inlinable @inline(__always)
  var slot: Int {
    let offset = Int(truncatingIfNeeded: UInt(bitPattern: unsafe start) & 63)
    return (offset &- BucketPlace.firstOffset) / Width.referenceByteCount
  }
}
