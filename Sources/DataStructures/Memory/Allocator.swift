// SPDX-License-Identifier: Apache-2.0

// The allocator behind the keyspace.
//
// Blocks of up to 256 bytes come from slabs: 16 KiB of equal blocks, one size class per 8 bytes,
// no header per block (the caller says the size again when it gives a block back). Larger blocks
// come from malloc. Either way the bytes that a block really occupies are counted, so that
// `used_memory` and `maxmemory` are exact and not estimated.
//
// Blocks whose owner can move them come from slabs too, up to 4 KiB (see Allocator+Runs.swift).
//
// Slabs without a block are kept in a small stock and otherwise returned to the system. When a
// size class is thinly used, compaction (see Allocator+Compaction.swift) marks its emptiest slabs
// and the keyspace moves their blocks.
//
// Not safe for threads: only the loop allocates and frees. A helper thread may free a single block
// above `largestSlabBlock` after the loop has taken it out of the books with `account`.
//
// Built with MEMD_MALLOC_ONLY every block is one of malloc's, so that the address sanitizer sees
// each overflow.

public import CLinux

/// Handle of an allocator; one pointer, freely copied, all copies are the same allocator.
///
/// - Complexity: allocating and freeing are O(1), a few nanoseconds for slab blocks.
@safe
public struct Allocator {
  /// The counters, followed in memory by the heads of the size classes' slab lists.
  @usableFromInline let state: UnsafeMutablePointer<AllocatorState>

  /// Largest size in bytes that is served from slabs.
  @inlinable public static var largestSlabBlock: Int { 256 }

  /// Number of size classes plus one: classes are numbered by their size in 8-byte units.
  @inlinable static var classCount: Int { 33 }

  /// Number of lists of slabs: behind those of the classes follow those of slabs with runs.
  @inlinable static var listCount: Int { classCount + Slab.longestListedHole + 1 }

  /// A new allocator that holds no memory but its own counters.
  public static func create() -> Allocator {
    let heads = listCount * MemoryLayout<UInt>.stride
    let bytes = MemoryLayout<AllocatorState>.stride + heads
    guard let memory = unsafe calloc(1, bytes) else { outOfMemory(bytes) }
    let state = unsafe memory.bindMemory(to: AllocatorState.self, capacity: 1)
    unsafe state.initialize(to: AllocatorState())
    return unsafe Allocator(state: state)
  }

  /// Takes the allocator's memory as handle of what `create` made.
  private init(state: UnsafeMutablePointer<AllocatorState>) { unsafe self.state = unsafe state }

  /// Unmaps all slabs; larger blocks and table segments must have been given back before.
  public func destroy() {
    endCompaction()
    takeDeferred()?.free()
    var chunk = unsafe state.pointee.chunks
    while let current = unsafe chunk {
      unsafe chunk = unsafe current.pointee.next
      unsafe munmap(UnsafeMutableRawPointer(current), Slab.chunkByteCount)
    }
    unsafe state.deinitialize(count: 1)
    unsafe free(state)
  }

  /// Uninitialised memory for `byteCount` bytes, aligned to 8; to 64 if that is the size.
  ///
  /// Ends the process if the system has no memory left.
  @inlinable
  public func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    #if MEMD_MALLOC_ONLY
      return unsafe allocateLarge(byteCount)
    #else
      // A negative size is a huge unsigned one, which malloc refuses.
      guard UInt(bitPattern: byteCount) <= UInt(Allocator.largestSlabBlock) else {
        return unsafe allocateLarge(byteCount)
      }
      let units = Allocator.units(byteCount)
      let slab = unsafe head(units).pointee ?? refill(units)
      let block = unsafe take(units, from: slab)
      if unsafe slab.pointee.free == 0 && slab.pointee.bump == 0 { unsafe retire(slab) }
      let inUse = unsafe state.pointee.slabBytesInUse &+ units &* 8
      unsafe state.pointee.slabBytesInUse = inUse
      let total = unsafe inUse &+ state.pointee.otherBytesInUse
      if unsafe total > state.pointee.bytesPeak { unsafe state.pointee.bytesPeak = total }
      return unsafe UnsafeMutableRawPointer(bitPattern: block).unsafelyUnwrapped
    #endif
  }

  /// Gives back a block; `byteCount` must be the size it was allocated with.
  @inlinable
  public func deallocate(_ pointer: UnsafeMutableRawPointer, byteCount: Int) {
    #if MEMD_MALLOC_ONLY
      unsafe deallocateLarge(pointer)
    #else
      guard UInt(bitPattern: byteCount) <= UInt(Allocator.largestSlabBlock) else {
        return unsafe deallocateLarge(pointer)
      }
      let units = Allocator.units(byteCount)
      let address = UInt(bitPattern: pointer)
      let slab = unsafe Slab.header(of: address)
      unsafe assert(slab.pointee.units == units, "freed with another size than allocated")
      unsafe assert(slab.pointee.live > 0, "freed twice")
      unsafe pointer.storeBytes(of: slab.pointee.free, as: UInt.self)
      unsafe slab.pointee.free = address
      let live = unsafe slab.pointee.live &- 1
      unsafe slab.pointee.live = live
      unsafe state.pointee.slabBytesInUse &-= units &* 8
      if unsafe live == 0 || slab.pointee.flags != SlabHeader.isListed { unsafe settle(slab) }
    #endif
  }

  /// A block of `newByteCount` bytes with the old one's first bytes; it may be the same block.
  public func reallocate(
    _ pointer: UnsafeMutableRawPointer, from oldByteCount: Int, to newByteCount: Int
  ) -> UnsafeMutableRawPointer {
    #if !MEMD_MALLOC_ONLY
      let oldFits = UInt(bitPattern: oldByteCount) <= UInt(Allocator.largestSlabBlock)
      let newFits = UInt(bitPattern: newByteCount) <= UInt(Allocator.largestSlabBlock)
      if oldFits && newFits && Allocator.units(oldByteCount) == Allocator.units(newByteCount) {
        return unsafe pointer
      }
      if oldFits || newFits {
        let moved = unsafe allocate(newByteCount)
        unsafe moved.copyMemory(from: pointer, byteCount: min(oldByteCount, newByteCount))
        unsafe deallocate(pointer, byteCount: oldByteCount)
        return unsafe moved
      }
    #endif
    let before = unsafe malloc_usable_size(pointer)
    guard let moved = unsafe realloc(pointer, max(newByteCount, 1)) else {
      Allocator.outOfMemory(newByteCount)
    }
    account(unsafe malloc_usable_size(moved) - before)
    return unsafe moved
  }

  /// Bytes that a block allocated with `byteCount` really occupies.
  @inlinable
  public func allocatedSize(of byteCount: Int, at pointer: UnsafeMutableRawPointer) -> Int {
    #if !MEMD_MALLOC_ONLY
      if UInt(bitPattern: byteCount) <= UInt(Allocator.largestSlabBlock) {
        return Allocator.units(byteCount) &* 8
      }
    #endif
    return unsafe malloc_usable_size(pointer)
  }

  /// Adds `delta` bytes to the books: memory that belongs to the keyspace but comes from elsewhere.
  @inlinable
  public func account(_ delta: Int) {
    unsafe state.pointee.otherBytesInUse &+= delta
    if unsafe bytesInUse > state.pointee.bytesPeak { unsafe state.pointee.bytesPeak = bytesInUse }
  }
}

// MARK: - Figures

extension Allocator {
  /// Bytes occupied by all blocks, and those reported with `account`.
  @inlinable
  public var bytesInUse: Int {
    unsafe state.pointee.slabBytesInUse &+ state.pointee.otherBytesInUse
  }

  /// Highest value that `bytesInUse` ever had.
  @inlinable
  public var bytesPeak: Int { unsafe state.pointee.bytesPeak }

  /// Bytes of all slabs that are backed by memory, those in stock included.
  public var slabBytes: Int {
    unsafe (state.pointee.slabCount + state.pointee.stockCount) * Slab.byteCount
  }

  /// Bytes of slabs in which no block is.
  public var slabBytesFree: Int { unsafe slabBytes - state.pointee.slabBytesInUse }
}

// MARK: - Slab blocks

extension Allocator {
  /// Size class of a block: its size in 8-byte units, at least 1.
  @inlinable @inline(__always)
  static func units(_ byteCount: Int) -> Int { max((byteCount &+ 7) &>> 3, 1) }

  /// Head of the list of slabs that have room for blocks of `units`, or of one of slabs with runs.
  @inlinable @inline(__always)
  func head(_ units: Int) -> UnsafeMutablePointer<UnsafeMutablePointer<SlabHeader>?> {
    assert(units > 0 && units < Allocator.listCount)
    let heads = unsafe UnsafeMutableRawPointer(state + 1)
      .assumingMemoryBound(to: UnsafeMutablePointer<SlabHeader>?.self)
    return unsafe heads + units
  }

  /// Address of a block of `slab`, which has room; the block freed last comes first.
  @inlinable @inline(__always)
  func take(_ units: Int, from slab: UnsafeMutablePointer<SlabHeader>) -> UInt {
    unsafe assert(slab.pointee.units == units && slab.pointee.flags == SlabHeader.isListed)
    unsafe slab.pointee.live &+= 1
    let free = unsafe slab.pointee.free
    if free != 0 {
      unsafe slab.pointee.free = UnsafePointer<UInt>(bitPattern: free).unsafelyUnwrapped.pointee
      return free
    }
    let bump = unsafe slab.pointee.bump
    assert(bump != 0)
    let next = bump &+ UInt32(truncatingIfNeeded: units)
    let end = ((bump &>> 11) &+ 1) &<< 11
    let fits = next &+ UInt32(truncatingIfNeeded: units) <= end
    unsafe slab.pointee.bump = fits ? next : 0
    return Slab.chunk(of: UInt(bitPattern: slab)) &+ UInt(bump) &* 8
  }
}

// MARK: - Blocks of malloc

extension Allocator {
  /// A block of malloc's, counted; aligned to 64 if that is the size.
  @usableFromInline @inline(never)
  func allocateLarge(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let block =
      byteCount == 64 ? unsafe aligned_alloc(64, 64) : unsafe malloc(max(byteCount, 1))
    guard let block = unsafe block else { Allocator.outOfMemory(byteCount) }
    account(unsafe malloc_usable_size(block))
    return unsafe block
  }

  /// Gives a block of malloc's back.
  @usableFromInline @inline(never)
  func deallocateLarge(_ pointer: UnsafeMutableRawPointer) {
    let byteCount = unsafe malloc_usable_size(pointer)
    account(-byteCount)
    unsafe release(pointer, byteCount: byteCount)
  }

  /// Ends the process: there is no way to go on without memory, and half a write is worse.
  @inline(never)
  static func outOfMemory(_ byteCount: Int) -> Never {
    fatalError("out of memory while allocating \(byteCount) bytes")
  }
}
