// SPDX-License-Identifier: Apache-2.0
//
// A sorted array of integers, each as wide as the widest needs. It is Redis's intset byte for byte,
// since it travels in RDB files and DUMP payloads. `IntSet` looks at the bytes; whoever owns them
// is an `IntSetOwner` and gets the edits from that protocol.

/// A view on the bytes of an intset; valid until they are edited or moved.
///
///     0             4         8
///     +-------------+---------+-----------+-----------+--  ...  --+
///     | width 2,4,8 |  count  | integer 0 | integer 1 |           |   all little endian
///     +-------------+---------+-----------+-----------+--  ...  --+
///
/// Integers ascend and none comes twice. The width never shrinks.
///
/// - Complexity: looking for an integer is O(log n), an edit O(n).
@safe
public struct IntSet {
  /// The first byte.
  let start: UnsafeMutableRawPointer

  /// A view on a well-formed intset.
  @inlinable
  public init(_ start: UnsafeMutableRawPointer) { unsafe self.init(start: start) }

  @usableFromInline
  init(start: UnsafeMutableRawPointer) { unsafe self.start = unsafe start }

  /// Bytes of an intset without integers, and of the header of any.
  public static var emptyByteCount: Int { 8 }

  /// Writes an intset without integers to memory with room for `emptyByteCount` bytes.
  public static func writeEmpty(to start: UnsafeMutableRawPointer) {
    unsafe start.storeBytes(of: (2 as UInt32).littleEndian, as: UInt32.self)
    unsafe start.storeBytes(of: 0, toByteOffset: 4, as: UInt32.self)
  }

  /// Bytes of each integer: 2, 4 or 8.
  public var width: Int {
    unsafe Int(UInt32(littleEndian: start.loadUnaligned(as: UInt32.self)))
  }

  /// Number of integers.
  public var count: Int {
    unsafe Int(UInt32(littleEndian: start.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
  }

  /// Bytes of the whole intset.
  public var byteCount: Int { IntSet.emptyByteCount + count * width }

  /// The integer with this index.
  public subscript(index: Int) -> Int {
    assert(index >= 0 && index < count)
    return integer(at: index, width: width)
  }

  @inline(__always)
  func integer(at index: Int, width: Int) -> Int {
    let address = unsafe start + IntSet.emptyByteCount + index &* width
    switch width {
    case 2: return unsafe Int(Int16(littleEndian: address.loadUnaligned(as: Int16.self)))
    case 4: return unsafe Int(Int32(littleEndian: address.loadUnaligned(as: Int32.self)))
    default:
      return unsafe Int(
        truncatingIfNeeded: Int64(littleEndian: address.loadUnaligned(as: Int64.self)))
    }
  }

  /// The index of the first integer that is not less than `value`; the count if there is none.
  ///
  /// - Complexity: O(log n)
  public func lowerBound(_ value: Int) -> Int {
    let width = self.width
    var low = 0
    var high = count
    while low < high {
      let middle = (low &+ high) >> 1
      if integer(at: middle, width: width) < value { low = middle &+ 1 } else { high = middle }
    }
    return low
  }

  /// The index of an integer, nil if it is not in the set.
  public func find(_ value: Int) -> Int? {
    guard IntSet.width(of: value) <= width else { return nil }
    let index = lowerBound(value)
    return index < count && self[index] == value ? index : nil
  }

  /// The fewest bytes that hold an integer.
  static func width(of value: Int) -> Int {
    if Int16(exactly: value) != nil { return 2 }
    return Int32(exactly: value) != nil ? 4 : 8
  }

  /// Whether foreign bytes are an intset, all of them; nothing outside of them is read.
  public static func isValid(_ bytes: RawSpan) -> Bool {
    guard bytes.byteCount >= emptyByteCount else { return false }
    let width = Int(bytes.octets4(at: 0))
    let count = Int(bytes.octets4(at: 4))
    guard width == 2 || width == 4 || width == 8, count > 0 else { return false }
    guard bytes.byteCount - emptyByteCount == count * width else { return false }
    return unsafe bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return false }
      let set = unsafe IntSet(UnsafeMutableRawPointer(mutating: base))
      return (1..<max(1, count)).allSatisfy { set[$0 - 1] < set[$0] }
    }
  }

  /// Stops the program if the integers don't ascend.
  public func checkInvariants() {
    precondition(width == 2 || width == 4 || width == 8)
    for index in 1..<max(1, count) { precondition(self[index - 1] < self[index]) }
  }
}

/// Whoever owns the memory of an intset and can make it larger or smaller.
public protocol IntSetOwner {
  /// The intset as it is now; a copy of the view is worthless after the next edit.
  var intset: IntSet { get }

  /// Moves the bytes to memory with room for `byteCount`, keeping the first ones.
  mutating func resize(to byteCount: Int)
}

extension IntSetOwner {
  /// Adds an integer; false if the set has it.
  ///
  /// - Complexity: O(n)
  public mutating func insert(integer value: Int) -> Bool {
    let old = intset
    if IntSet.width(of: value) > old.width {
      widen(for: value)
      return true
    }
    let count = old.count
    let width = old.width
    let index = old.lowerBound(value)
    if index < count, old[index] == value { return false }
    resize(to: IntSet.emptyByteCount + (count + 1) * width)
    let new = intset
    let place = unsafe new.start + IntSet.emptyByteCount + index * width
    unsafe (place + width).copyMemory(from: place, byteCount: (count - index) * width)
    new.store(value, at: index, width: width)
    new.storeHeader(width: width, count: count + 1)
    return true
  }

  /// Removes the integer with this index.
  ///
  /// - Complexity: O(n)
  public mutating func removeInteger(at index: Int) {
    let set = intset
    let count = set.count
    let width = set.width
    precondition(index >= 0 && index < count)
    let place = unsafe set.start + IntSet.emptyByteCount + index * width
    unsafe place.copyMemory(from: place + width, byteCount: (count - index - 1) * width)
    set.storeHeader(width: width, count: count - 1)
    resize(to: IntSet.emptyByteCount + (count - 1) * width)
  }

  /// Makes all integers wider and adds one that no narrower form has: the least or the greatest.
  private mutating func widen(for value: Int) {
    let count = intset.count
    let oldWidth = intset.width
    let width = IntSet.width(of: value)
    resize(to: IntSet.emptyByteCount + (count + 1) * width)
    let set = intset
    let shift = value < 0 ? 1 : 0
    // From the end, since the wide integers reach over the narrow ones in front of them.
    for index in stride(from: count - 1, through: 0, by: -1) {
      set.store(set.integer(at: index, width: oldWidth), at: index + shift, width: width)
    }
    set.store(value, at: value < 0 ? 0 : count, width: width)
    set.storeHeader(width: width, count: count + 1)
  }
}

extension IntSet {
  fileprivate func store(_ value: Int, at index: Int, width: Int) {
    let address = unsafe start + IntSet.emptyByteCount + index * width
    switch width {
    case 2:
      unsafe address.storeBytes(of: Int16(truncatingIfNeeded: value).littleEndian, as: Int16.self)
    case 4:
      unsafe address.storeBytes(of: Int32(truncatingIfNeeded: value).littleEndian, as: Int32.self)
    default: unsafe address.storeBytes(of: Int64(value).littleEndian, as: Int64.self)
    }
  }

  fileprivate func storeHeader(width: Int, count: Int) {
    unsafe start.storeBytes(of: UInt32(width).littleEndian, as: UInt32.self)
    unsafe start.storeBytes(
      of: UInt32(truncatingIfNeeded: count).littleEndian, toByteOffset: 4, as: UInt32.self)
  }
}
