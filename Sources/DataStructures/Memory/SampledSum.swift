// SPDX-License-Identifier: Apache-2.0

/// Sums that are estimated from their first terms, for memory that would take long to add up.
enum SampledSum {
  /// The sum of `count` terms.
  ///
  /// - Parameter samples: how many terms are asked for, if there are more; 0 or less asks for all.
  /// - Complexity: O(terms that are asked for)
  static func of(_ count: Int, samples: Int, term: (Int) -> Int) -> Int {
    let asked = samples > 0 ? min(samples, count) : count
    var sum = 0
    for index in 0..<asked { sum += term(index) }
    guard asked < count else { return sum }
    return Int(Double(sum) / Double(asked) * Double(count))
  }
}
