// SPDX-License-Identifier: Apache-2.0

/// A listpack in a block of its own; one word that says where, and the allocator.
///
/// The block holds nothing but the listpack's bytes. Up to 256 bytes it is exactly as large as they
/// are (a slab's block); above that it grows by half at a time, so that appending doesn't move the
/// bytes each time, and `trim` gives back what is left over.
///
/// - Complexity: appending is O(1) amortised, other edits move what is behind them.
@safe
public struct ListpackBlock: ListpackOwner {
  /// The block.
  @usableFromInline private(set) var pointer: UnsafeMutableRawPointer
  /// Where it comes from.
  public let allocator: Allocator

  /// A new block with an empty listpack.
  @inlinable
  public init(allocator: Allocator) {
    unsafe pointer = allocator.allocate(Listpack.emptyByteCount)
    self.allocator = allocator
    unsafe Listpack.writeEmpty(to: pointer)
  }

  /// A new block with the bytes of a well-formed listpack.
  @inlinable
  public init(copying listpack: Listpack, allocator: Allocator) {
    let byteCount = listpack.byteCount
    unsafe pointer = allocator.allocate(byteCount)
    self.allocator = allocator
    unsafe pointer.copyMemory(from: listpack.start, byteCount: byteCount)
  }

  /// The block whose `word` was kept.
  @inlinable @inline(__always)
  public init(word: UInt64, allocator: Allocator) {
    assert(word != 0)
    unsafe pointer = UnsafeMutableRawPointer(bitPattern: UInt(word)).unsafelyUnwrapped
    self.allocator = allocator
  }

  /// The block's address, to be kept instead of this owner; it changes with edits.
  @inlinable @inline(__always)
  public var word: UInt64 { UInt64(UInt(bitPattern: unsafe pointer)) }

  /// The listpack.
  @inlinable @inline(__always)
  public var listpack: Listpack { unsafe Listpack(pointer) }

  /// Bytes that the block occupies.
  @inlinable
  public var allocatedSize: Int {
    unsafe allocator.allocatedSize(of: listpack.byteCount, at: pointer)
  }

  /// Makes room for `byteCount` bytes; a block that shrinks keeps up to half of itself as room.
  @inlinable
  public mutating func resize(to byteCount: Int) {
    let old = listpack.byteCount
    let smallest = Allocator.largestSlabBlock
    if byteCount <= smallest {
      unsafe pointer = allocator.reallocate(pointer, from: old, to: byteCount)
      return
    }
    var capacity = 0
    if old > smallest {
      capacity = unsafe allocator.allocatedSize(of: old, at: pointer)
      if byteCount <= capacity && byteCount >= capacity / 2 { return }
    }
    // The size class follows from the byte count alone: both are above the largest slab block.
    let spare = byteCount > old ? byteCount / 2 : byteCount / 4
    unsafe pointer = allocator.reallocate(pointer, from: old, to: byteCount &+ spare)
  }

  /// Gives back the room behind the listpack's bytes.
  @inlinable
  public mutating func trim() {
    let byteCount = listpack.byteCount
    unsafe pointer = allocator.reallocate(pointer, from: byteCount, to: byteCount)
  }

  /// Gives the block back; it must not be used any more.
  @inlinable
  public func free() {
    unsafe allocator.deallocate(pointer, byteCount: listpack.byteCount)
  }
}
