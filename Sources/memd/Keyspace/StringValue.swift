// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A view on the string of an entry; valid until the keyspace changes.
struct StringValue {
  let entry: Entry

  init(_ entry: Entry) { self.entry = entry }

  var encoding: Entry.StringEncoding {
    Entry.StringEncoding(rawValue: entry.header.encoding) ?? .embedded
  }

  /// The integer, if the value is stored as one.
  var integer: Int? {
    guard entry.header.encoding == Entry.StringEncoding.integer.rawValue else { return nil }
    return Int(truncatingIfNeeded: Int64(bitPattern: entry.valueWord))
  }

  /// Length of the text in bytes.
  var count: Int {
    switch encoding {
    case .integer: DecimalText.byteCount(integer ?? 0)
    case .block: StringBlock(word: entry.valueWord).count
    case .embedded, .embeddedRaw: entry.header.embeddedCount
    }
  }

  /// The stored bytes; empty if the value is stored as an integer.
  var stored: RawSpan {
    @_lifetime(borrow self)
    get {
      let header = entry.header
      if header.isEmbedded {
        let layout = Entry.Layout(header, at: entry)
        let span = unsafe RawSpan(
          _unsafeStart: entry.pointer + layout.valueOffset, byteCount: layout.embeddedCount)
        return unsafe _overrideLifetime(span, borrowing: self)
      }
      if header.encoding == Entry.StringEncoding.block.rawValue {
        let block = StringBlock(word: entry.valueWord)
        let span = unsafe RawSpan(_unsafeStart: block.start, byteCount: block.count)
        return unsafe _overrideLifetime(span, borrowing: self)
      }
      return RawSpan()
    }
  }

  /// The text, whatever the encoding; an integer's digits are written into `scratch`.
  @_lifetime(&scratch)
  func text(_ scratch: inout DecimalScratch) -> RawSpan {
    if let integer { return scratch.write(integer) }
    let span = stored
    return unsafe _overrideLifetime(span, mutating: &scratch)
  }
}

/// A string too large for its entry.
///
/// Layout of the block at `word`:
///
///     0       8          16
///     +-------+----------+-------------------------+
///     | count | capacity | bytes, `capacity` of them|
///     +-------+----------+-------------------------+
@safe
struct StringBlock {
  let word: UInt64

  static let headerCount = 16
  /// Smaller values are copied when they come in, larger ones may keep the block they came in.
  static let adoptedByteCountMin = 64 << 10

  /// From so many bytes on a string goes into a snapshot part by part.
  static let longByteCountMin = 1 << 20

  /// Whether the string goes into a snapshot part by part.
  var isLong: Bool { count >= StringBlock.longByteCountMin }

  var pointer: UnsafeMutableRawPointer {
    // Made from an address by `init(capacity:allocator:)`, hence not zero.
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(word)).unsafelyUnwrapped
  }

  init(word: UInt64) { self.word = word }

  /// Takes over memory that already has the bytes, `offset` behind the header.
  init(adopted memory: UnsafeMutableRawPointer, offset: Int, count: Int, capacity: Int) {
    unsafe memory.storeBytes(of: count, as: Int.self)
    let packed = capacity | offset << StringBlock.capacityBits
    unsafe memory.storeBytes(of: packed, toByteOffset: 8, as: Int.self)
    word = UInt64(UInt(bitPattern: memory))
  }

  /// Allocates room for `capacity` bytes; the count is zero.
  init(capacity: Int, allocator: Allocator) {
    let pointer = unsafe allocator.allocate(StringBlock.headerCount + capacity)
    unsafe pointer.storeBytes(of: 0, as: Int.self)
    unsafe pointer.storeBytes(of: capacity, toByteOffset: 8, as: Int.self)
    word = UInt64(UInt(bitPattern: pointer))
  }

  /// Bits of the second word that are the capacity; above them is the offset of the bytes.
  private static let capacityBits = 48

  private var packed: Int { unsafe pointer.load(fromByteOffset: 8, as: Int.self) }

  /// Bytes between header and value: what came before it in the request that brought it.
  private var offset: Int { packed >> StringBlock.capacityBits }

  var start: UnsafeMutableRawPointer { unsafe pointer + (StringBlock.headerCount + offset) }

  var count: Int {
    get { unsafe pointer.load(as: Int.self) }
    nonmutating set { unsafe pointer.storeBytes(of: newValue, as: Int.self) }
  }

  var capacity: Int { packed & (1 << StringBlock.capacityBits - 1) }

  /// Bytes of the allocation.
  var byteCount: Int { StringBlock.headerCount + offset + capacity }

  /// Memory the block occupies.
  func allocatedSize(_ allocator: Allocator) -> Int {
    unsafe allocator.allocatedSize(of: byteCount, at: pointer)
  }

  /// A block with the same bytes and at least `capacity` room; this one must not be used any more.
  func resized(to capacity: Int, allocator: Allocator) -> StringBlock {
    let offset = self.offset
    let moved = unsafe allocator.reallocate(
      pointer, from: byteCount, to: StringBlock.headerCount + offset + capacity)
    let packed = capacity | offset << StringBlock.capacityBits
    unsafe moved.storeBytes(of: packed, toByteOffset: 8, as: Int.self)
    return StringBlock(word: UInt64(UInt(bitPattern: moved)))
  }

  func free(_ allocator: Allocator) {
    unsafe allocator.deallocate(pointer, byteCount: byteCount)
  }
}
