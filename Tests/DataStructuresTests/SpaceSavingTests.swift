// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

/// Space-Saving against exact counting.
@Suite struct SpaceSavingTests {
  /// A sketch beside what it estimates.
  private struct Model {
    var sketch: SpaceSaving
    var exact: [String: Int] = [:]
    private static let seed = HashSeed(k0: 1, k1: 2)

    mutating func add(_ name: String, _ weight: Int) {
      let bytes = Array(name.utf8)
      sketch.add(
        bytes.rawSpan, hash: SipHash13.hash(bytes.rawSpan, Model.seed), weight: weight)
      exact[name, default: 0] += max(0, weight)
    }
  }

  private func shown(_ sketch: SpaceSaving, _ count: Int = 100) -> [(String, Int)] {
    sketch.heaviest(count).map { (String(decoding: $0.name, as: UTF8.self), $0.weight) }
  }

  @Test func `as long as there is a counter for each name, all weights are exact`() {
    var model = Model(sketch: SpaceSaving(capacity: 4))
    for (name, weight) in [("a", 1), ("b", 5), ("c", 2), ("a", 3), ("d", 1)] {
      model.add(name, weight)
    }
    #expect(shown(model.sketch).map(\.0) == ["b", "a", "c", "d"])
    #expect(shown(model.sketch).map(\.1) == [5, 4, 2, 1])
    #expect(shown(model.sketch, 2).map(\.0) == ["b", "a"])
    #expect(model.sketch.total == 12)
  }

  @Test func `whoever counts more of a name than its weight is told where it is counted`() {
    var sketch = SpaceSaving(capacity: 2)
    func add(_ name: String, _ weight: Int) -> String {
      let bytes = Array(name.utf8)
      let place = sketch.add(
        bytes.rawSpan, hash: SipHash13.hash(bytes.rawSpan, HashSeed(k0: 1, k1: 2)), weight: weight)
      return place.map { "\($0.number)\($0.isNew ? " anew" : "")" } ?? "nowhere"
    }
    #expect(add("a", 5) == "0 anew")
    #expect(add("b", 2) == "1 anew")
    #expect(add("a", 1) == "0")
    #expect(add("c", 1) == "1 anew")
    #expect(add("c", 1) == "1")
    #expect(add("d", 0) == "nowhere")
    #expect(sketch.items.map(\.number) == [0, 1] && sketch.items.map(\.weight) == [6, 2])
    #expect(sketch.heaviest(1).map(\.number) == [0])
  }

  @Test func `a name that takes another's counter has at least its own weight only`() {
    var model = Model(sketch: SpaceSaving(capacity: 2))
    model.add("a", 5)
    model.add("b", 2)
    model.add("c", 1)
    #expect(shown(model.sketch).map(\.0) == ["a", "c"])
    #expect(shown(model.sketch).map(\.1) == [5, 1])
  }

  @Test(arguments: 1...20)
  func `no weight is overstated, and every heavy name is there`(seed: UInt64) {
    var random = RandomGenerator(seed: seed)
    let capacity = random.next(below: 30) + 1
    var model = Model(sketch: SpaceSaving(capacity: capacity))
    for _ in 0..<5000 {
      // Low numbers come more often.
      let limit = random.next(below: 300) + 1
      model.add("name\(random.next(below: limit))", random.next(below: 50) - 1)
    }
    let exact = model.exact.filter { $0.value > 0 }
    let shown = shown(model.sketch)
    #expect(shown.count <= capacity)
    for (name, weight) in shown { #expect(weight <= exact[name, default: 0]) }
    #expect(shown.map(\.1) == shown.map(\.1).sorted(by: >))
    let share = model.sketch.total / capacity
    let names = Set(shown.map(\.0))
    #expect(exact.filter { $0.value > share }.allSatisfy { names.contains($0.key) })
  }

  @Test func `weights that are not positive count for nothing, and none overflows`() {
    var model = Model(sketch: SpaceSaving(capacity: 2))
    model.sketch.add([UInt8]().rawSpan, hash: 1, weight: 0)
    model.sketch.add([UInt8]().rawSpan, hash: 1, weight: -5)
    #expect(model.sketch.heaviest(5).isEmpty)
    model.sketch.add([UInt8]().rawSpan, hash: 1, weight: .max)
    model.sketch.add([UInt8]().rawSpan, hash: 1, weight: .max)
    #expect(model.sketch.heaviest(5).map(\.weight) == [.max])
    #expect(model.sketch.total == .max)
  }

  @Test func `long names are kept in part, and told apart nevertheless`() {
    var sketch = SpaceSaving(capacity: 4)
    let name = [UInt8](repeating: 0x61, count: 5000)
    sketch.add(name.rawSpan, hash: 1, weight: 1)
    sketch.add(name.rawSpan, hash: 2, weight: 2)
    #expect(sketch.heaviest(9).map(\.weight) == [2, 1])
    #expect(sketch.heaviest(9).allSatisfy { $0.name.count == SpaceSaving.nameByteCountMax })
    #expect(sketch.byteCount > 2048)
  }
}
