// SPDX-License-Identifier: Apache-2.0

/// What all copies of an `Allocator` share: counters and lists; the class heads follow in memory.
@safe @usableFromInline
struct AllocatorState {
  /// Bytes of slab blocks in use.
  @usableFromInline var slabBytesInUse: Int
  /// Bytes of malloc's blocks in use, and those reported with `account`.
  @usableFromInline var otherBytesInUse: Int
  /// Highest sum of the two.
  @usableFromInline var bytesPeak: Int
  /// Slabs that belong to a size class.
  var slabCount: Int
  /// Empty slabs kept for the next need, linked by `next`.
  var stock: UnsafeMutablePointer<SlabHeader>?
  /// Number of slabs in stock.
  var stockCount: Int
  /// All chunks.
  var chunks: UnsafeMutablePointer<ChunkRecord>?
  /// The chunks that have a free slab.
  var chunksWithFreeSlabs: UnsafeMutablePointer<ChunkRecord>?
  /// Number of chunks whose slabs are all free; at most one is kept.
  var emptyChunkCount: Int
  /// Slabs marked by compaction.
  var sparseSlabs: UnsafeMutablePointer<SlabHeader>?
  /// The marking under way, if any.
  var plan: UnsafeMutablePointer<CompactionPlan>?
  /// Whether large blocks are collected instead of freed; the first of them, and their bytes.
  var defersLargeFrees: Bool
  var deferred: UInt
  var deferredBytes: Int
}
