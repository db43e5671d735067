// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A key that clients hold in their caches, with the numbers of these clients in ascending order.
///
///     block:  0            4            8                              8 + 4 * capacity
///            +------------+------------+------------------------------+-----------+
///            | key length |   count    | numbers, four bytes each ... | key bytes |
///            +------------+------------+------------------------------+-----------+
///
/// There is room for the next power of two of numbers: a key of 16 bytes that one client holds
/// takes a block of 32 bytes.
@safe
struct TrackedKey: HashTableElement {
  /// The address of the block.
  let word: UInt64

  init(word: UInt64) { self.word = word }

  /// A copy of `key`, held by the clients with these numbers: at least one, in ascending order.
  init(_ key: RawSpan, heldBy numbers: [UInt32], allocator: Allocator) {
    precondition(!numbers.isEmpty && key.byteCount <= TrackedKey.byteCountMax)
    let size = TrackedKey.blockByteCount(key.byteCount, count: numbers.count)
    let block = unsafe allocator.allocate(size)
    word = UInt64(UInt(bitPattern: block))
    unsafe block.storeBytes(of: UInt32(key.byteCount), as: UInt32.self)
    unsafe block.storeBytes(of: UInt32(numbers.count), toByteOffset: 4, as: UInt32.self)
    for (index, number) in numbers.enumerated() {
      unsafe block.storeBytes(of: number, toByteOffset: 8 + 4 * index, as: UInt32.self)
    }
    unsafe (block + keyOffset).copy(key)
  }

  /// The longest key that has room here.
  static let byteCountMax = Int(UInt32.max)

  private static func capacity(_ count: Int) -> Int {
    count <= 1 ? 1 : 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount)
  }

  private static func blockByteCount(_ byteCount: Int, count: Int) -> Int {
    8 + 4 * capacity(count) + byteCount
  }

  private var block: UnsafeMutableRawPointer {
    // Made from an address by `init(_:heldBy:allocator:)`, hence not zero.
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(word)).unsafelyUnwrapped
  }

  private var keyOffset: Int { 8 + 4 * TrackedKey.capacity(count) }

  /// Number of bytes of the key.
  var byteCount: Int { Int(unsafe block.load(as: UInt32.self)) }

  /// The bytes of the key, valid until it is freed.
  var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(_unsafeStart: block + keyOffset, byteCount: byteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  // MARK: - Clients

  /// Number of clients that hold the key.
  var count: Int { Int(unsafe block.load(fromByteOffset: 4, as: UInt32.self)) }

  /// True if one more number needs another block.
  var isFull: Bool { count == TrackedKey.capacity(count) }

  /// The number at `index`.
  subscript(index: Int) -> UInt32 {
    precondition(index >= 0 && index < count)
    return unsafe block.load(fromByteOffset: 8 + 4 * index, as: UInt32.self)
  }

  /// Where `number` stands, or would stand.
  func position(of number: UInt32) -> Int {
    var low = 0
    var high = count
    // Clients that came last are the likeliest.
    if high > 0, self[high - 1] < number { return high }
    while low < high {
      let middle = (low + high) / 2
      if self[middle] < number { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Puts a number where it belongs; not while it is full.
  func insert(_ number: UInt32, at position: Int) {
    let count = self.count
    precondition(!isFull && position >= 0 && position <= count)
    let place = unsafe block + (8 + 4 * position)
    unsafe (place + 4).copyMemory(from: place, byteCount: 4 * (count - position))
    unsafe place.storeBytes(of: number, as: UInt32.self)
    unsafe block.storeBytes(of: UInt32(count + 1), toByteOffset: 4, as: UInt32.self)
  }

  // MARK: - HashTableElement

  func hash(_ seed: HashSeed) -> UInt64 { SipHash13.hash(bytes, seed) }

  func hasKey(_ key: RawSpan) -> Bool { bytes.equals(key) }

  func prefetch() { Prefetch.line(at: UInt(word)) }

  // MARK: - Memory

  /// Gives the block back; the key must not be used any more.
  func free(_ allocator: Allocator) {
    unsafe allocator.deallocate(
      block, byteCount: TrackedKey.blockByteCount(byteCount, count: count))
  }
}
