// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

#if !MEMD_MALLOC_ONLY
  struct CompactionTests {
    /// Blocks that survived when the others were freed at random.
    private static func survivors(
      of count: Int, keeping percent: Int, sizes: ClosedRange<Int>, in allocator: Allocator,
      _ generator: inout RandomGenerator
    ) -> [PatternBlock] {
      var blocks: [PatternBlock] = []
      for _ in 0..<count {
        let byteCount = sizes.lowerBound + generator.next(below: sizes.count)
        let pattern = UInt8(truncatingIfNeeded: generator.next())
        blocks.append(PatternBlock(byteCount, pattern: pattern, in: allocator))
      }
      var kept: [PatternBlock] = []
      for block in blocks {
        if generator.next(below: 100) < percent {
          kept.append(block)
        } else {
          block.free(in: allocator)
        }
      }
      return kept
    }

    /// Moves the blocks in sparse slabs and returns how many those were.
    private static func move(_ blocks: inout [PatternBlock], in allocator: Allocator) -> Int {
      var moved = 0
      for index in blocks.indices {
        let old = blocks[index]
        guard unsafe allocator.isSparse(old.pointer, byteCount: old.byteCount) else { continue }
        unsafe blocks[index].pointer = allocator.allocate(old.byteCount)
        unsafe blocks[index].pointer.copyMemory(from: old.pointer, byteCount: old.byteCount)
        old.free(in: allocator)
        moved += 1
      }
      return moved
    }

    @Test(arguments: [5, 10, 30, 60], [16...16, 40...40, 8...256])
    func `Moving what is sparse shrinks slabs to little more than the bytes in use`(
      percent: Int, sizes: ClosedRange<Int>
    ) {
      let allocator = Allocator.create()
      var generator = RandomGenerator(seed: UInt64(percent))
      var blocks = CompactionTests.survivors(
        of: 8_000_000 / (sizes.upperBound + 8), keeping: percent, sizes: sizes, in: allocator,
        &generator)
      let bytesInUse = allocator.bytesInUse
      let slabBytesBefore = allocator.slabBytes
      #expect(allocator.beginCompaction())
      #expect(allocator.isCompacting)
      let moved = CompactionTests.move(&blocks, in: allocator)
      #expect(moved > 0 && moved < blocks.count)
      #expect(allocator.slabBytes <= slabBytesBefore)
      allocator.endCompaction()
      #expect(!allocator.isCompacting)
      #expect(allocator.bytesInUse == bytesInUse)
      // Up to 16 slabs are in stock, and each size class has a last slab that is partly used.
      allocator.releaseStock()
      let partly = (sizes.count + 7) / 8 * 16384
      #expect(allocator.slabBytes < bytesInUse * 11 / 10 + 16384 + partly)
      for block in blocks { #expect(block.isIntact()) }
      #expect(!allocator.beginCompaction(threshold: 0.7) || sizes.count > 1)
      allocator.endCompaction()
      for block in blocks { block.free(in: allocator) }
      #expect(allocator.bytesInUse == 0)
      allocator.destroy()
    }

    @Test func `Marking in pieces while blocks come and go does the same`() {
      let allocator = Allocator.create()
      var generator = RandomGenerator(seed: 7)
      var blocks = CompactionTests.survivors(
        of: 200_000, keeping: 10, sizes: 40...40, in: allocator, &generator)
      var calls = 0
      while allocator.markSparseSlabs(threshold: 0.8, chunkLimit: 1) == .unfinished {
        calls += 1
        for _ in 0..<100 {
          let index = generator.next(below: blocks.count)
          blocks.swapAt(index, blocks.count - 1)
          blocks.popLast()?.free(in: allocator)
          blocks.append(PatternBlock(40, pattern: 3, in: allocator))
        }
      }
      #expect(calls > 8)
      _ = CompactionTests.move(&blocks, in: allocator)
      allocator.endCompaction()
      allocator.releaseStock()
      #expect(allocator.slabBytes < allocator.bytesInUse * 13 / 10)
      for block in blocks { #expect(block.isIntact()) }
      // Every block goes while chunks are being counted: the walk must not step on a gone chunk.
      for block in blocks.dropLast(1000) { block.free(in: allocator) }
      _ = allocator.markSparseSlabs(threshold: 1, chunkLimit: 1)
      for block in blocks.suffix(1000) { block.free(in: allocator) }
      allocator.releaseStock()
      while allocator.markSparseSlabs(threshold: 1, chunkLimit: 1) == .unfinished {}
      allocator.destroy()
    }

    @Test func `Ending early leaves marked slabs in service`() {
      let allocator = Allocator.create()
      var generator = RandomGenerator(seed: 8)
      var blocks = CompactionTests.survivors(
        of: 50_000, keeping: 10, sizes: 40...40, in: allocator, &generator)
      let slabBytes = allocator.slabBytes
      #expect(allocator.beginCompaction())
      allocator.endCompaction()
      for block in blocks {
        #expect(unsafe !allocator.isSparse(block.pointer, byteCount: block.byteCount))
      }
      for _ in 0..<20_000 { blocks.append(PatternBlock(40, pattern: 1, in: allocator)) }
      #expect(allocator.slabBytes == slabBytes)
      for block in blocks { block.free(in: allocator) }
      #expect(allocator.bytesInUse == 0)
      allocator.destroy()
    }

    @Test func `A dense allocator has nothing to compact`() {
      let allocator = Allocator.create()
      #expect(!allocator.beginCompaction())
      var blocks: [PatternBlock] = []
      for _ in 0..<10_000 { blocks.append(PatternBlock(48, pattern: 1, in: allocator)) }
      #expect(!allocator.beginCompaction())
      #expect(!allocator.isCompacting)
      allocator.destroy()
    }

    @Test func `Tables move their own buckets out of sparse slabs`() {
      let allocator = Allocator.create()
      let kept = 40
      var tables: [NumberTable] = []
      for _ in 0..<3000 {
        let numbers = NumberTable(in: allocator)
        for word in 0..<32 as Range<UInt64> { numbers.insert(word) }
        tables.append(numbers)
      }
      tables = tables.enumerated().filter { $0.offset % (3000 / kept) == 0 }.map(\.element)
      allocator.releaseStock()
      let before = allocator.slabBytes
      #expect(allocator.beginCompaction())
      for numbers in tables {
        var cursor: UInt64 = 0
        repeat { cursor = numbers.table.scanLocations(cursor) { _ in } } while cursor != 0
        numbers.table.checkInvariants()
        for word in 0..<32 as Range<UInt64> { #expect(numbers.contains(word)) }
      }
      allocator.endCompaction()
      allocator.releaseStock()
      #expect(allocator.slabBytes < before / 8)
      tables = []
      #expect(allocator.bytesInUse == 0)
      allocator.destroy()
    }
  }
#endif
