// SPDX-License-Identifier: Apache-2.0

/// A member of a large set: a block with its bytes, named by one word.
///
///     word:   63       48 47                    0
///            +-----------+----------------------+
///            | byteCount |       address        |      block: the bytes, nothing else
///            +-----------+----------------------+
///
/// The address of a process has 47 bits, so the length rides in the upper 16: a member of 16 bytes
/// takes a block of 16 bytes, and members of other lengths are told apart without touching memory.
/// A length of 65535 and more stands in the first eight bytes of the block, the bytes behind it.
@safe
public struct SetMember: HashTableElement {
  /// Length and address.
  public let word: UInt64

  /// The length that says "in the block".
  @inlinable static var longCount: Int { 65535 }

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
    let address = UInt64(UInt(bitPattern: block))
    assert(address >> 48 == 0)
    word = address | UInt64(isLong ? SetMember.longCount : count) << 48
  }

  /// Bytes of the block of a member of `count` bytes.
  @inlinable
  static func blockByteCount(_ count: Int) -> Int {
    // Even the empty member has an address.
    count >= longCount ? count &+ 8 : max(1, count)
  }

  /// The block.
  @inlinable @inline(__always)
  var block: UnsafeMutableRawPointer {
    // Made from an address by `init(_:allocator:)`, hence not zero.
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(word & 0xFFFF_FFFF_FFFF)).unsafelyUnwrapped
  }

  /// Number of bytes of the member.
  @inlinable @inline(__always)
  public var byteCount: Int {
    let count = Int(truncatingIfNeeded: word &>> 48)
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

  /// Buckets of sets are announced before they change.
  @inlinable public static var bucketKind: BucketKind? { .set }

  /// The hash of the bytes.
  @inlinable
  public func hash(_ seed: HashSeed) -> UInt64 { SipHash13.hash(bytes, seed) }

  /// Whether the member is this one.
  @inlinable @inline(__always)
  public func hasKey(_ key: RawSpan) -> Bool {
    let count = Int(truncatingIfNeeded: word &>> 48)
    if count != min(key.byteCount, SetMember.longCount) { return false }
    return bytes.equals(key)
  }

  /// Starts loading the first bytes.
  @inlinable @inline(__always)
  public func prefetch() { Prefetch.line(at: UInt(word & 0xFFFF_FFFF_FFFF)) }

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
    return SetMember(word: word & 0xFFFF &<< 48 | UInt64(UInt(bitPattern: target)))
  }

  /// Memory of the block.
  @inlinable
  public func allocatedSize(_ allocator: Allocator) -> Int {
    unsafe allocator.allocatedSize(of: SetMember.blockByteCount(byteCount), at: block)
  }
}
