// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

struct SortedSetModelTests {
  /// How scores are drawn: many different ones, ties, one for all, growing, falling.
  enum Scores: CaseIterable {
    case wide, tied, equal, growing, falling, extreme

    /// Zeros of both signs, infinities, the largest, the smallest, and what lies around them.
    static let extremes: [Double] = [
      0, -0.0, .infinity, -.infinity, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, 0x1p-1050,
      .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1, -1, 1.5, 9_007_199_254_740_991,
      -9_007_199_254_740_991, .leastNormalMagnitude, -.leastNormalMagnitude, .pi,
    ]

    func draw(_ step: Int, _ generator: inout RandomGenerator) -> Double {
      switch self {
      case .wide: Double(generator.next(below: 1 << 40)) / 7 - 1e6
      case .tied: Double(generator.next(below: 9))
      case .equal: 3.5
      case .growing: Double(step)
      case .falling: -Double(step)
      case .extreme: Scores.extremes[generator.next(below: Scores.extremes.count)]
      }
    }
  }

  /// Members by number: of few lengths, of one, of many, some or all with a block of their own.
  enum Members: CaseIterable {
    case digits, sixteen, varied, long, mostlyShort

    func make(_ number: Int) -> [UInt8] {
      let name = "member-\(100_000_000 + number)".utf8
      return switch self {
      case .digits: .member(number)
      case .sixteen: Array(name)
      case .varied: Array(name.suffix(4 + number % 5)) + [UInt8](repeating: 33, count: number % 130)
      case .long: Array(name) + [UInt8](repeating: 33, count: 112 + number % 400)
      case .mostlyShort: Array(name) + [UInt8](repeating: 1, count: number % 9 == 0 ? 300 : 0)
      }
    }
  }

  @Test(arguments: Scores.allCases, Members.allCases)
  func `Random changes agree with a sorted array`(scores: Scores, members: Members) {
    let seed = UInt64(members.make(7).count)
    let allocator = Allocator.create()
    do {
      var generator = RandomGenerator(seed: seed)
      let model = SortedModel(in: allocator)
      for step in 0..<2600 {
        // Phases in which one kind of change prevails make the list grow and shrink.
        let grows = step < 1400 || step % 100 < 30
        let member = members.make(generator.next(below: 900))
        let context = "\(scores) seed \(seed) step \(step)"
        if generator.next(below: 10) < (grows ? 9 : 2) {
          model.put(member, scores.draw(step, &generator))
        } else if generator.next(below: 20) > 0 {
          #expect(model.remove(member), "\(context)")
        } else {
          let start = generator.next(below: 900)
          #expect(model.remove(start..<start + generator.next(below: 90)), "\(context)")
        }
        guard step % 173 == 0 else { continue }
        model.set.checkInvariants()
        compare(model, &generator, context)
      }
      while !model.items.isEmpty {
        #expect(model.remove(model.items[model.items.count / 2].member))
      }
      model.set.checkInvariants()
      let levels = model.set.levelCount
      #expect(levels == 0)
    }
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  /// Compares order, ranks and bounds.
  private func compare(
    _ model: SortedModel, _ generator: inout RandomGenerator, _ context: String
  ) {
    #expect(model.set.count == model.items.count, "\(context)")
    #expect(model.forwards == model.items, "\(context)")
    #expect(model.backwards == model.items.reversed(), "\(context)")
    for _ in 0..<20 where !model.items.isEmpty {
      let rank = generator.next(below: model.items.count)
      let item = model.items[rank]
      guard let element = model.find(item.member), let position = model.set.position(rank: rank)
      else {
        Issue.record("\(context): \(item) is missing")
        continue
      }
      #expect(element.score == item.score)
      #expect(model.set.rank(of: element) == rank, "\(context)")
      #expect(model.set.element(at: position) == element, "\(context)")
      let bound = item.score + Double(generator.next(below: 3) - 1) / 2
      let below = model.items.prefix { $0.score < bound }.count
      let upTo = model.items.prefix { $0.score <= bound }.count
      #expect(model.set.lowerBound(score: bound, exclusive: false) == below, "\(context)")
      #expect(model.set.lowerBound(score: bound, exclusive: true) == upTo, "\(context)")
    }
    let missing = model.set.position(rank: model.items.count) != nil
    #expect(!missing, "\(context)")
  }

  @Test func `Bounds by member count what comes before`() {
    let allocator = Allocator.create()
    do {
      let model = SortedModel(in: allocator)
      for number in stride(from: 0, to: 2000, by: 2) { model.put(.member(number), 0) }
      for number in [0, 1, 2, 999, 1000, 5000] {
        let bound = [UInt8].member(number)
        let below = model.items.prefix { $0.member.lexicographicallyPrecedes(bound) }.count
        let upTo = below + (model.find(bound) == nil ? 0 : 1)
        #expect(model.set.lowerBound(member: bound.octets, exclusive: false) == below)
        #expect(model.set.lowerBound(member: bound.octets, exclusive: true) == upTo)
      }
      let empty: [UInt8] = []
      #expect(model.set.lowerBound(member: empty.octets, exclusive: true) == 0)
    }
    allocator.destroy()
  }

  @Test func `Positions do not wrap around and infinity bounds everything`() {
    let allocator = Allocator.create()
    do {
      let model = SortedModel(in: allocator)
      #expect(model.set.lowerBound(score: 0, exclusive: false) == 0)
      #expect(model.forwards.isEmpty && model.backwards.isEmpty)
      let tiny = Double.leastNonzeroMagnitude
      let scores = [Double.infinity, -.infinity, -0.0, 0.0, tiny, -tiny, 1e308, -1e308]
      for (index, score) in scores.enumerated() { model.put(.member(index), score) }
      model.set.checkInvariants()
      #expect(model.forwards == model.items)
      #expect(model.items.map(\.score).first == -.infinity)
      for score in scores {
        let below = model.items.prefix { $0.score < score }.count
        let upTo = model.items.prefix { $0.score <= score }.count
        #expect(model.set.lowerBound(score: score, exclusive: false) == below)
        #expect(model.set.lowerBound(score: score, exclusive: true) == upTo)
      }
      let wraps = model.set.position(rank: -1) != nil
      #expect(!wraps)
      // Zeros are equal in order, but the sign of the score given last is kept.
      model.put(.member(3), -0.0)
      #expect(model.find(.member(3))?.score.sign == .minus)
      model.set.checkInvariants()
    }
    allocator.destroy()
  }
}
