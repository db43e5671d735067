// SPDX-License-Identifier: Apache-2.0

internal import CLinux

// Giving a block of many pages back to the system takes long: 60 us per 10 MB. The loop takes such
// a block out of the books at once, but collects it, and a helper thread frees what a turn has
// collected. Until then its bytes can still be read, which a request that removes its own
// arguments' memory relies on.
//
// The collected blocks are a list that lies in the blocks: each holds the next one's address.

extension Allocator {
  /// Blocks of malloc's from this size on are collected.
  public static var deferredByteCountMin: Int { 64 << 10 }

  /// Has large blocks collected from now on; whoever asks for it takes them with `takeDeferred`.
  public func deferLargeFrees() { unsafe state.pointee.defersLargeFrees = true }

  /// Whether blocks are waiting to be freed.
  public var hasDeferred: Bool { unsafe state.pointee.deferred != 0 }

  /// The blocks collected so far, which are the caller's now; nil if there are none.
  public func takeDeferred() -> DeferredBlocks? {
    let first = unsafe state.pointee.deferred
    guard first != 0 else { return nil }
    unsafe state.pointee.deferred = 0
    defer { unsafe state.pointee.deferredBytes = 0 }
    return unsafe DeferredBlocks(first: first, byteCount: state.pointee.deferredBytes)
  }

  /// Frees a block that is no longer in the books, now or later.
  func release(_ pointer: UnsafeMutableRawPointer, byteCount: Int) {
    let isDeferred = unsafe state.pointee.defersLargeFrees
    guard isDeferred, byteCount >= Allocator.deferredByteCountMin else {
      return unsafe free(pointer)
    }
    unsafe pointer.storeBytes(of: state.pointee.deferred, as: UInt.self)
    unsafe state.pointee.deferred = UInt(bitPattern: pointer)
    unsafe state.pointee.deferredBytes &+= byteCount
  }
}

/// Large blocks that no table refers to any more. Exactly one owner calls `free`, on any thread.
public struct DeferredBlocks: Sendable {
  private let first: UInt
  /// Bytes of all blocks together.
  public let byteCount: Int

  internal init(first: UInt, byteCount: Int) {
    self.first = first
    self.byteCount = byteCount
  }

  /// Gives the blocks back to the system.
  public func free() {
    var block = first
    while let pointer = unsafe UnsafeMutableRawPointer(bitPattern: block) {
      block = unsafe pointer.load(as: UInt.self)
      unsafe CLinux.free(pointer)
    }
  }
}
