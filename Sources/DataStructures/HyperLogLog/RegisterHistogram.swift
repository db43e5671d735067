// SPDX-License-Identifier: Apache-2.0

/// How many registers of a sketch have which value, and the estimate that follows from it.
///
/// The estimator is the improved raw one of Otmar Ertl, "New cardinality estimation algorithms for
/// HyperLogLog sketches" (2017), section 2.3: it needs neither tables nor a case distinction.
struct RegisterHistogram {
  private var counts = InlineArray<64, Int>(repeating: 0)

  /// Counts some registers with one value, which is below 64.
  @inline(__always)
  mutating func add(_ count: Int, of value: UInt8) { counts[Int(value & 63)] &+= count }

  /// The estimated number of different elements.
  var cardinality: Int {
    let total = Double(HyperLogLog.registerCount)
    let last = HyperLogLog.valueBitCount + 1
    var sum = total * RegisterHistogram.tau((total - Double(counts[last])) / total)
    for value in stride(from: last - 1, through: 1, by: -1) {
      sum += Double(counts[value])
      sum *= 0.5
    }
    sum += total * RegisterHistogram.sigma(Double(counts[0]) / total)
    // One half of the reciprocal of the natural logarithm of two.
    let alpha = 0.721347520444481703680
    let estimate = (alpha * total * total / sum).rounded()
    // Compatibility: what no elements can lead to, but written bytes can, is the least integer.
    return Int(exactly: estimate) ?? .min
  }

  /// What registers that are still zero contribute.
  private static func sigma(_ share: Double) -> Double {
    if share == 1 { return .infinity }
    var power = share
    var weight = 1.0
    var sum = share
    var before: Double
    repeat {
      power *= power
      before = sum
      sum += power * weight
      weight += weight
    } while before != sum
    return sum
  }

  /// What registers that can't grow any more take away.
  private static func tau(_ share: Double) -> Double {
    if share == 0 || share == 1 { return 0 }
    var root = share
    var weight = 1.0
    var sum = 1 - share
    var before: Double
    repeat {
      root = root.squareRoot()
      before = sum
      weight *= 0.5
      sum -= (1 - root) * (1 - root) * weight
    } while before != sum
    return sum / 3
  }
}
