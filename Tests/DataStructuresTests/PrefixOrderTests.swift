// SPDX-License-Identifier: Apache-2.0
import DataStructures
import Testing

struct PrefixOrderTests {
  /// Few letters, so that prefixes begin with each other.
  private static func text(_ generator: inout RandomGenerator) -> ByteText {
    ByteText((0..<generator.next(below: 5)).map { _ in [0, 0x61, 0xFF][generator.next(below: 3)] })
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `The longest prefix is found, and all that fit above it`(seed: UInt64) {
    var generator = RandomGenerator(seed: seed)
    var order = PrefixOrder()
    var model: Set<ByteText> = []
    for _ in 0..<300 {
      let prefix = Self.text(&generator)
      switch (order.find(prefix), generator.next(below: 2)) {
      case (let index?, 0):
        order.remove(at: index)
        model.remove(prefix)
      case (nil, _):
        let index = order.insert(prefix)
        #expect(order.prefixes[index] == prefix)
        model.insert(prefix)
      default: break
      }
      #expect(order.count == model.count)
      #expect(order == PrefixOrder(Array(model) + Array(model)))

      let key = Self.text(&generator)
      var found: [ByteText] = []
      var next = order.longest(of: key.rawSpan)
      while let index = next {
        found.append(order.prefixes[index])
        next = order.parent(of: index)
      }
      let fitting = model.filter { key.bytes.starts(with: $0.bytes) }
      #expect(found == fitting.sorted { $0.count > $1.count }, "seed \(seed), \(key)")
    }
  }
}
