// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

struct RunTests {
  /// A run that holds its own number everywhere.
  private struct Block {
    let run: Run
    let pattern: UInt8

    init(_ byteCount: Int, atMost: Int, _ pattern: UInt8, _ allocator: Allocator) {
      run = allocator.allocateRun(byteCount, atMost: atMost)
      self.pattern = pattern
      unsafe run.base.initializeMemory(as: UInt8.self, repeating: pattern, count: run.byteCount)
    }

    var isIntact: Bool {
      let bytes = unsafe RawSpan(_unsafeStart: run.base, byteCount: run.byteCount)
      for offset in 0..<run.byteCount where bytes.byte(offset) != pattern { return false }
      return true
    }

    func free(_ allocator: Allocator) {
      unsafe allocator.deallocateRun(run.base, byteCount: run.byteCount)
    }
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func `Runs of all sizes never overlap and holes are used again`(seed: UInt64) {
    let allocator = Allocator.create()
    var generator = RandomGenerator(seed: seed)
    var blocks: [Block] = []
    for step in 0..<20_000 {
      let grows = step % 5000 < 3000
      if blocks.isEmpty || generator.next(below: 10) < (grows ? 7 : 3) {
        let byteCount = 1 + generator.next(below: generator.next(below: 3) == 0 ? 4096 : 1400)
        let atMost = min(4096, byteCount + generator.next(below: 400))
        let block = Block(byteCount, atMost: atMost, UInt8(truncatingIfNeeded: step), allocator)
        #expect(
          block.run.byteCount >= byteCount && block.run.byteCount < max(atMost, byteCount) + 64)
        blocks.append(block)
      } else {
        let block = blocks.remove(at: generator.next(below: blocks.count))
        #expect(block.isIntact)
        block.free(allocator)
      }
    }
    #if !MEMD_MALLOC_ONLY
      let bytes = blocks.reduce(0) { $0 + $1.run.byteCount }
      #expect(allocator.bytesInUse == bytes)
    #endif
    for block in blocks {
      #expect(block.isIntact)
      block.free(allocator)
    }
    #expect(allocator.bytesInUse == 0)
    allocator.releaseStock()
    #expect(allocator.slabBytes == 0)
    allocator.destroy()
  }

  #if !MEMD_MALLOC_ONLY
    @Test func `Holes side by side serve a longer run`() {
      let allocator = Allocator.create()
      var blocks = (0..<40).map { Block(1024, atMost: 0, UInt8($0), allocator) }
      let before = allocator.slabBytes
      for block in blocks { block.free(allocator) }
      blocks = (0..<9).map { Block(4096, atMost: 0, UInt8($0), allocator) }
      #expect(allocator.slabBytes <= before)
      for block in blocks { block.free(allocator) }
      allocator.destroy()
    }

    @Test func `Rounds of compaction leave few holes`() {
      let allocator = Allocator.create()
      var generator = RandomGenerator(seed: 2)
      var blocks: [Block] = []
      for number in 0..<6000 {
        let byteCount = 600 + generator.next(below: 1000)
        blocks.append(Block(byteCount, atMost: 0, UInt8(truncatingIfNeeded: number), allocator))
      }
      blocks = blocks.filter { block in
        if generator.next(below: 3) == 0 { return true }
        block.free(allocator)
        return false
      }
      let before = allocator.slabBytes
      var rounds = 0
      while rounds < 20, allocator.beginCompaction(threshold: 0.93) {
        for index in blocks.indices where unsafe allocator.isSparse(run: blocks[index].run.base) {
          let old = blocks[index]
          blocks[index] = Block(old.run.byteCount, atMost: 0, old.pattern, allocator)
          old.free(allocator)
        }
        #expect(allocator.slabBytes <= before + before / 4)
        allocator.endCompaction()
        rounds += 1
      }
      allocator.releaseStock()
      #expect(rounds < 20 && allocator.slabBytes < allocator.bytesInUse * 11 / 10)
      for block in blocks {
        #expect(block.isIntact)
        block.free(allocator)
      }
      #expect(allocator.bytesInUse == 0)
      allocator.destroy()
    }
  #endif
}
