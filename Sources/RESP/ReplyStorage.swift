// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Memory of a reply writer on its way between connections.
///
/// A plain value, so that a pool is an array; exactly one place may hold it at a time, and it ends
/// in `ReplyWriter.adopt` or in `deallocate`.
@safe
public struct ReplyStorage {
  @usableFromInline let base: UnsafeMutableRawPointer
  /// Size of the memory in bytes.
  public let capacity: Int

  @usableFromInline
  init(base: UnsafeMutableRawPointer, capacity: Int) {
    unsafe self.base = base
    self.capacity = capacity
  }

  /// Gives the memory back.
  public func deallocate() { unsafe free(base) }
}
