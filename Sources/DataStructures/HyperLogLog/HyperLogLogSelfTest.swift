// SPDX-License-Identifier: Apache-2.0

/// Checks on the running machine that registers keep what they get and that estimates are right.
public enum HyperLogLogSelfTest {
  /// What is wrong, nil if nothing is.
  ///
  /// Elements up to a hundred thousand are added to a dense sketch and to one that starts sparse;
  /// at every power of ten both estimates must agree and be as near to the truth as promised.
  ///
  /// - Complexity: some ten milliseconds.
  public static func failure(
    sparseByteCountMax: Int, using random: inout RandomGenerator
  ) -> String? {
    if let failure = registerFailure(using: &random) { return failure }
    let seed = random.next()
    var sparse = Sketch()
    var dense = Sketch()
    dense.makeDense()
    var checkpoint = 1
    for number in 1...100_000 {
      let element = (UInt64(number) ^ seed).littleEndian
      let place = unsafe withUnsafeBytes(of: element) { bytes in
        HyperLogLog.Place(of: unsafe RawSpan(_unsafeBytes: bytes))
      }
      sparse.raise(place, sparseByteCountMax)
      dense.raise(place, sparseByteCountMax)
      guard number == checkpoint else { continue }
      checkpoint *= 10
      if number < sparseByteCountMax / 2, !sparse.isSparse { return "sparse encoding not used" }
      guard let estimate = dense.cardinality, estimate == sparse.cardinality else {
        return "dense/sparse disagree"
      }
      // Six times the standard error, 1.04 / sqrt(16384); ten elements may collide once.
      let most = number == 10 ? 1 : Int((Double(number) * 6 * 1.04 / 128).rounded(.up))
      let error = abs(number - estimate)
      if error > most { return "Too big error. card:\(number) abserr:\(error)" }
    }
    return nil
  }

  private static func registerFailure(using random: inout RandomGenerator) -> String? {
    var sketch = Sketch()
    sketch.makeDense()
    var expected = [UInt8](repeating: 0, count: HyperLogLog.registerCount)
    for _ in 0..<8 {
      for register in expected.indices {
        let value = UInt8(random.next(below: 64))
        expected[register] = max(expected[register], value)
        sketch.raise(HyperLogLog.Place(register: register, value: value), 0)
      }
      for register in expected.indices {
        let value = sketch.denseRegister(register)
        if value != expected[register] {
          return "Register \(register) should be \(expected[register]) but is \(value)"
        }
      }
    }
    return nil
  }

  /// A sketch in an array.
  private struct Sketch {
    var bytes: [UInt8]

    init() {
      bytes = [UInt8](repeating: 0, count: HyperLogLog.emptyByteCount)
      var span = bytes.mutableSpan
      var target = unsafe span.mutableBytes
      target.writeEmptyHyperLogLog()
    }

    var isSparse: Bool { bytes[4] == 1 }
    var cardinality: Int? { HyperLogLog(bytes.rawSpan)?.cardinality() }

    func denseRegister(_ index: Int) -> UInt8 {
      HyperLogLog(bytes.rawSpan)?.denseRegister(index) ?? 0
    }

    mutating func makeDense() { bytes = HyperLogLog(bytes.rawSpan)?.dense() ?? bytes }

    mutating func raise(_ place: HyperLogLog.Place, _ byteCountMax: Int) {
      if isSparse {
        switch HyperLogLog(bytes.rawSpan)?.change(place, byteCountMax: byteCountMax) {
        case .splice(let splice):
          let count = bytes.count
          bytes += [UInt8](repeating: 0, count: max(0, splice.growth))
          var span = bytes.mutableSpan
          var target = unsafe span.mutableBytes
          let newCount = target.apply(splice, oldByteCount: count)
          bytes.removeLast(bytes.count - newCount)
          return
        case .promotion: makeDense()
        default: return
        }
      }
      var span = bytes.mutableSpan
      var target = unsafe span.mutableBytes
      _ = target.raiseDenseRegister(place)
    }
  }
}
