// SPDX-License-Identifier: Apache-2.0

internal import CLinux

// Memory that begins outside of the books and may become the keyspace's: a large argument is
// received into it before anybody knows whether it will be kept.

extension Allocator {
  /// Memory that nobody counts yet, aligned to 16.
  public static func allocateUncounted(_ byteCount: Int) -> UnsafeMutableRawPointer {
    guard let block = unsafe malloc(max(byteCount, 1)) else { outOfMemory(byteCount) }
    return unsafe block
  }

  /// A larger or smaller block with the same first bytes; it may be the same block.
  ///
  /// - Complexity: O(1) for very large blocks, whose pages are moved and not copied.
  public static func reallocateUncounted(
    _ pointer: UnsafeMutableRawPointer, to byteCount: Int
  ) -> UnsafeMutableRawPointer {
    guard let block = unsafe realloc(pointer, max(byteCount, 1)) else { outOfMemory(byteCount) }
    return unsafe block
  }

  /// Gives memory back that was not adopted.
  public static func freeUncounted(_ pointer: UnsafeMutableRawPointer) { unsafe free(pointer) }

  /// Takes a block of more than `largestSlabBlock` bytes into the books; it is freed with
  /// `deallocate` from now on.
  public func adopt(_ pointer: UnsafeMutableRawPointer) {
    account(unsafe malloc_usable_size(pointer))
  }
}
