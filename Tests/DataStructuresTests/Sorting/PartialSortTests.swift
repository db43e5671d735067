// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@Suite struct PartialSortTests {
  @Test func `the first elements are those of a full sort`() {
    for seed in UInt64(1)...300 {
      var random = RandomGenerator(seed: seed)
      let count = random.next(below: 200)
      let values = 1 + random.next(below: 60)
      var numbers = (0..<count).map { _ in random.next(below: values) }
      if seed % 3 == 0 { numbers.sort() }
      let expected = numbers.sorted()
      let wanted = random.next(below: count + 1)
      PartialSort.sort(&numbers, first: wanted) { $0 - $1 }
      #expect(numbers.prefix(wanted) == expected.prefix(wanted), "seed \(seed)")
      #expect(numbers.sorted() == expected, "seed \(seed)")
    }
  }
}
