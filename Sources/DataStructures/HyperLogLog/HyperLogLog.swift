// SPDX-License-Identifier: Apache-2.0

// A sketch tells how many different elements it has seen, within 0.81 %, in at most 12 KiB.
//
// An element is hashed. The lowest 14 bits of the hash choose one of 16384 registers; the number of
// zeros that follow, plus one, is the element's value, and the register keeps the largest value
// that came. How the values are distributed tells how many elements there were (RegisterHistogram).
//
// A sketch is a string of the keyspace: users read and copy it (GET, DUMP), and other servers
// continue it. So its bytes are exactly Redis's, whatever comes first:
//
//     0       4         5..7      8                  16
//     +-------+---------+---------+------------------+-----------------------------+
//     | HYLL  | 0 dense | zeros   | cardinality, LE; | registers                   |
//     |       | 1 sparse|         | bit 63: outdated |                             |
//     +-------+---------+---------+------------------+-----------------------------+
//
//     dense: 16384 registers of 6 bits, the first in the lowest bits of the first byte, 12288 bytes
//     sparse: runs of equal registers that add up to 16384:
//       00llllll             ZERO:  l+1 registers are 0
//       01llllll llllllll    XZERO: l+1 registers are 0, high bits first
//       1vvvvvll             VAL:   l+1 registers are v+1
//
// What a newcomer gets wrong: any client can write any bytes into the string. Only the header is
// checked when a sketch is opened; every walk over the runs must bear nonsense.

/// A view on the bytes of a sketch.
public struct HyperLogLog: ~Escapable {
  /// The whole string, the header included.
  public let bytes: RawSpan

  /// Number of registers.
  public static var registerCount: Int { 16384 }
  /// Bits of a hash that give an element's value.
  static var valueBitCount: Int { 50 }
  /// Bytes in front of the registers.
  static var headerByteCount: Int { 16 }
  /// Length of a dense sketch.
  public static var denseByteCount: Int { headerByteCount + registerCount * 6 / 8 }
  /// Length of a sparse sketch that has seen nothing.
  public static var emptyByteCount: Int { headerByteCount + 2 }
  /// The largest value that a run of a sparse sketch can have.
  static var sparseValueMax: UInt8 { 32 }

  /// Opens a sketch; nil if the string is none: wrong magic, encoding or length.
  @_lifetime(copy bytes)
  public init?(_ bytes: RawSpan) {
    guard bytes.byteCount >= HyperLogLog.headerByteCount,
      bytes.octets4(at: 0) == 0x4C4C_5948, bytes.octet(at: 4) <= 1
    else { return nil }
    if bytes.octet(at: 4) == 0, bytes.byteCount != HyperLogLog.denseByteCount { return nil }
    self.bytes = bytes
  }

  /// Whether registers are stored as runs.
  public var isSparse: Bool { bytes.octet(at: 4) == 1 }

  /// The cardinality that was computed last; nil if elements have come since.
  public var cachedCardinality: Int? {
    let word = bytes.octets8(at: 8)
    return word >> 63 == 0 ? Int(truncatingIfNeeded: word) : nil
  }

  /// Estimates how many different elements were added; nil if the runs are corrupt.
  ///
  /// - Complexity: O(bytes).
  public func cardinality() -> Int? {
    var histogram = RegisterHistogram()
    guard isSparse else {
      addDense(to: &histogram)
      return histogram.cardinality
    }
    var index = 0
    var offset = HyperLogLog.headerByteCount
    while offset < bytes.byteCount {
      let run = sparseRun(at: offset)
      histogram.add(run.length, of: run.value)
      index &+= run.length
      offset &+= run.byteCount
    }
    return index == HyperLogLog.registerCount ? histogram.cardinality : nil
  }

  private func addDense(to histogram: inout RegisterHistogram) {
    var offset = HyperLogLog.headerByteCount
    // Three bytes are four registers; the last three bytes end the string.
    while offset < bytes.byteCount {
      let four = HyperLogLog.octets3(bytes, at: offset)
      histogram.add(1, of: UInt8(truncatingIfNeeded: four & 63))
      histogram.add(1, of: UInt8(truncatingIfNeeded: four >> 6 & 63))
      histogram.add(1, of: UInt8(truncatingIfNeeded: four >> 12 & 63))
      histogram.add(1, of: UInt8(truncatingIfNeeded: four >> 18))
      offset &+= 3
    }
  }

  /// Three bytes as a little-endian number.
  static func octets3(_ bytes: RawSpan, at offset: Int) -> UInt32 {
    UInt32(bytes.octet(at: offset)) | UInt32(bytes.octet(at: offset &+ 1)) << 8
      | UInt32(bytes.octet(at: offset &+ 2)) << 16
  }

  /// The value of a register of a dense sketch.
  public func denseRegister(_ index: Int) -> UInt8 {
    assert(!isSparse && index >= 0 && index < HyperLogLog.registerCount)
    let offset = HyperLogLog.headerByteCount &+ index >> 2 &* 3
    let four = HyperLogLog.octets3(bytes, at: offset)
    return UInt8(truncatingIfNeeded: four >> UInt32(index & 3 &* 6) & 63)
  }

  /// Where an element counts.
  public struct Place: Sendable {
    /// Number of the register.
    public let register: Int
    /// What the register is at least afterwards: 1 to 51.
    public let value: UInt8

    /// A register and a value for it.
    public init(register: Int, value: UInt8) {
      assert(register >= 0 && register < HyperLogLog.registerCount)
      self.register = register
      self.value = value
    }

    /// The place of an element.
    public init(of element: RawSpan) {
      let hash = MurmurHash64A.hash(element, seed: 0xadc8_3b19)
      register = Int(truncatingIfNeeded: hash & UInt64(HyperLogLog.registerCount &- 1))
      // The one behind the bits ends the zeros at the latest.
      let rest = hash >> 14 | 1 << UInt64(HyperLogLog.valueBitCount)
      value = UInt8(truncatingIfNeeded: rest.trailingZeroBitCount &+ 1)
    }
  }

  /// The dense form of a sparse sketch; nil if the runs are corrupt.
  public func dense() -> [UInt8]? {
    var dense = [UInt8](repeating: 0, count: HyperLogLog.denseByteCount)
    var span = dense.mutableSpan
    var target = unsafe span.mutableBytes
    for offset in 0..<HyperLogLog.headerByteCount where offset != 4 {
      target.storeBytes(of: bytes.octet(at: offset), toByteOffset: offset, as: UInt8.self)
    }
    let isValid = forEachRun { index, run in
      guard run.value > 0 else { return }
      for register in index..<(index + run.length) {
        _ = target.raiseDenseRegister(Place(register: register, value: run.value))
      }
    }
    return isValid ? dense : nil
  }

  /// Walks over the runs of a sparse sketch with the number of each run's first register.
  ///
  /// False, after some or all of them, if they don't add up to the number of registers.
  func forEachRun(_ visit: (Int, SparseRun) -> Void) -> Bool {
    var index = 0
    var offset = HyperLogLog.headerByteCount
    while offset < bytes.byteCount {
      let run = sparseRun(at: offset)
      // Zeros may lie anywhere: nobody writes them. Values must not.
      if run.value > 0, index &+ run.length > HyperLogLog.registerCount { return false }
      visit(index, run)
      index &+= run.length
      offset &+= run.byteCount
    }
    return index == HyperLogLog.registerCount
  }
}

extension MutableRawSpan {
  /// Makes these bytes, `HyperLogLog.emptyByteCount` of them, a sketch that has seen nothing.
  @_lifetime(self: copy self)
  public mutating func writeEmptyHyperLogLog() {
    precondition(byteCount == HyperLogLog.emptyByteCount)
    storeBytes(of: (0x1_4C4C_5948 as UInt64).littleEndian, as: UInt64.self)
    storeBytes(of: 0 as UInt64, toByteOffset: 8, as: UInt64.self)
    // One XZERO for all registers.
    let run = UInt16(0x4000 | (HyperLogLog.registerCount - 1))
    storeBytes(of: run.bigEndian, toByteOffset: 16, as: UInt16.self)
  }

  /// Notes the cardinality of the sketch in these bytes.
  @_lifetime(self: copy self)
  public mutating func cacheCardinality(_ cardinality: Int) {
    let word = UInt64(bitPattern: Int64(cardinality)).littleEndian
    storeBytes(of: word, toByteOffset: 8, as: UInt64.self)
  }

  /// Notes that the cached cardinality of the sketch in these bytes is outdated.
  @_lifetime(self: copy self)
  public mutating func invalidateCardinality() {
    let high = unsafe unsafeLoad(fromByteOffset: 15, as: UInt8.self)
    storeBytes(of: high | 0x80, toByteOffset: 15, as: UInt8.self)
  }

  /// Raises a register of the dense sketch in these bytes; false if it is as large already.
  @_lifetime(self: copy self)
  public mutating func raiseDenseRegister(_ place: HyperLogLog.Place) -> Bool {
    precondition(byteCount == HyperLogLog.denseByteCount)
    let first = HyperLogLog.headerByteCount &+ place.register &* 6 / 8
    let shift = UInt16(truncatingIfNeeded: place.register &* 6 & 7)
    // A register lies in one byte or in two; the last one in the last byte.
    let isLast = first &+ 1 == byteCount
    var pair = UInt16(unsafe unsafeLoad(fromByteOffset: first, as: UInt8.self))
    if !isLast {
      pair |= UInt16(unsafe unsafeLoad(fromByteOffset: first &+ 1, as: UInt8.self)) << 8
    }
    let old = UInt8(truncatingIfNeeded: pair >> shift & 63)
    guard place.value > old else { return false }
    pair = pair & ~(63 << shift) | UInt16(place.value) << shift
    storeBytes(of: UInt8(truncatingIfNeeded: pair), toByteOffset: first, as: UInt8.self)
    if !isLast {
      storeBytes(of: UInt8(truncatingIfNeeded: pair >> 8), toByteOffset: first &+ 1, as: UInt8.self)
    }
    return true
  }
}
