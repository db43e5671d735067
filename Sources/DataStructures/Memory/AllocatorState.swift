// SPDX-License-Identifier: Apache-2.0

/// What all copies of an `Allocator` share: counters and lists; the class heads follow in memory.
@safe @usableFromInline
struct AllocatorState {
  /// Bytes of slab blocks in use.
  @usableFromInline var slabBytesInUse = 0
  /// Bytes of malloc's blocks in use, and those reported with `account`.
  @usableFromInline var otherBytesInUse = 0
  /// Highest sum of the two.
  @usableFromInline var bytesPeak = 0
  /// The number of the present epoch.
  @usableFromInline var epoch: UInt8 = 1
  /// How many numbers, the present one included, something may carry.
  var carriedEpochCount = 1
  /// Bit n - 1 is set if there may be a slab with runs whose longest hole has n granules; bit 63
  /// stands for longer ones, too.
  var holes: UInt64 = 0
  /// Slabs that belong to a size class.
  var slabCount = 0
  /// Empty slabs kept for the next need, linked by `next`.
  var stock: UnsafeMutablePointer<SlabHeader>?
  /// Number of slabs in stock.
  var stockCount = 0
  /// All chunks.
  var chunks: UnsafeMutablePointer<ChunkRecord>?
  /// The chunks that have a free slab.
  var chunksWithFreeSlabs: UnsafeMutablePointer<ChunkRecord>?
  /// Number of chunks whose slabs are all free; at most one is kept.
  var emptyChunkCount = 0
  /// Slabs marked by compaction.
  var sparseSlabs: UnsafeMutablePointer<SlabHeader>?
  /// The marking under way, if any.
  var plan: UnsafeMutablePointer<CompactionPlan>?
  /// Whether large blocks are collected instead of freed; the first of them, and their bytes.
  var defersLargeFrees = false
  var deferred: UInt = 0
  var deferredBytes = 0
  /// Who is told of blocks that are about to change.
  var observer: (any BlockObserver)?

  /// How much there is of what only newer snapshot files can hold.
  var newerParts = NewerParts()

  /// Of an allocator that holds no memory.
  init() {
    unsafe stock = nil
    unsafe chunks = nil
    unsafe chunksWithFreeSlabs = nil
    unsafe sparseSlabs = nil
    unsafe plan = nil
  }
}
