// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

/// Bits one by one, as slow and plain as can be.
private struct PlainBits {
  var bits: [Bool]

  init(_ bytes: [UInt8]) {
    bits = bytes.flatMap { byte in (0..<8).map { byte >> UInt8(7 - $0) & 1 == 1 } }
  }

  /// Filled up with zeros to `count` bits.
  func padded(_ count: Int) -> [Bool] {
    bits + [Bool](repeating: false, count: count - bits.count)
  }

  static func bytes(_ bits: [Bool]) -> [UInt8] {
    stride(from: 0, to: bits.count, by: 8).map { first in
      (0..<8).reduce(UInt8(0)) { $0 << 1 | (bits[first + $1] ? 1 : 0) }
    }
  }
}

extension RandomGenerator {
  /// Bytes that are all zero, all ones, or anything.
  fileprivate mutating func bytes(upTo limit: Int) -> [UInt8] {
    let count = next(below: limit + 1)
    switch next(below: 4) {
    case 0: return [UInt8](repeating: 0, count: count)
    case 1: return [UInt8](repeating: 255, count: count)
    default: return (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
  }
}

@Suite struct BitStringTests {
  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `counting and searching agree with looking at every bit`(seed: UInt64) {
    var random = RandomGenerator(seed: seed)
    for step in 0..<300 {
      let bytes = random.bytes(upTo: 40)
      let plain = PlainBits(bytes).bits
      let first = random.next(below: plain.count + 1)
      let end = first + random.next(below: plain.count - first + 1)
      let place = "seed \(seed), step \(step), \(bytes), \(first)..<\(end)"
      let ones = plain[first..<end].count { $0 }
      #expect(bytes.rawSpan.oneCount(in: first..<end) == ones, "\(place)")
      for bit in [true, false] {
        let found = bytes.rawSpan.firstBit(bit, in: first..<end)
        #expect(found == plain[first..<end].firstIndex(of: bit), "\(place)")
      }
    }
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `integers of any width are stored where they are read`(seed: UInt64) {
    var random = RandomGenerator(seed: seed)
    for step in 0..<500 {
      var bytes = random.bytes(upTo: 24)
      bytes += [UInt8](repeating: 0, count: 8)
      let count = 1 + random.next(below: 64)
      let offset = random.next(below: bytes.count * 8 - count + 1)
      let value = random.next()
      let place = "seed \(seed), step \(step): \(count) bits at \(offset)"
      var expected = PlainBits(bytes).bits
      for index in 0..<count {
        expected[offset + index] = value >> UInt64(count - 1 - index) & 1 == 1
      }
      var span = bytes.mutableSpan
      var raw = unsafe span.mutableBytes
      raw.setBits(value, at: offset, count: count)
      #expect(bytes == PlainBits.bytes(expected), "\(place)")
      let kept = count == 64 ? value : value & (1 << UInt64(count) - 1)
      #expect(bytes.rawSpan.bits(at: offset, count: count) == kept, "\(place)")
    }
  }

  @Test func `bits behind the end are zeros`() {
    let bytes: [UInt8] = [0xFF, 0xFF]
    #expect(bytes.rawSpan.bits(at: 12, count: 8) == 0xF0)
    #expect(bytes.rawSpan.bits(at: 15, count: 64) == 1 << 63)
    #expect(bytes.rawSpan.bits(at: 16, count: 64) == 0)
    #expect(bytes.rawSpan.bits(at: .max - 64, count: 64) == 0)
    #expect([UInt8]().rawSpan.bits(at: 0, count: 1) == 0)
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `combinations agree with deciding bit by bit`(seed: UInt64) {
    var random = RandomGenerator(seed: seed)
    let rules: [(BitOperation, ([Bool]) -> Bool)] = [
      (.and, { $0.allSatisfy { $0 } }), (.or, { $0.contains(true) }),
      (.xor, { $0.count { $0 } % 2 == 1 }), (.diff, { $0[0] && !$0.dropFirst().contains(true) }),
      (.diff1, { !$0[0] && $0.dropFirst().contains(true) }),
      (.andOr, { $0[0] && $0.dropFirst().contains(true) }), (.one, { $0.count { $0 } == 1 }),
    ]
    for step in 0..<30 {
      let parts = (0..<(2 + random.next(below: 4))).map { _ in random.bytes(upTo: 50) }
      let byteCount = parts.map(\.count).max() ?? 0
      let columns = parts.map { PlainBits($0).padded(byteCount * 8) }
      for (operation, rule) in rules {
        var combination = BitCombination(operation)
        // Twice, so that what is left of the first time would show.
        for _ in 0..<2 {
          combination.begin(byteCount: byteCount)
          for part in parts { combination.add(part.rawSpan) }
          let expected = (0..<(byteCount * 8)).map { index in rule(columns.map { $0[index] }) }
          let result = combination.finish().copied
          #expect(
            result == PlainBits.bytes(expected),
            "seed \(seed), step \(step), \(operation) of \(parts)")
        }
      }
      var opposite = BitCombination(.not)
      let first = parts[0]
      opposite.begin(byteCount: first.count)
      opposite.add(first.rawSpan)
      let result = opposite.finish().copied
      #expect(result == first.map { ~$0 }, "seed \(seed), step \(step)")
    }
  }

  @Test func `sums wrap, saturate or fail at the ends of every type`() throws {
    for width in 1...12 {
      for isSigned in [true, false] {
        let type = try #require(BitfieldType(isSigned: isSigned, bitCount: width))
        let least = isSigned ? -(1 << (width - 1)) : 0
        let most = isSigned ? 1 << (width - 1) - 1 : 1 << width - 1
        for old in [least, least + 1, 0, most - 1, most] where old >= least && old <= most {
          for increment in [-5000, -3, -1, 0, 1, 3, 5000] {
            let sum = old + increment
            let isInside = sum >= least && sum <= most
            let wrapped = type.number(
              UInt64(bitPattern: Int64(sum)) & (1 << UInt64(width) - 1))
            #expect(type.sum(old, increment, .wrap) == wrapped)
            #expect(type.sum(old, increment, .saturate) == min(max(sum, least), most))
            #expect(type.sum(old, increment, .fail) == (isInside ? sum : nil))
          }
        }
      }
    }
    #expect(BitfieldType(isSigned: false, bitCount: 64) == nil)
    #expect(BitfieldType(isSigned: true, bitCount: 65) == nil)
    #expect(BitfieldType(isSigned: true, bitCount: 0) == nil)
    let widest = try #require(BitfieldType(isSigned: true, bitCount: 64))
    #expect(widest.sum(.max, 1, .wrap) == .min)
    #expect(widest.sum(.max, 1, .saturate) == .max)
    #expect(widest.sum(.min, -1, .saturate) == .min)
    #expect(widest.sum(.min, -1, .fail) == nil)
    #expect(widest.sum(.min, .max, .fail) == -1)
  }
}
