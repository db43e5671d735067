// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

/// A sketch in an array, changed as the keyspace changes one.
private struct Sketch {
  var bytes = [UInt8](repeating: 0xEE, count: HyperLogLog.emptyByteCount)

  init() {
    var span = bytes.mutableSpan
    var target = unsafe span.mutableBytes
    target.writeEmptyHyperLogLog()
  }

  var isSparse: Bool { bytes[4] == 1 }
  var cardinality: Int? { HyperLogLog(bytes.rawSpan)?.cardinality() }

  static func opens(_ bytes: [UInt8]) -> Bool { HyperLogLog(bytes.rawSpan) != nil }

  func isMerged(into union: inout HyperLogLogUnion) -> Bool {
    guard let sketch = HyperLogLog(bytes.rawSpan) else { return false }
    return union.add(sketch)
  }

  func register(_ index: Int) -> UInt8 {
    let dense = isSparse ? HyperLogLog(bytes.rawSpan)?.dense() ?? [] : bytes
    return HyperLogLog(dense.rawSpan)?.denseRegister(index) ?? 0
  }

  mutating func makeDense() { bytes = HyperLogLog(bytes.rawSpan)?.dense() ?? bytes }

  /// True if a register changed; nil if the runs are corrupt.
  mutating func raise(_ place: HyperLogLog.Place, limit: Int = 3000) -> Bool? {
    if isSparse {
      switch HyperLogLog(bytes.rawSpan)?.change(place, byteCountMax: limit) {
      case .splice(let splice):
        let count = bytes.count
        bytes += [UInt8](repeating: 0, count: max(0, splice.growth))
        var span = bytes.mutableSpan
        var target = unsafe span.mutableBytes
        let newCount = target.apply(splice, oldByteCount: count)
        bytes.removeLast(bytes.count - newCount)
        return true
      case .some(.none): return false
      case .promotion:
        guard HyperLogLog(bytes.rawSpan)?.dense() != nil else { return nil }
        makeDense()
      default: return nil
      }
    }
    var span = bytes.mutableSpan
    var target = unsafe span.mutableBytes
    return target.raiseDenseRegister(place)
  }

  mutating func add(_ element: String) {
    let bytes = Array(element.utf8)
    _ = raise(HyperLogLog.Place(of: bytes.rawSpan))
  }
}

@Suite struct HyperLogLogTests {
  @Test func `an empty sketch is one run of zeros`() {
    let sketch = Sketch()
    #expect(
      sketch.bytes == Array("HYLL".utf8) + [1, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 0xFF])
    #expect(sketch.cardinality == 0)
    let cached = HyperLogLog(sketch.bytes.rawSpan)?.cachedCardinality
    #expect(cached == 0)
  }

  @Test func `elements give the bytes that other servers give`() {
    var sketch = Sketch()
    for element in ["a", "b", "c"] { sketch.add(element) }
    // GET after PFADD key a b c on redis-server 7.0.15.
    let registers: [UInt8] = [0x60, 0xF3, 0x80, 0x50, 0xB1, 0x84, 0x4B, 0xFB, 0x80, 0x42, 0x5A]
    #expect(sketch.bytes.suffix(from: 16) == registers[...])
    #expect(sketch.bytes[15] == 0x80)
    #expect(sketch.cardinality == 3)
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `registers hold the largest values, sparse and dense`(seed: UInt64) {
    var random = RandomGenerator(seed: seed)
    var sparse = Sketch()
    var dense = Sketch()
    dense.makeDense()
    var model = [UInt8](repeating: 0, count: HyperLogLog.registerCount)
    // Neighbours, so that runs are split and merged.
    let width = [8, 40, 300, 16384][random.next(below: 4)]
    let base = random.next(below: HyperLogLog.registerCount - width + 1)
    for step in 0..<400 {
      let register = base + random.next(below: width)
      let place = HyperLogLog.Place(
        register: register, value: UInt8(1 + random.next(below: step % 100 == 99 ? 51 : 4)))
      let changes = place.value > model[register]
      model[register] = max(model[register], place.value)
      #expect(sparse.raise(place, limit: 700) == changes, "seed \(seed), step \(step)")
      #expect(dense.raise(place) == changes, "seed \(seed), step \(step)")
    }
    for register in model.indices {
      if sparse.register(register) != model[register] { Issue.record("seed \(seed): \(register)") }
      if dense.register(register) != model[register] { Issue.record("seed \(seed): \(register)") }
      if seed > 1 { break }
    }
    sparse.makeDense()
    #expect(sparse.bytes.suffix(from: 16) == dense.bytes.suffix(from: 16), "seed \(seed)")
    #expect(sparse.cardinality == dense.cardinality, "seed \(seed)")
  }

  @Test func `a sketch becomes dense when runs take too much or a value is too large`() {
    var sketch = Sketch()
    #expect(sketch.raise(HyperLogLog.Place(register: 5, value: 32)) == true)
    #expect(sketch.isSparse)
    #expect(sketch.raise(HyperLogLog.Place(register: 9, value: 33)) == true)
    #expect(!sketch.isSparse)
    #expect(sketch.register(5) == 32)
    #expect(sketch.register(9) == 33)
    var small = Sketch()
    #expect(small.raise(HyperLogLog.Place(register: 5, value: 1), limit: 20) == true)
    #expect(small.isSparse)
    #expect(small.bytes.count == 20)
    #expect(small.raise(HyperLogLog.Place(register: 99, value: 1), limit: 20) == true)
    #expect(!small.isSparse)
  }

  @Test func `the union has the larger of two registers`() {
    var one = Sketch()
    var two = Sketch()
    for number in 0..<2000 { one.add("one \(number)") }
    for number in 0..<200 { two.add("two \(number)") }
    two.makeDense()
    var union = HyperLogLogUnion()
    let oneIsMerged = one.isMerged(into: &union)
    let twoIsMerged = two.isMerged(into: &union)
    #expect(oneIsMerged && twoIsMerged)
    let total = union.cardinality
    #expect(abs(total - 2200) < 60, "\(total)")
    one.makeDense()
    for register in stride(from: 0, to: HyperLogLog.registerCount, by: 37) {
      #expect(union[register] == max(one.register(register), two.register(register)))
    }
  }

  @Test func `what is no sketch is not opened`() {
    let sketch = Sketch().bytes
    #expect(!Sketch.opens([]))
    #expect(!Sketch.opens(Array(sketch.prefix(15))))
    #expect(Sketch.opens(sketch))
    for (index, byte) in [(0, 0x68), (3, 0), (4, 2), (4, 0)] as [(Int, UInt8)] {
      var bytes = sketch
      bytes[index] = byte
      #expect(!Sketch.opens(bytes), "\(index)")
    }
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `nonsense in the registers is reported and harms nothing`(seed: UInt64) {
    var random = RandomGenerator(seed: seed)
    for _ in 0..<300 {
      var sketch = Sketch()
      for number in 0..<random.next(below: 60) { sketch.add("\(number)") }
      for _ in 0...random.next(below: 3) {
        let byte = UInt8(truncatingIfNeeded: random.next())
        if random.next(below: 4) == 0 {
          sketch.bytes.append(byte)
        } else {
          sketch.bytes[16 + random.next(below: sketch.bytes.count - 16)] = byte
        }
      }
      let isCorrupt = sketch.cardinality == nil
      var union = HyperLogLogUnion()
      let isMerged = sketch.isMerged(into: &union)
      #expect(isMerged != isCorrupt, "seed \(seed), \(sketch.bytes)")
      if let view = HyperLogLog(sketch.bytes.rawSpan) {
        let isDense = view.dense() != nil
        let description = view.runsDescription
        #expect(isDense != isCorrupt, "seed \(seed), \(sketch.bytes)")
        #expect(!description.isEmpty)
      }
      for number in 0..<50 {
        let element = Array("more \(number)".utf8)
        _ = sketch.raise(HyperLogLog.Place(of: element.rawSpan), limit: 100)
      }
    }
  }

  @Test func `the self test passes with any seed`() {
    var random = RandomGenerator(seed: 7)
    #expect(HyperLogLogSelfTest.failure(sparseByteCountMax: 3000, using: &random) == nil)
  }
}
