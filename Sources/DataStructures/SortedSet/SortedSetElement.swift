// SPDX-License-Identifier: Apache-2.0

/// A member of a sorted set with its score: one word, which refers to one block.
///
///     the word      0                            48              64
///                   +----------------------------+---------------+
///                   | address of the block       | member length |
///                   +----------------------------+---------------+
///
///     the block     0          8                          8         16
///                   +----------+--------------+     or    +---------+--------------+
///                   | score    | member bytes |           | length  | member bytes |
///                   +----------+--------------+           +---------+--------------+
///
/// A length of 65535 in the word means that the length stands behind the score. So a member of 16
/// bytes takes exactly 24, and its length is known without a look at the block.
///
/// The bytes belong to the set; an element is valid until its member is removed.
@safe
public struct SortedSetElement: HashTableElement, Equatable {
  /// Address and length.
  public let word: UInt64

  /// From this length on, it stands in the block.
  @inlinable static var longLength: Int { 65535 }

  /// The element that `word` stands for.
  @inlinable @inline(__always)
  public init(word: UInt64) { self.word = word }

  /// A new block with these contents.
  @inlinable
  init(_ member: RawSpan, score: Double, in allocator: Allocator) {
    let length = member.byteCount
    let block = unsafe allocator.allocate(SortedSetElement.byteCount(ofMember: length))
    unsafe block.storeBytes(of: score, as: Double.self)
    var target = unsafe block + 8
    if length >= SortedSetElement.longLength {
      unsafe target.storeBytes(of: length, as: Int.self)
      unsafe target += 8
    }
    unsafe member.withUnsafeBytes { bytes in
      guard let source = bytes.baseAddress else { return }
      unsafe target.copyMemory(from: source, byteCount: length)
    }
    let field = UInt64(min(length, SortedSetElement.longLength))
    word = UInt64(UInt(bitPattern: block)) | field &<< 48
  }

  /// Gives the block back.
  @inlinable
  func free(to allocator: Allocator) {
    unsafe allocator.deallocate(block, byteCount: byteCount)
  }

  /// Bytes of a block for a member of `length` bytes.
  @inlinable @inline(__always)
  static func byteCount(ofMember length: Int) -> Int {
    8 &+ (length >= longLength ? 8 : 0) &+ length
  }

  /// Where the block is.
  @inlinable @inline(__always)
  var address: UInt { UInt(truncatingIfNeeded: word & 0xffff_ffff_ffff) }

  /// The block.
  @inlinable @inline(__always)
  var block: UnsafeMutableRawPointer {
    // Elements are made from addresses of blocks, which are never zero.
    unsafe UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped
  }

  /// The score, by which members are ordered first.
  @inlinable @inline(__always)
  public internal(set) var score: Double {
    get { unsafe block.load(as: Double.self) }
    nonmutating set { unsafe block.storeBytes(of: newValue, as: Double.self) }
  }

  /// Whether the length stands in the block.
  @inlinable @inline(__always)
  var isLong: Bool { word &>> 48 == UInt64(SortedSetElement.longLength) }

  /// Length of the member in bytes.
  @inlinable @inline(__always)
  public var memberByteCount: Int {
    isLong
      ? unsafe block.load(fromByteOffset: 8, as: Int.self) : Int(truncatingIfNeeded: word &>> 48)
  }

  /// Bytes of the block, as they were asked for.
  @inlinable @inline(__always)
  public var byteCount: Int { SortedSetElement.byteCount(ofMember: memberByteCount) }

  /// The bytes of the member.
  @inlinable
  public var member: RawSpan {
    @_lifetime(borrow self)
    @inline(__always)
    get {
      let start = unsafe block + (isLong ? 16 : 8)
      let span = unsafe RawSpan(_unsafeStart: start, byteCount: memberByteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  // MARK: HashTableElement

  /// The hash of the member.
  @inlinable
  public func hash(_ seed: HashSeed) -> UInt64 { SipHash13.hash(member, seed) }

  /// Whether the member has these bytes; another length is noticed without a look at the block.
  @inlinable @inline(__always)
  public func hasKey(_ key: RawSpan) -> Bool {
    let field = min(key.byteCount, SortedSetElement.longLength)
    return word &>> 48 == UInt64(truncatingIfNeeded: field) && member.equals(key)
  }

  /// Starts loading the first 48 bytes.
  @inlinable @inline(__always)
  public func prefetch() {
    Prefetch.line(at: address)
    Prefetch.line(at: address &+ 23)
  }
}

extension RawSpan {
  /// Whether these bytes sort before those of `other`, as memcmp and then the length say.
  ///
  /// - Complexity: O(n), eight bytes at a time.
  @inlinable
  func precedes(_ other: RawSpan) -> Bool {
    let shared = min(byteCount, other.byteCount)
    var offset = 0
    while offset &+ 8 <= shared {
      let (left, right) = (word(offset), other.word(offset))
      if left != right { return UInt64(bigEndian: left) < UInt64(bigEndian: right) }
      offset &+= 8
    }
    while offset < shared {
      let (left, right) = (byte(offset), other.byte(offset))
      if left != right { return left < right }
      offset &+= 1
    }
    return byteCount < other.byteCount
  }
}
