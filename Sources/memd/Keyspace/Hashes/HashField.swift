// SPDX-License-Identifier: Apache-2.0

import CLinux
import DataStructures
import RESP

/// A field of a large hash with its value: one block, one 8-byte reference.
///
/// The reference is the block's address in the lower 48 bits and the length of the field's name in
/// the upper 16, so that most look-ups that fail don't touch the block. Layout of the block (what
/// is in brackets is there only if the header says so):
///
///     0        4         8            16             24
///     +--------+---------+------------+--------------+---------------+------+-------+
///     | header | [place] | [deadline] | [name count] | [value count] | name | value |
///     +--------+---------+------------+--------------+---------------+------+-------+
///
///     header, from the least bit:
///      0-29 length of the value, unless it has a field of its own
///     30    the lengths have fields of their own: a name of 65535 bytes or a value of 2^30
///     31    has a deadline, in milliseconds since 1970; `place` is its place in the heap
///
/// So a field of 16 and 16 bytes is a block of 40, and of 48 with a deadline. Without a deadline
/// the name stands at 4.
@safe
struct HashField: HashTableElement {
  let word: UInt64

  init(word: UInt64) { self.word = word }

  private static let longName = 0xFFFF
  private static let longValue = 1 << 30
  private static let isLong: UInt32 = 1 << 30
  private static let deadlineBit: UInt32 = 1 << 31
  private static let countMask: UInt32 = (1 << 30) - 1

  private init(_ pointer: UnsafeMutableRawPointer, nameCount: Int) {
    let count = UInt64(min(nameCount, HashField.longName))
    word = UInt64(UInt(bitPattern: pointer)) | count << 48
  }

  /// Address of the block.
  var pointer: UnsafeMutableRawPointer {
    let address = UInt(truncatingIfNeeded: word & 0xFFFF_FFFF_FFFF)
    // Made from an address by `make`, hence not zero.
    return unsafe UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped
  }

  private var header: UInt32 {
    get { unsafe pointer.load(as: UInt32.self) }
    nonmutating set { unsafe pointer.storeBytes(of: newValue, as: UInt32.self) }
  }

  // MARK: - Parts

  /// Bytes in front of the name under a header, without lengths that have fields of their own.
  @inline(__always)
  private static func deadlineEnd(_ header: UInt32) -> Int { header & deadlineBit == 0 ? 4 : 16 }

  /// Where the name stands under a header.
  @inline(__always)
  private static func nameOffset(_ header: UInt32) -> Int {
    deadlineEnd(header) &+ (header & isLong == 0 ? 0 : 16)
  }

  private var nameCount: Int {
    let short = Int(truncatingIfNeeded: word >> 48)
    if short != HashField.longName { return short }
    let offset = HashField.deadlineEnd(header)
    return unsafe pointer.loadUnaligned(fromByteOffset: offset, as: Int.self)
  }

  private var valueCount: Int {
    let header = self.header
    if header & HashField.isLong == 0 { return Int(header & HashField.countMask) }
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
  var deadline: Int64 {
    get { unsafe pointer.load(fromByteOffset: 8, as: Int64.self) }
    nonmutating set { unsafe pointer.storeBytes(of: newValue, toByteOffset: 8, as: Int64.self) }
  }

  /// The deadline, or nil for a field that stays until it is deleted.
  var deadlineIfAny: Int64? { hasDeadline ? deadline : nil }

  /// Place in the heap of deadlines; only for fields that have one.
  var place: Int {
    get { Int(unsafe pointer.load(fromByteOffset: 4, as: UInt32.self)) }
    nonmutating set {
      let place = UInt32(truncatingIfNeeded: newValue)
      unsafe pointer.storeBytes(of: place, toByteOffset: 4, as: UInt32.self)
    }
  }

  /// Bytes of the block, as they were asked for.
  var byteCount: Int { HashField.nameOffset(header) + nameCount + valueCount }

  // MARK: - HashTableElement

  static var bucketKind: BucketKind? { .hash }

  func hash(_ seed: HashSeed) -> UInt64 { SipHash13.hash(name, seed) }

  @inline(__always)
  func hasKey(_ key: RawSpan) -> Bool { name.equals(key) }

  @inline(__always)
  func prefetch() { unsafe memd_prefetch(UnsafeRawPointer(pointer)) }

  // MARK: - Making and changing

  private static func header(nameCount: Int, valueCount: Int, hasDeadline: Bool) -> UInt32 {
    let isLong = nameCount >= longName || valueCount >= longValue
    return (isLong ? HashField.isLong : UInt32(valueCount)) | (hasDeadline ? deadlineBit : 0)
  }

  /// Allocates a field; with a deadline, `deadline` and `place` are to be set by the caller.
  static func make(
    _ name: RawSpan, _ value: RawSpan, hasDeadline: Bool = false, allocator: Allocator
  ) -> HashField {
    let header = self.header(
      nameCount: name.byteCount, valueCount: value.byteCount, hasDeadline: hasDeadline)
    let offset = nameOffset(header)
    let pointer = unsafe allocator.allocate(offset &+ name.byteCount &+ value.byteCount)
    let field = unsafe HashField(pointer, nameCount: name.byteCount)
    field.header = header
    if header & isLong != 0 {
      field.storeCounts(name.byteCount, value.byteCount)
    }
    unsafe (pointer + offset).copy(name)
    unsafe (pointer + offset + name.byteCount).copy(value)
    return field
  }

  private func storeCounts(_ name: Int, _ value: Int) {
    let offset = HashField.deadlineEnd(header)
    unsafe pointer.storeBytes(of: name, toByteOffset: offset, as: Int.self)
    unsafe pointer.storeBytes(of: value, toByteOffset: offset + 8, as: Int.self)
  }

  /// The field with another value, in place if the memory allows; this one must not be used then.
  @inline(__always)
  func replacingValue(_ value: RawSpan, allocator: Allocator) -> HashField {
    let header = self.header
    let count = value.byteCount
    let valueOffset = HashField.nameOffset(header) &+ nameCount
    let old = valueOffset &+ valueCount
    let isShort = header & HashField.isLong == 0 && count < HashField.longValue
    if isShort, valueOffset &+ count == old || Allocator.sameSize(valueOffset &+ count, old) {
      self.header = header & ~HashField.countMask | UInt32(count)
      unsafe (pointer + valueOffset).copy(value)
      return self
    }
    return remade(value, hasDeadline: hasDeadline, allocator: allocator)
  }

  /// The field with or without room for a deadline; this one is freed.
  func reshaped(withDeadline: Bool, allocator: Allocator) -> HashField {
    assert(hasDeadline != withDeadline)
    return remade(value, hasDeadline: withDeadline, allocator: allocator)
  }

  /// A copy with nothing in common; its place in a heap is to be set.
  func copied(_ allocator: Allocator) -> HashField {
    let copy = HashField.make(name, value, hasDeadline: hasDeadline, allocator: allocator)
    if hasDeadline { copy.deadline = deadline }
    return copy
  }

  /// A field of the same name; this one is freed.
  @inline(never)
  private func remade(
    _ value: RawSpan, hasDeadline: Bool, allocator: Allocator
  ) -> HashField {
    let new = HashField.make(name, value, hasDeadline: hasDeadline, allocator: allocator)
    if hasDeadline, self.hasDeadline {
      new.deadline = deadline
      new.place = place
    }
    free(allocator)
    return new
  }

  /// The field in another block if its own lies in a sparse slab, which is given back; else nil. A
  /// heap of deadlines is to be told.
  func movedFromSparseSlab(_ allocator: Allocator) -> HashField? {
    let count = byteCount
    guard unsafe allocator.isSparse(pointer, byteCount: count) else { return nil }
    let target = unsafe allocator.allocate(count)
    unsafe target.copyMemory(from: pointer, byteCount: count)
    unsafe allocator.deallocate(pointer, byteCount: count)
    return HashField(word: word & 0xFFFF << 48 | UInt64(UInt(bitPattern: target)))
  }

  func free(_ allocator: Allocator) {
    unsafe allocator.deallocate(pointer, byteCount: byteCount)
  }

  /// Memory of the block.
  func allocatedSize(_ allocator: Allocator) -> Int {
    unsafe allocator.allocatedSize(of: byteCount, at: pointer)
  }
}
