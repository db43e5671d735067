// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Packed bytes of a collection too large to stand behind its key.
///
/// Layout of the block at `word`:
///
///     0       8
///     +-------+----------------------+
///     | count | bytes, `count` of them|
///     +-------+----------------------+
@safe
struct PackedBlock {
  let word: UInt64

  static let headerCount = 8

  init(word: UInt64) { self.word = word }

  /// Allocates room for `count` bytes, which the caller fills.
  init(count: Int, allocator: Allocator) {
    let pointer = unsafe allocator.allocate(PackedBlock.headerCount + count)
    unsafe pointer.storeBytes(of: count, as: Int.self)
    word = UInt64(UInt(bitPattern: pointer))
  }

  private var pointer: UnsafeMutableRawPointer {
    // Made from an address by `init(count:allocator:)`, hence not zero.
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(word)).unsafelyUnwrapped
  }

  var start: UnsafeMutableRawPointer { unsafe pointer + PackedBlock.headerCount }
  var count: Int { unsafe pointer.load(as: Int.self) }

  /// Bytes of the allocation, as they were asked for.
  var byteCount: Int { PackedBlock.headerCount + count }

  /// The block with `count` bytes, the first ones as before; this one must not be used any more.
  func resized(to count: Int, allocator: Allocator) -> PackedBlock {
    let moved = unsafe allocator.reallocate(
      pointer, from: byteCount, to: PackedBlock.headerCount + count)
    unsafe moved.storeBytes(of: count, as: Int.self)
    return PackedBlock(word: UInt64(UInt(bitPattern: moved)))
  }

  /// Memory the block occupies.
  func allocatedSize(_ allocator: Allocator) -> Int {
    unsafe allocator.allocatedSize(of: byteCount, at: pointer)
  }

  func free(_ allocator: Allocator) {
    unsafe allocator.deallocate(pointer, byteCount: byteCount)
  }
}
