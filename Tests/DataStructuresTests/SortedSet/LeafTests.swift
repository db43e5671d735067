// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import DataStructures

struct LeafTests {
  @Test func `The bytes of a leaf are where the drawing says`() {
    let allocator = Allocator.create()
    do {
      var set = SortedSet(allocator: allocator, seed: HashSeed(k0: 1, k1: 2))
      for (name, score) in [("bb", 300.0), ("aa", 100), ("cc", 200)] {
        let member = Array(name.utf8)
        set.insert(member.octets, hash: UInt64(member[0]) | 0xab00_0000_0000_0000, score: score)
      }
      let leaf = set.directory.leaf(set.head)
      let bytes = SortedSetLeaf(leaf).bytes
      #expect(bytes.octets4(at: 0) == 0)
      #expect(bytes.octets4(at: 4) == .max && bytes.octets4(at: 8) == .max)
      let (slots, width, shift) = (
        Int(bytes.octet(at: 12)), Int(bytes.octet(at: 13)), UInt64(bytes.octet(at: 14))
      )
      #expect(slots >= 3 && bytes.octet(at: 15) == 2)
      #expect(bytes.octets8(at: 16) == 0 && bytes.octet(at: 25) == allocator.epoch)
      #expect(bytes.octet(at: 26) == 0 && bytes.octet(at: 27) == 3)
      #expect(Int(bytes.octet(at: 30)) * 64 == leaf.byteCount)
      #expect(bytes.octets8(at: 40) == 0b111)
      #expect([48, 49, 50].map { bytes.octet(at: $0) } == [1, 2, 0])
      let base = bytes.octets8(at: 32)
      for (slot, score) in [300.0, 100, 200].enumerated() {
        let stored = bytes.octets(at: 48 + slots + slot * width, count: width)
        #expect(ScoreKey.score(base + stored << shift) == score)
        let hash = bytes.octets4(at: 48 + slots * (1 + width) + slot * 4)
        #expect(hash == UInt32(UInt8(ascii: ["b", "a", "c"][slot])))
        let member = 48 + slots * (5 + width) + slot * 2
        #expect(bytes.octet(at: member) == bytes.octet(at: member + 1))
        #expect(UInt32(bytes.octet(at: member)) == hash)
      }
    }
    allocator.destroy()
  }

  @Test func `Keys are ordered like scores and give them back bit for bit`() {
    let scores: [Double] = [
      -.infinity, -.greatestFiniteMagnitude, -1.5, -1, -.leastNormalMagnitude,
      -.leastNonzeroMagnitude, -0.0, 0, .leastNonzeroMagnitude, .leastNormalMagnitude, 1, 1.5,
      .greatestFiniteMagnitude, .infinity,
    ]
    let keys = scores.map { ScoreKey.make($0) }
    for index in 1..<keys.count { #expect(keys[index - 1] < keys[index]) }
    for (key, score) in zip(keys, scores) {
      #expect(ScoreKey.score(key).bitPattern == score.bitPattern)
    }
    #expect(ScoreKey.lowest(0) == ScoreKey.make(-0.0) && ScoreKey.highest(-0.0) == ScoreKey.make(0))
    #expect(ScoreKey.lowest(3) == ScoreKey.highest(3))
  }

  @Test(
    arguments: [
      ([5, 5, 5], 0), ([1, 2, 200], 1), ([0, 70_000], 3), ([0.1, 0.7], 7), ([-1, 1], 8),
      ([-.infinity, .infinity], 8),
    ] as [([Double], Int)])
  func `Scores take as many bytes as their differences need`(scores: [Double], width: Int) {
    var contents = LeafContents()
    for score in scores { contents.add(ScoreKey.make(score), MemberCode(memberByteCount: 4)) }
    let shape = contents.shape(reserve: 0)
    #expect(shape.width == width)
    let allocator = Allocator.create()
    let leaf = Leaf(shape, number: 0, in: allocator)
    for score in scores { #expect(leaf.canHold(ScoreKey.make(score))) }
    allocator.deallocateRun(leaf)
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `Offsets of a mixed leaf are the sums of the lengths before`() {
    let allocator = Allocator.create()
    var contents = LeafContents()
    for length in 0..<64 { contents.add(0, MemberCode(memberByteCount: length % 9)) }
    let leaf = Leaf(contents.shape(reserve: 0), number: 0, in: allocator)
    #expect(leaf.isMixed)
    var sum = 0
    for slot in 0..<64 {
      let code = slot % 11 == 0 ? MemberCode.long : MemberCode(memberByteCount: slot % 9)
      unsafe leaf.lengths.storeBytes(of: code.rawValue, toByteOffset: slot, as: UInt8.self)
      #expect(leaf.mixedOffset(slot) == sum)
      sum += code.byteCount
    }
    allocator.deallocateRun(leaf)
    allocator.destroy()
  }
}

extension Allocator {
  fileprivate func deallocateRun(_ leaf: Leaf) {
    unsafe deallocateRun(leaf.base, byteCount: leaf.byteCount)
  }
}
