// SPDX-License-Identifier: Apache-2.0

// Compaction: after many keys were removed at random, each slab keeps a few survivors and no slab
// becomes empty. The allocator can't move blocks, since it doesn't know who points to them, but it
// can say which to move: those in marked slabs. Marked slabs take no new blocks, so that a block
// that its owner allocates anew lands in a slab that stays.
//
// Which slabs stay is decided per size class from a histogram of their occupancy: the fullest ones
// that together have room for all blocks of the class. So no memory is needed on the way, and
// no more blocks move than necessary.

internal import CLinux

extension Allocator {
  /// How far the marking of sparse slabs has come.
  public enum MarkingProgress: Sendable {
    /// No size class is used thinly enough to be worth the work.
    case unnecessary
    /// The limit was reached; call again.
    case unfinished
    /// `isSparse` now answers for all blocks.
    case complete
  }

  /// Marks the slabs to be emptied, all at once; false if there is nothing to gain.
  ///
  /// A compaction that is under way is ended first. Takes about 2 ms per GiB of slabs:
  /// `markSparseSlabs` does the same in pieces.
  public func beginCompaction(threshold: Double = 0.8) -> Bool {
    endCompaction()
    return markSparseSlabs(threshold: threshold) == .complete
  }

  /// Marks slabs of classes whose blocks fill less than the fraction `threshold` of their slabs.
  ///
  /// Looks at no more than `chunkLimit` chunks of 1 MiB per call.
  public func markSparseSlabs(threshold: Double, chunkLimit: Int = .max) -> MarkingProgress {
    if unsafe state.pointee.plan == nil {
      guard unsafe state.pointee.sparseSlabs == nil else { return .complete }
      let slabs = unsafe state.pointee.slabCount
      let used = unsafe Double(state.pointee.slabBytesInUse)
      guard slabs > 1, used < threshold * Double(slabs * Slab.byteCount) else {
        return .unnecessary
      }
      unsafe state.pointee.plan = CompactionPlan.make(startingWith: state.pointee.chunks)
    }
    guard let plan = unsafe state.pointee.plan else { return .unnecessary }
    var chunksLeft = chunkLimit
    if unsafe !plan.pointee.isMarking {
      guard unsafe count(in: plan, chunksLeft: &chunksLeft) else { return .unfinished }
      unsafe plan.pointee.decide(threshold: threshold)
      unsafe plan.pointee.cursor = unsafe state.pointee.chunks
      unsafe plan.pointee.isMarking = true
    }
    guard unsafe mark(by: plan, chunksLeft: &chunksLeft) else { return .unfinished }
    dropPlan()
    return unsafe state.pointee.sparseSlabs == nil ? .unnecessary : .complete
  }

  /// Whether the owner of this block should allocate it anew, copy it and free the old one.
  @inlinable
  public func isSparse(_ pointer: UnsafeMutableRawPointer, byteCount: Int) -> Bool {
    #if MEMD_MALLOC_ONLY
      return false
    #else
      guard UInt(bitPattern: byteCount) <= UInt(Allocator.largestSlabBlock) else { return false }
      return unsafe Slab.header(of: UInt(bitPattern: pointer)).pointee.flags == SlabHeader.isSparse
    #endif
  }

  /// Whether slabs are marked, or being marked.
  public var isCompacting: Bool {
    unsafe state.pointee.sparseSlabs != nil || state.pointee.plan != nil
  }

  /// Unmarks the slabs that still hold blocks; they serve allocations again.
  ///
  /// - Complexity: O(marked slabs).
  public func endCompaction() {
    dropPlan()
    while let slab = unsafe state.pointee.sparseSlabs {
      unsafe unlink(slab)
      if unsafe Slab.holdsRuns(slab) { unsafe measureHole(of: slab) }
      unsafe list(slab)
    }
  }

  /// First pass: counts slabs and blocks per class and occupancy; false when the limit is reached.
  private func count(
    in plan: UnsafeMutablePointer<CompactionPlan>, chunksLeft: inout Int
  ) -> Bool {
    while let chunk = unsafe plan.pointee.cursor {
      guard chunksLeft > 0 else { return false }
      chunksLeft -= 1
      for number in 0..<Slab.perChunk {
        let slab = unsafe Slab.header(UInt(number), in: UInt(bitPattern: chunk))
        guard unsafe slab.pointee.units != 0 else { continue }
        let (units, live) = unsafe (Int(slab.pointee.units), Int(slab.pointee.live))
        unsafe plan.pointee.add(
          live: live, capacity: Slab.capacity(of: number, units: units), units)
      }
      unsafe plan.pointee.cursor = unsafe chunk.pointee.next
    }
    return true
  }

  /// Second pass: takes the sparse slabs out of the lists; false when the limit is reached.
  private func mark(
    by plan: UnsafeMutablePointer<CompactionPlan>, chunksLeft: inout Int
  ) -> Bool {
    while let chunk = unsafe plan.pointee.cursor {
      guard chunksLeft > 0 else { return false }
      chunksLeft -= 1
      for number in 0..<Slab.perChunk {
        let slab = unsafe Slab.header(UInt(number), in: UInt(bitPattern: chunk))
        guard unsafe slab.pointee.flags == SlabHeader.isListed else { continue }
        let (units, live) = unsafe (Int(slab.pointee.units), Int(slab.pointee.live))
        let capacity = Slab.capacity(of: number, units: units)
        guard unsafe plan.pointee.isToBeEmptied(live: live, capacity: capacity, units) else {
          continue
        }
        unsafe unlink(slab)
        unsafe slab.pointee.flags = SlabHeader.isSparse
        unsafe push(slab, on: sparseHead)
      }
      unsafe plan.pointee.cursor = unsafe chunk.pointee.next
    }
    return true
  }

  /// Address of the head of the list of marked slabs.
  private var sparseHead: UnsafeMutablePointer<UnsafeMutablePointer<SlabHeader>?> {
    let offset = unsafe MemoryLayout<AllocatorState>.offset(of: \.sparseSlabs) ?? 0
    return unsafe (UnsafeMutableRawPointer(state) + offset)
      .assumingMemoryBound(to: UnsafeMutablePointer<SlabHeader>?.self)
  }

  /// Ends the marking, if one is under way.
  private func dropPlan() {
    guard let plan = unsafe state.pointee.plan else { return }
    unsafe state.pointee.plan = nil
    unsafe plan.pointee.bins.deallocate()
    unsafe plan.deallocate()
  }
}
