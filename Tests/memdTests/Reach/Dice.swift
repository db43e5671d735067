// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// Draws everything that a generated run decides, from one seed.
struct Dice {
  private var generator: SeededGenerator

  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  mutating func word() -> UInt64 { generator.next() }

  /// A number from 0 to `count` - 1.
  mutating func below(_ count: Int) -> Int {
    Int(truncatingIfNeeded: generator.next() >> 1) % max(1, count)
  }

  mutating func number(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + below(range.upperBound - range.lowerBound + 1)
  }

  mutating func happens(_ percent: Int) -> Bool { below(100) < percent }

  mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}
