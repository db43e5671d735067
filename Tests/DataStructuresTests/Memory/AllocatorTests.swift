// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

/// A block and the pattern that its bytes must have.
@safe
struct PatternBlock {
  var pointer: UnsafeMutableRawPointer
  var byteCount: Int
  var pattern: UInt8

  init(_ byteCount: Int, pattern: UInt8, in allocator: Allocator) {
    unsafe pointer = allocator.allocate(byteCount)
    self.byteCount = byteCount
    self.pattern = pattern
    unsafe pointer.initializeMemory(as: UInt8.self, repeating: pattern, count: byteCount)
  }

  /// Whether the first `limit` bytes still have the pattern.
  func isIntact(upTo limit: Int = .max) -> Bool {
    unsafe UnsafeRawBufferPointer(start: pointer, count: min(limit, byteCount))
      .allSatisfy { $0 == pattern }
  }

  func free(in allocator: Allocator) {
    unsafe allocator.deallocate(pointer, byteCount: byteCount)
  }
}

struct AllocatorTests {
  #if MEMD_MALLOC_ONLY
    private static let usesSlabs = false
  #else
    private static let usesSlabs = true
  #endif

  @Test(arguments: 0..<4 as Range<UInt64>)
  func `Random blocks keep their bytes, and the counters end at zero`(seed: UInt64) {
    let allocator = Allocator.create()
    var generator = RandomGenerator(seed: seed)
    var blocks: [PatternBlock] = []
    let largest = [40, 256, 300, 5000][Int(seed)]
    for step in 0..<20_000 {
      let grows = (step / 4000) % 2 == 0
      if blocks.isEmpty || generator.next(below: 10) < (grows ? 7 : 3) {
        let byteCount = generator.next(below: largest + 1)
        let pattern = UInt8(truncatingIfNeeded: generator.next())
        blocks.append(PatternBlock(byteCount, pattern: pattern, in: allocator))
        #expect(unsafe UInt(bitPattern: blocks[blocks.count - 1].pointer) % 8 == 0)
      } else {
        let index = generator.next(below: blocks.count)
        blocks.swapAt(index, blocks.count - 1)
        guard let block = blocks.popLast() else { continue }
        #expect(block.isIntact(), "seed \(seed) step \(step)")
        block.free(in: allocator)
      }
    }
    var bytes = 0
    for block in blocks {
      #expect(block.isIntact(), "seed \(seed)")
      bytes += unsafe allocator.allocatedSize(of: block.byteCount, at: block.pointer)
    }
    #expect(allocator.bytesInUse == bytes && allocator.bytesPeak >= bytes)
    for block in blocks { block.free(in: allocator) }
    #expect(allocator.bytesInUse == 0)
    #expect(allocator.slabBytes <= 16 * 16384)
    allocator.releaseStock()
    #expect(allocator.slabBytes == 0)
    allocator.destroy()
  }

  @Test func `Every size from 0 to 300 bytes has its place, rounded up to 8`() {
    let allocator = Allocator.create()
    var blocks: [PatternBlock] = []
    for byteCount in 0...300 {
      for pattern in 1...3 as ClosedRange<UInt8> {
        blocks.append(PatternBlock(byteCount, pattern: pattern, in: allocator))
        let pointer = unsafe blocks[blocks.count - 1].pointer
        let size = unsafe allocator.allocatedSize(of: byteCount, at: pointer)
        #expect(size >= byteCount)
        if AllocatorTests.usesSlabs && byteCount <= 256 && byteCount > 0 {
          #expect(size == (byteCount + 7) / 8 * 8)
        }
      }
    }
    for block in blocks { #expect(block.isIntact()) }
    for block in blocks { block.free(in: allocator) }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `Blocks of 64 bytes fill a cache line`() {
    let allocator = Allocator.create()
    var blocks: [PatternBlock] = []
    for _ in 0..<1000 { blocks.append(PatternBlock(64, pattern: 1, in: allocator)) }
    for block in blocks { #expect(unsafe UInt(bitPattern: block.pointer) % 64 == 0) }
    for block in blocks { block.free(in: allocator) }
    allocator.destroy()
  }

  @Test func `Reallocation keeps the bytes across all kinds of blocks`() {
    let allocator = Allocator.create()
    var generator = RandomGenerator(seed: 4)
    var block = PatternBlock(10, pattern: 77, in: allocator)
    for step in 0..<2000 {
      let byteCount = generator.next(below: step % 2 == 0 ? 300 : 2000)
      let kept = min(byteCount, block.byteCount)
      unsafe block.pointer = allocator.reallocate(
        block.pointer, from: block.byteCount, to: byteCount)
      block.byteCount = byteCount
      #expect(block.isIntact(upTo: kept))
      unsafe block.pointer.initializeMemory(as: UInt8.self, repeating: 77, count: byteCount)
    }
    block.free(in: allocator)
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `Memory of others is counted, and the peak remembers it`() {
    let allocator = Allocator.create()
    allocator.account(1000)
    #expect(allocator.bytesInUse == 1000)
    allocator.account(-400)
    #expect(allocator.bytesInUse == 600 && allocator.bytesPeak == 1000)
    allocator.destroy()
  }

  @Test(.enabled(if: AllocatorTests.usesSlabs))
  func `Slabs of freed blocks are used again for another size`() {
    let allocator = Allocator.create()
    for round in 0..<20 {
      let byteCount = 8 + round * 8
      var blocks: [PatternBlock] = []
      for _ in 0..<4_000_000 / byteCount / 8 {
        blocks.append(PatternBlock(byteCount, pattern: 9, in: allocator))
      }
      let slabBytes = allocator.slabBytes
      #expect(slabBytes < 900_000)
      #expect(allocator.slabBytesFree == slabBytes - allocator.bytesInUse)
      for block in blocks { block.free(in: allocator) }
      #expect(allocator.slabBytes <= 16 * 16384)
    }
    allocator.destroy()
  }
}
