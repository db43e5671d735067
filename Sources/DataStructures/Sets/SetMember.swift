// SPDX-License-Identifier: Apache-2.0

/// A member of a large set: a block with its bytes, named by 56 bits.
///
///     word:   55                      11 10        0
///            +--------------------------+-----------+
///            | address, without 3 zeros | byteCount |      block: the bytes, nothing else
///            +--------------------------+-----------+
///
/// The address of a process has 48 bits at most and that of a block ends in three zeros, so the
/// length rides along: a member of 16 bytes takes a block of 16 bytes, and members of other lengths
/// are told apart without touching memory. A length of 2047 and more stands in the first eight
/// bytes of the block, the bytes behind it.
@safe
public struct SetMember: HashTableElement {
  /// Length and address.
  public let word: UInt64

  /// The length that says "in the block".
  @inlinable static var longCount: Int { 2047 }
  /// Bits of the word below the address.
  @inlinable static var addressShift: UInt64 { 8 }

  /// The member that a table has kept.
  @inlinable @inline(__always)
  public init(word: UInt64) { self.word = word }

  /// A new member with a copy of `bytes`.
  @inlinable
  public init(_ bytes: RawSpan, allocator: Allocator) {
    let count = bytes.byteCount
    let block = unsafe allocator.allocate(SetMember.blockByteCount(count))
    let isLong = count >= SetMember.longCount
    if isLong { unsafe block.storeBytes(of: count, as: Int.self) }
    let target = unsafe block + (isLong ? 8 : 0)
    unsafe bytes.withUnsafeBytes { source in
      guard let start = source.baseAddress else { return }
      unsafe target.copyMemory(from: start, byteCount: source.count)
    }
    word = unsafe SetMember.word(block, isLong ? SetMember.longCount : count)
  }

  /// The word of a member in `block`; `count` is at most `longCount`.
  @inlinable @inline(__always)
  static func word(_ block: UnsafeMutableRawPointer, _ count: Int) -> UInt64 {
    let address = UInt64(UInt(bitPattern: block))
    assert(address >> 48 == 0 && address % 8 == 0)
    return address &<< addressShift | UInt64(truncatingIfNeeded: count)
  }

  /// Bytes of the block of a member of `count` bytes.
  @inlinable
  static func blockByteCount(_ count: Int) -> Int {
    // Even the empty member has an address.
    count >= longCount ? count &+ 8 : max(1, count)
  }

  /// Where the block is.
  @inlinable @inline(__always)
  var address: UInt { UInt(truncatingIfNeeded: word &>> SetMember.addressShift & ~7) }

  /// The block.
  @inlinable @inline(__always)
  var block: UnsafeMutableRawPointer {
    // Made from an address by `init(_:allocator:)`, hence not zero.
    unsafe UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped
  }

  /// Number of bytes of the member, but no more than `longCount`.
  @inlinable @inline(__always)
  var shortCount: Int { Int(truncatingIfNeeded: word & UInt64(SetMember.longCount)) }

  /// Number of bytes of the member.
  @inlinable @inline(__always)
  public var byteCount: Int {
    let count = shortCount
    return count == SetMember.longCount ? unsafe block.load(as: Int.self) : count
  }

  /// The bytes of the member, valid until it is freed.
  @inlinable
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    @inline(__always)
    get {
      let count = byteCount
      let offset = count >= SetMember.longCount ? 8 : 0
      let span = unsafe RawSpan(_unsafeStart: block + offset, byteCount: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  // MARK: - HashTableElement

  /// The word has 56 bits.
  @inlinable public static var referenceByteCount: Int { 7 }

  /// Buckets of sets are announced before they change.
  @inlinable public static var bucketKind: BucketKind? { .set }

  /// The hash of the bytes.
  @inlinable
  public func hash(_ seed: HashSeed) -> UInt64 { SipHash13.hash(bytes, seed) }

  /// Whether the member is this one.
  @inlinable @inline(__always)
  public func hasKey(_ key: RawSpan) -> Bool {
    if shortCount != min(key.byteCount, SetMember.longCount) { return false }
    return bytes.equals(key)
  }

  /// Starts loading the first bytes.
  @inlinable @inline(__always)
  public func prefetch() { Prefetch.line(at: address) }

  // MARK: - Memory

  /// Gives the block back; the member must not be used any more.
  @inlinable
  public func free(_ allocator: Allocator) {
    unsafe allocator.deallocate(block, byteCount: SetMember.blockByteCount(byteCount))
  }

  /// The member in another block if its own lies in a sparse slab, which is given back; else nil.
  @inlinable
  public func movedFromSparseSlab(_ allocator: Allocator) -> SetMember? {
    let size = SetMember.blockByteCount(byteCount)
    guard unsafe allocator.isSparse(block, byteCount: size) else { return nil }
    let target = unsafe allocator.allocate(size)
    unsafe target.copyMemory(from: block, byteCount: size)
    unsafe allocator.deallocate(block, byteCount: size)
    return SetMember(word: unsafe SetMember.word(target, shortCount))
  }

  /// Memory of the block.
  @inlinable
  public func allocatedSize(_ allocator: Allocator) -> Int {
    unsafe allocator.allocatedSize(of: SetMember.blockByteCount(byteCount), at: block)
  }
}
