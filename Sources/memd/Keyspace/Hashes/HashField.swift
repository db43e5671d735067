// SPDX-License-Identifier: Apache-2.0

import CLinux
import DataStructures
import RESP

/// A field of a large hash with its value, to be read only: one block, named by its address.
///
/// Layout of the block (what is in brackets is there only if the header says so):
///
///     0        4         8            16             24
///     +--------+---------+------------+--------------+---------------+------+-------+
///     | header | [place] | [deadline] | [name count] | [value count] | name | value |
///     +--------+---------+------------+--------------+---------------+------+-------+
///
///     header, from the least bit:
///      0-21 length of the value     22-29 length of the name
///     30    both have fields of their own instead: a name of 256 bytes or a value of 2^22
///     31    has a deadline, in milliseconds since 1970; `place` is its place in the heap
///
/// So a field of 16 and 16 bytes is a block of 40, and of 48 with a deadline. Without a deadline
/// the name stands at 4.
@safe
struct HashField: HashTableElement {
  /// The address of the block.
  let word: UInt64

  init(word: UInt64) { self.word = word }

  /// The shortest name, and the shortest value, whose length has no room in the header.
  static let longName = 1 << 8
  static let longValue = 1 << 22
  static let isLong: UInt32 = 1 << 30
  static let deadlineBit: UInt32 = 1 << 31
  static let valueCountMask: UInt32 = (1 << 22) - 1
  static let nameCountShift: UInt32 = 22

  /// The reference to a block.
  init(_ pointer: UnsafeMutableRawPointer) { word = UInt64(UInt(bitPattern: pointer)) }

  /// Address of the block.
  var pointer: UnsafeMutableRawPointer {
    // Made from an address by `WritableHashField`, hence not zero.
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(word)).unsafelyUnwrapped
  }

  var header: UInt32 { unsafe pointer.load(as: UInt32.self) }

  // MARK: - Parts

  /// Bytes in front of the name under a header, without lengths that have fields of their own.
  @inline(__always)
  static func deadlineEnd(_ header: UInt32) -> Int { header & deadlineBit == 0 ? 4 : 16 }

  /// Where the name stands under a header.
  @inline(__always)
  static func nameOffset(_ header: UInt32) -> Int {
    deadlineEnd(header) &+ (header & isLong == 0 ? 0 : 16)
  }

  var nameCount: Int {
    let header = self.header
    if header & HashField.isLong == 0 {
      return Int(header &>> HashField.nameCountShift & 0xFF)
    }
    let offset = HashField.deadlineEnd(header)
    return unsafe pointer.loadUnaligned(fromByteOffset: offset, as: Int.self)
  }

  var valueCount: Int {
    let header = self.header
    if header & HashField.isLong == 0 { return Int(header & HashField.valueCountMask) }
    let offset = HashField.deadlineEnd(header) + 8
    return unsafe pointer.loadUnaligned(fromByteOffset: offset, as: Int.self)
  }

  /// The field's name, valid until the field is changed or freed.
  var name: RawSpan {
    @_lifetime(borrow self)
    @inline(__always)
    get {
      let span = unsafe RawSpan(
        _unsafeStart: pointer + HashField.nameOffset(header), byteCount: nameCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The value, valid until the field is changed or freed.
  var value: RawSpan {
    @_lifetime(borrow self)
    @inline(__always)
    get {
      let offset = HashField.nameOffset(header) &+ nameCount
      let span = unsafe RawSpan(_unsafeStart: pointer + offset, byteCount: valueCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Whether the field has a deadline.
  var hasDeadline: Bool { header & HashField.deadlineBit != 0 }

  /// Milliseconds since 1970; only for fields that have one.
  var deadline: Int64 { unsafe pointer.load(fromByteOffset: 8, as: Int64.self) }

  /// The deadline, or nil for a field that stays until it is deleted.
  var deadlineIfAny: Int64? { hasDeadline ? deadline : nil }

  /// Place in the heap of deadlines; only for fields that have one.
  var place: Int { Int(unsafe pointer.load(fromByteOffset: 4, as: UInt32.self)) }

  /// Bytes of the block, as they were asked for.
  var byteCount: Int { HashField.nameOffset(header) + nameCount + valueCount }

  // MARK: - HashTableElement

  static var bucketKind: BucketKind? { .hash }

  func hash(_ seed: HashSeed) -> UInt64 { SipHash13.hash(name, seed) }

  @inline(__always)
  func hasKey(_ key: RawSpan) -> Bool { name.equals(key) }

  @inline(__always)
  func prefetch() { unsafe memd_prefetch(UnsafeRawPointer(pointer)) }

  // MARK: - Memory

  /// A copy with nothing in common; its place in a heap is to be set.
  func copied(_ allocator: Allocator) -> WritableHashField {
    WritableHashField(name, value, deadline: deadlineIfAny, allocator: allocator)
  }

  /// Memory of the block.
  func allocatedSize(_ allocator: Allocator) -> Int {
    unsafe allocator.allocatedSize(of: byteCount, at: pointer)
  }
}
