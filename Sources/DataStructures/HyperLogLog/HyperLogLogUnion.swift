// SPDX-License-Identifier: Apache-2.0

/// The registers of several sketches together: of each the largest.
@safe
public struct HyperLogLogUnion: ~Copyable {
  // Layout: one byte per register.
  private let registers: UnsafeMutablePointer<UInt8>

  /// The union of no sketches.
  public init() {
    unsafe registers = .allocate(capacity: HyperLogLog.registerCount)
    unsafe registers.initialize(repeating: 0, count: HyperLogLog.registerCount)
  }

  deinit { unsafe registers.deallocate() }

  /// The value of one register.
  public subscript(register: Int) -> UInt8 {
    precondition(register >= 0 && register < HyperLogLog.registerCount)
    return unsafe registers[register]
  }

  /// Takes an element in.
  public mutating func add(_ place: HyperLogLog.Place) {
    raise(place.register, to: UInt32(place.value))
  }

  /// Takes a sketch in; false if its runs are corrupt (some of them may have been taken in).
  ///
  /// - Complexity: O(registers) for a dense sketch, O(bytes) for a sparse one.
  public mutating func add(_ sketch: HyperLogLog) -> Bool {
    if sketch.isSparse {
      let registers = unsafe self.registers
      return sketch.forEachRun { index, run in
        guard run.value > 0 else { return }
        for register in index..<(index &+ run.length) {
          unsafe registers[register] = max(registers[register], run.value)
        }
      }
    }
    var offset = HyperLogLog.headerByteCount
    var register = 0
    while register < HyperLogLog.registerCount {
      let four = HyperLogLog.octets3(sketch.bytes, at: offset)
      raise(register, to: four & 63)
      raise(register &+ 1, to: four >> 6 & 63)
      raise(register &+ 2, to: four >> 12 & 63)
      raise(register &+ 3, to: four >> 18)
      register &+= 4
      offset &+= 3
    }
    return true
  }

  @inline(__always)
  private func raise(_ register: Int, to value: UInt32) {
    let value = UInt8(truncatingIfNeeded: value)
    unsafe registers[register] = max(registers[register], value)
  }

  /// Estimates how many different elements were added to any of the sketches.
  public var cardinality: Int {
    var histogram = RegisterHistogram()
    for register in 0..<HyperLogLog.registerCount {
      histogram.add(1, of: unsafe registers[register])
    }
    return histogram.cardinality
  }
}
