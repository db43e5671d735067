// SPDX-License-Identifier: Apache-2.0
//
// The compressed format of Marc Lehmann's LibLZF, in which RDB files keep longer strings. A stream
// is a row of two kinds of items:
//
//     000ccccc  c+1 literal bytes                                1 to 32 bytes as they are
//     lllooooo  [lll = 7: one byte more]  oooooooo               l+2 bytes from o+1 bytes before
//
// A copy is 3 to 264 bytes long and reaches back at most 8192 bytes; it may overlap what it makes.

/// Limits of the format.
public enum LZF {
  static let literalCountMax = 32
  static let copyCountMax = 264
  static let distanceMax = 8192

  /// Three bytes become at most 264: nothing compressed is longer than this many times its size.
  public static let expansionMax = 88

  /// Expands `input`; false unless it is well formed and fills `output` exactly.
  ///
  /// - Complexity: O(n). Reads and writes nothing outside of the two, whatever the bytes say.
  public static func decompress(
    _ input: RawSpan, into output: UnsafeMutableRawBufferPointer
  ) -> Bool {
    let inputCount = input.byteCount
    let outputCount = output.count
    guard let target = output.baseAddress else { return inputCount == 0 }
    var position = 0
    var written = 0
    while position < inputCount {
      let control = Int(input.octet(at: position))
      position &+= 1
      if control < literalCountMax {
        let count = control &+ 1
        guard count <= inputCount &- position, count <= outputCount &- written else {
          return false
        }
        unsafe input.extracting(position..<(position &+ count)).withUnsafeBytes { source in
          guard let start = source.baseAddress else { return }
          unsafe (target + written).copyMemory(from: start, byteCount: count)
        }
        position &+= count
        written &+= count
        continue
      }
      var count = control >> 5
      if count == 7 {
        guard position < inputCount else { return false }
        count &+= Int(input.octet(at: position))
        position &+= 1
      }
      count &+= 2
      guard position < inputCount else { return false }
      let distance = (control & 31) << 8 | Int(input.octet(at: position)) &+ 1
      position &+= 1
      guard distance <= written, count <= outputCount &- written else { return false }
      unsafe copyBack(target + written, distance: distance, count: count)
      written &+= count
    }
    return written == outputCount
  }

  /// Repeats `count` bytes from `distance` before; byte by byte where the two overlap.
  @inline(__always)
  private static func copyBack(_ target: UnsafeMutableRawPointer, distance: Int, count: Int) {
    if distance >= count {
      unsafe target.copyMemory(from: target - distance, byteCount: count)
      return
    }
    for index in 0..<count {
      let byte = unsafe (target + (index &- distance)).load(as: UInt8.self)
      unsafe (target + index).storeBytes(of: byte, as: UInt8.self)
    }
  }
}

/// Compresses strings, one after the other, into a buffer that is used again.
///
/// It looks up the last place of every three bytes in a table of 8192 positions. The positions
/// count on from string to string, so the table needn't be cleared: what is before the start of the
/// present string is of an earlier one.
@safe
public struct LZFCompressor: ~Copyable {
  private static let tableBits = 13

  private let table: UnsafeMutablePointer<UInt32>
  /// Where the present string begins, in positions of the table; 0 is no position.
  private var base: UInt32 = 1
  private var output: UnsafeMutableRawPointer
  private var capacity: Int
  private var count = 0

  /// Takes 32 KB for the table.
  public init() {
    let slots = 1 << LZFCompressor.tableBits
    unsafe table = .allocate(capacity: slots)
    unsafe table.initialize(repeating: 0, count: slots)
    capacity = 4096
    unsafe output = .allocate(byteCount: capacity, alignment: 8)
  }

  deinit {
    unsafe table.deallocate()
    unsafe output.deallocate()
  }

  /// What the last successful call of `compress` made.
  public var compressed: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(_unsafeStart: UnsafeRawPointer(output), byteCount: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Compresses `input`; false if that doesn't save at least four bytes.
  ///
  /// - Complexity: O(n)
  public mutating func compress(_ input: RawSpan) -> Bool {
    let inputCount = input.byteCount
    guard inputCount > 8, inputCount < Int(UInt32.max / 2) else { return false }
    prepare(for: inputCount)
    defer { base &+= UInt32(truncatingIfNeeded: inputCount) }
    let limit = inputCount - 4
    count = 0
    var position = 0
    var literalStart = 0
    // The last bytes are always literals: three have to be there to be looked up.
    while position &+ 3 < inputCount {
      let triple = input.octets4(at: position) & 0xff_ffff
      let slot = Int((triple &* 0x9e37_79b1) >> UInt32(32 &- LZFCompressor.tableBits))
      let entry = unsafe table[slot]
      unsafe table[slot] = base &+ UInt32(truncatingIfNeeded: position)
      let candidate = Int(entry) &- Int(base)
      guard candidate >= 0, position &- candidate <= LZF.distanceMax,
        input.octets4(at: candidate) & 0xff_ffff == triple
      else {
        position &+= 1
        continue
      }
      let length = matchLength(input, candidate, position)
      guard appendLiterals(input, literalStart, position, limit),
        appendCopy(distance: position &- candidate, count: length, limit)
      else { return false }
      position &+= length
      literalStart = position
    }
    return appendLiterals(input, literalStart, inputCount, limit)
  }

  private mutating func prepare(for inputCount: Int) {
    if UInt64(base) + UInt64(inputCount) > UInt64(UInt32.max) {
      unsafe table.update(repeating: 0, count: 1 << LZFCompressor.tableBits)
      base = 1
    }
    guard capacity < inputCount else { return }
    unsafe output.deallocate()
    capacity = max(inputCount, 2 * capacity)
    unsafe output = .allocate(byteCount: capacity, alignment: 8)
  }

  /// How many bytes at `position` are the same as those at `candidate`; three are.
  @inline(__always)
  private func matchLength(_ input: RawSpan, _ candidate: Int, _ position: Int) -> Int {
    let most = min(input.byteCount &- position, LZF.copyCountMax)
    var length = 3
    while length &+ 8 <= most {
      let difference =
        input.octets8(at: candidate &+ length) ^ input.octets8(at: position &+ length)
      if difference != 0 { return length &+ difference.trailingZeroBitCount >> 3 }
      length &+= 8
    }
    while length < most,
      input.octet(at: candidate &+ length) == input.octet(at: position &+ length)
    {
      length &+= 1
    }
    return length
  }

  /// Appends the bytes from `start` to `end` as they are; false if there is no room.
  private mutating func appendLiterals(
    _ input: RawSpan, _ start: Int, _ end: Int, _ limit: Int
  ) -> Bool {
    var next = start
    while next < end {
      let part = min(end &- next, LZF.literalCountMax)
      guard count &+ part < limit else { return false }
      append(UInt8(truncatingIfNeeded: part &- 1))
      unsafe input.extracting(next..<(next &+ part)).withUnsafeBytes { source in
        guard let first = source.baseAddress else { return }
        unsafe (output + count).copyMemory(from: first, byteCount: part)
      }
      count &+= part
      next &+= part
    }
    return true
  }

  /// Appends the order to repeat bytes; false if there is no room.
  @inline(__always)
  private mutating func appendCopy(distance: Int, count length: Int, _ limit: Int) -> Bool {
    guard count &+ 3 <= limit else { return false }
    let offset = distance &- 1
    let short = length &- 2
    if short < 7 {
      append(UInt8(truncatingIfNeeded: short << 5 | offset >> 8))
    } else {
      append(UInt8(truncatingIfNeeded: 7 << 5 | offset >> 8))
      append(UInt8(truncatingIfNeeded: short &- 7))
    }
    append(UInt8(truncatingIfNeeded: offset))
    return true
  }

  @inline(__always)
  private mutating func append(_ byte: UInt8) {
    unsafe output.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count &+= 1
  }
}
