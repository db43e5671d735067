// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

struct RandomGeneratorTests {
  @Test func `Equal seeds give equal numbers, different seeds different ones`() {
    var first = RandomGenerator(seed: 1)
    var second = RandomGenerator(seed: 1)
    var third = RandomGenerator(seed: 2)
    for _ in 0..<100 {
      let number = first.next()
      #expect(number == second.next())
      #expect(number != third.next())
    }
  }

  @Test(arguments: [1, 2, 3, 7, 100])
  func `Numbers below a limit are uniform`(limit: Int) {
    var generator = RandomGenerator(seed: 3)
    var drawn = [Int](repeating: 0, count: limit)
    for _ in 0..<1000 * limit { drawn[generator.next(below: limit)] += 1 }
    for count in drawn { #expect(abs(count - 1000) < 200) }
  }

  @Test func `Huge limits work`() {
    var generator = RandomGenerator(seed: 3)
    for _ in 0..<1000 { #expect(generator.next(below: .max) >= 0) }
  }
}
