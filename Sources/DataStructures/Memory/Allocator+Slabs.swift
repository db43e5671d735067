// SPDX-License-Identifier: Apache-2.0

// The cold half of the slab allocator: slabs change lists, come from chunks and go back.
// A slab is in exactly one of these states: listed in its class, full (in no list), sparse (being
// emptied), in stock (empty, its memory kept), or free in its chunk (its memory returned).

internal import CLinux

extension Allocator {
  /// Empty slabs that keep their memory, so that a load that swings doesn't fault pages all day.
  private static var stockLimit: Int { 16 }

  /// A slab with room for blocks of `units`, taken into the class's empty list.
  @usableFromInline @inline(never)
  func refill(_ units: Int) -> UnsafeMutablePointer<SlabHeader> {
    let slab = unsafe takeSlab()
    let start = unsafe Slab.start(of: Slab.number(of: slab))
    unsafe slab.pointee.free = 0
    unsafe slab.pointee.bump = UInt32(start / 8)
    unsafe slab.pointee.live = 0
    unsafe slab.pointee.units = UInt8(units)
    unsafe list(slab)
    unsafe state.pointee.slabCount += 1
    return unsafe slab
  }

  /// Takes a slab whose last block was just handed out from its class's list.
  @usableFromInline @inline(never)
  func retire(_ slab: UnsafeMutablePointer<SlabHeader>) {
    unsafe unlink(slab)
    unsafe slab.pointee.flags = 0
  }

  /// Puts a slab where it belongs after a block was freed that made a difference.
  @usableFromInline @inline(never)
  func settle(_ slab: UnsafeMutablePointer<SlabHeader>) {
    if unsafe slab.pointee.live == 0 {
      if unsafe slab.pointee.flags != 0 { unsafe unlink(slab) }
      unsafe state.pointee.slabCount -= 1
      unsafe giveBack(slab)
    } else if unsafe slab.pointee.flags == 0 {
      unsafe list(slab)
    }
  }

  /// Returns the memory of all slabs in stock to the system.
  public func releaseStock() {
    while let slab = unsafe state.pointee.stock {
      unsafe state.pointee.stock = unsafe slab.pointee.next
      unsafe state.pointee.stockCount -= 1
      unsafe release(slab)
    }
  }

  // MARK: Lists

  /// Puts `slab` at the head of its class's list.
  func list(_ slab: UnsafeMutablePointer<SlabHeader>) {
    if unsafe Slab.holdsRuns(slab) { unsafe noteHole(of: slab) }
    unsafe push(slab, on: head(Int(slab.pointee.units)))
    unsafe slab.pointee.flags = SlabHeader.isListed
  }

  /// Takes `slab` out of the list that its flags name.
  func unlink(_ slab: UnsafeMutablePointer<SlabHeader>) {
    let next = unsafe slab.pointee.next
    let previous = unsafe slab.pointee.previous
    unsafe next?.pointee.previous = unsafe previous
    if let previous = unsafe previous {
      unsafe previous.pointee.next = unsafe next
    } else if unsafe slab.pointee.flags == SlabHeader.isSparse {
      unsafe state.pointee.sparseSlabs = unsafe next
    } else {
      unsafe head(Int(slab.pointee.units)).pointee = unsafe next
    }
  }

  /// Puts `slab` at the head of the list at `head`.
  func push(
    _ slab: UnsafeMutablePointer<SlabHeader>,
    on head: UnsafeMutablePointer<UnsafeMutablePointer<SlabHeader>?>
  ) {
    unsafe slab.pointee.previous = nil
    unsafe slab.pointee.next = unsafe head.pointee
    unsafe head.pointee?.pointee.previous = unsafe slab
    unsafe head.pointee = unsafe slab
  }

  // MARK: Supply

  /// An unused slab: from stock, else from a chunk, else from a new chunk.
  func takeSlab() -> UnsafeMutablePointer<SlabHeader> {
    if let slab = unsafe state.pointee.stock {
      unsafe state.pointee.stock = unsafe slab.pointee.next
      unsafe state.pointee.stockCount -= 1
      return unsafe slab
    }
    let chunk = unsafe state.pointee.chunksWithFreeSlabs ?? mapChunk()
    if unsafe chunk.pointee.freeSlabs == .max { unsafe state.pointee.emptyChunkCount -= 1 }
    let number = unsafe chunk.pointee.freeSlabs.trailingZeroBitCount
    unsafe chunk.pointee.freeSlabs &= ~(1 << UInt64(number))
    if unsafe chunk.pointee.freeSlabs == 0 { unsafe unlinkFree(chunk) }
    return unsafe Slab.header(UInt(number), in: UInt(bitPattern: chunk))
  }

  /// Takes an empty slab into stock or, when that is full, returns its memory.
  private func giveBack(_ slab: UnsafeMutablePointer<SlabHeader>) {
    unsafe slab.pointee.units = 0
    unsafe slab.pointee.flags = 0
    guard unsafe state.pointee.stockCount >= Allocator.stockLimit else {
      unsafe slab.pointee.next = unsafe state.pointee.stock
      unsafe state.pointee.stock = unsafe slab
      unsafe state.pointee.stockCount += 1
      return
    }
    unsafe release(slab)
  }

  /// Returns an empty slab's pages to the system, and its chunk if that was the last slab.
  private func release(_ slab: UnsafeMutablePointer<SlabHeader>) {
    let number = unsafe Slab.number(of: slab)
    let chunk = unsafe UnsafeMutableRawPointer(
      bitPattern: Slab.chunk(of: UInt(bitPattern: slab))
    ).unsafelyUnwrapped
    // The first page of slab 0 holds the headers and stays.
    let start = number == 0 ? 4096 : number * Slab.byteCount
    let byteCount = (number + 1) * Slab.byteCount - start
    _ = unsafe madvise(chunk + start, byteCount, MADV_DONTNEED)
    let record = unsafe chunk.assumingMemoryBound(to: ChunkRecord.self)
    if unsafe record.pointee.freeSlabs == 0 { unsafe linkFree(record) }
    unsafe record.pointee.freeSlabs |= 1 << UInt64(number)
    guard unsafe record.pointee.freeSlabs == .max else { return }
    if unsafe state.pointee.emptyChunkCount == 0 {
      unsafe state.pointee.emptyChunkCount = 1
    } else {
      unsafe unmapChunk(record)
    }
  }

  // MARK: Chunks

  /// A new chunk, all slabs free.
  private func mapChunk() -> UnsafeMutablePointer<ChunkRecord> {
    let memory = unsafe Allocator.mapAligned(Slab.chunkByteCount)
    let chunk = unsafe memory.bindMemory(to: ChunkRecord.self, capacity: 1)
    unsafe chunk.pointee.freeSlabs = .max
    unsafe chunk.pointee.previous = nil
    unsafe chunk.pointee.next = unsafe state.pointee.chunks
    unsafe state.pointee.chunks?.pointee.previous = unsafe chunk
    unsafe state.pointee.chunks = unsafe chunk
    unsafe state.pointee.emptyChunkCount += 1
    unsafe linkFree(chunk)
    return unsafe chunk
  }

  /// Returns a chunk, all slabs of which are free, to the system.
  private func unmapChunk(_ chunk: UnsafeMutablePointer<ChunkRecord>) {
    unsafe unlinkFree(chunk)
    let next = unsafe chunk.pointee.next
    let previous = unsafe chunk.pointee.previous
    unsafe next?.pointee.previous = unsafe previous
    if let previous = unsafe previous {
      unsafe previous.pointee.next = unsafe next
    } else {
      unsafe state.pointee.chunks = unsafe next
    }
    unsafe state.pointee.plan?.pointee.forget(chunk)
    unsafe munmap(UnsafeMutableRawPointer(chunk), Slab.chunkByteCount)
  }

  /// Puts a chunk into the list of those with free slabs.
  private func linkFree(_ chunk: UnsafeMutablePointer<ChunkRecord>) {
    let first = unsafe state.pointee.chunksWithFreeSlabs
    unsafe chunk.pointee.previousFree = nil
    unsafe chunk.pointee.nextFree = unsafe first
    unsafe first?.pointee.previousFree = unsafe chunk
    unsafe state.pointee.chunksWithFreeSlabs = unsafe chunk
  }

  /// Takes a chunk out of the list of those with free slabs.
  private func unlinkFree(_ chunk: UnsafeMutablePointer<ChunkRecord>) {
    let next = unsafe chunk.pointee.nextFree
    let previous = unsafe chunk.pointee.previousFree
    unsafe next?.pointee.previousFree = unsafe previous
    if let previous = unsafe previous {
      unsafe previous.pointee.nextFree = unsafe next
    } else {
      unsafe state.pointee.chunksWithFreeSlabs = unsafe next
    }
  }

  // MARK: The system

  /// Zeroed pages that start at a multiple of `byteCount`, a power of two.
  static func mapAligned(_ byteCount: Int) -> UnsafeMutableRawPointer {
    // The system tends to map downwards without gaps: after one aligned chunk the next is, too.
    let direct = unsafe map(byteCount)
    if UInt(bitPattern: direct) % UInt(byteCount) == 0 { return unsafe direct }
    unsafe munmap(direct, byteCount)
    let wide = unsafe map(2 * byteCount)
    let skipped = Int((0 &- UInt(bitPattern: wide)) % UInt(byteCount))
    if skipped > 0 { unsafe munmap(wide, skipped) }
    unsafe munmap(wide + skipped + byteCount, byteCount - skipped)
    return unsafe wide + skipped
  }

  /// Zeroed pages, resident only once they are touched.
  static func map(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let memory = unsafe mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let memory = unsafe memory, UInt(bitPattern: memory) != .max else {
      outOfMemory(byteCount)
    }
    return unsafe memory
  }
}
