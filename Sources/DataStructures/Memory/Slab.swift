// SPDX-License-Identifier: Apache-2.0

// Layout: one chunk, 1 MiB, aligned to 1 MiB
//
//   0        64                 2112              16384             32768         1 MiB
//   +--------+------------------+-----------------+-----------------+--  ...  ----+
//   | record | 64 slab headers  | blocks, slab 0  | blocks, slab 1  |    slab 63  |
//   +--------+------------------+-----------------+-----------------+--  ...  ----+
//
// A block has no header. Its slab's header is found from its address alone: the chunk is the
// address without its low 20 bits, the slab's number is in bits 14-19. Headers sit side by side
// instead of in front of their slabs, at the same cost in memory: 64 of them share 32 cache lines
// and one page, where headers in front of slabs would all compete for the same few cache sets.

/// Bookkeeping of one 16 KiB slab whose blocks all have one size; 32 bytes.
///
///     0         8         16        24       28      30      31     32
///     +---------+---------+---------+--------+-------+-------+-------+
///     | free    | next    | previous| bump   | live  | units | flags |
///     +---------+---------+---------+--------+-------+-------+-------+
@safe @usableFromInline
struct SlabHeader {
  /// Address of the block freed last, 0 if none; a freed block's first word leads to the next.
  @usableFromInline var free: UInt
  /// Next slab in the list that this one is in.
  @usableFromInline var next: UnsafeMutablePointer<SlabHeader>?
  /// Previous slab in that list.
  @usableFromInline var previous: UnsafeMutablePointer<SlabHeader>?
  /// Where the never used rest starts, in 8-byte units from the chunk's start; 0 = all was used.
  @usableFromInline var bump: UInt32
  /// Number of blocks in use; of a slab with runs, of granules.
  @usableFromInline var live: UInt16
  /// Size of a block in 8-byte units; 0 while the slab belongs to no size class. Of a slab with
  /// runs the number of its list: 33 and the granules of the longest hole.
  @usableFromInline var units: UInt8
  /// `isListed`, `isSparse` or none: then all blocks are in use, and the slab is in no list.
  @usableFromInline var flags: UInt8

  /// The slab has room and is in its size class's list.
  @inlinable static var isListed: UInt8 { 1 }
  /// The slab is being emptied by compaction and takes no new blocks.
  @inlinable static var isSparse: UInt8 { 2 }
}

/// Sizes and address arithmetic of chunks and slabs.
@usableFromInline
enum Slab {
  /// Bytes in a slab.
  @inlinable static var byteCount: Int { 1 << 14 }
  /// Bytes in a chunk, and its alignment.
  @inlinable static var chunkByteCount: Int { 1 << 20 }
  /// Slabs in a chunk.
  @inlinable static var perChunk: Int { 64 }
  /// Bytes at the start of slab 0 that hold the chunk's record and the slab headers.
  @inlinable static var reservedBytes: Int { 2112 }

  /// The chunk that contains `address`.
  @inlinable @inline(__always)
  static func chunk(of address: UInt) -> UInt { address & ~UInt(chunkByteCount &- 1) }

  /// The header of the slab that contains the block at `address`.
  @inlinable @inline(__always)
  static func header(of address: UInt) -> UnsafeMutablePointer<SlabHeader> {
    let number = (address &>> 14) & 63
    return unsafe header(number, in: chunk(of: address))
  }

  /// The header of slab `number` in the chunk at `chunk`.
  @inlinable @inline(__always)
  static func header(_ number: UInt, in chunk: UInt) -> UnsafeMutablePointer<SlabHeader> {
    let address = chunk &+ 64 &+ number &* 32
    return unsafe UnsafeMutablePointer(bitPattern: address).unsafelyUnwrapped
  }

  /// The number within its chunk of the slab with the header at `header`.
  static func number(of header: UnsafeMutablePointer<SlabHeader>) -> Int {
    let address = UInt(bitPattern: header)
    return Int((address - chunk(of: address) - 64) / 32)
  }

  /// Offset in its chunk of the first block of slab `number`.
  static func start(of number: Int) -> Int {
    number == 0 ? reservedBytes : number * byteCount
  }

  /// How many blocks of `units` 8-byte units fit into slab `number`, or granules of runs.
  static func capacity(of number: Int, units: Int) -> Int {
    let room = (number + 1) * byteCount - start(of: number)
    return units < Allocator.classCount ? room / (units * 8) : room / granuleByteCount - 1
  }
}

/// The first 64 bytes of a chunk.
///
///     0           8         16         24         32             64
///     +-----------+---------+----------+----------+--------------+
///     | freeSlabs | next    | previous | nextFree | previousFree |
///     +-----------+---------+----------+----------+--------------+
@safe @usableFromInline
struct ChunkRecord {
  /// Bit n is set while slab n is handed out to nobody and its pages are given back.
  var freeSlabs: UInt64
  /// Next chunk of the allocator.
  var next: UnsafeMutablePointer<ChunkRecord>?
  /// Previous chunk of the allocator.
  var previous: UnsafeMutablePointer<ChunkRecord>?
  /// Next chunk that has a free slab.
  var nextFree: UnsafeMutablePointer<ChunkRecord>?
  /// Previous chunk that has a free slab.
  var previousFree: UnsafeMutablePointer<ChunkRecord>?
}
