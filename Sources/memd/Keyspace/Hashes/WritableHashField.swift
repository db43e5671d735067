// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A field of a large hash for whoever may change it: the table that it stands in, or the owner of
/// one that is new or was taken out.
@safe
struct WritableHashField {
  /// The same field for whoever reads.
  let reading: HashField

  /// A field that belongs to the caller.
  @inline(__always)
  init(owned field: HashField) { reading = field }

  /// Allocates a field; with a deadline, its place in a heap is to be set by the caller.
  init(_ name: RawSpan, _ value: RawSpan, deadline: Int64? = nil, allocator: Allocator) {
    let isLong =
      name.byteCount >= HashField.longName || value.byteCount >= HashField.longValue
    let counts = isLong ? HashField.isLong : WritableHashField.counts(name, value)
    let header = counts | (deadline == nil ? 0 : HashField.deadlineBit)
    let offset = HashField.nameOffset(header)
    let pointer = unsafe allocator.allocate(offset &+ name.byteCount &+ value.byteCount)
    reading = unsafe HashField(pointer)
    self.header = header
    if let deadline { self.deadline = deadline }
    if isLong { storeCounts(name.byteCount, value.byteCount) }
    unsafe (pointer + offset).copy(name)
    unsafe (pointer + offset + name.byteCount).copy(value)
  }

  /// The lengths of a short name and a short value, as the header has them.
  @inline(__always)
  private static func counts(_ name: RawSpan, _ value: RawSpan) -> UInt32 {
    UInt32(truncatingIfNeeded: name.byteCount) &<< HashField.nameCountShift
      | UInt32(truncatingIfNeeded: value.byteCount)
  }

  private var pointer: UnsafeMutableRawPointer { unsafe reading.pointer }

  private var header: UInt32 {
    get { reading.header }
    nonmutating set { unsafe pointer.storeBytes(of: newValue, as: UInt32.self) }
  }

  private func storeCounts(_ name: Int, _ value: Int) {
    let offset = HashField.deadlineEnd(header)
    unsafe pointer.storeBytes(of: name, toByteOffset: offset, as: Int.self)
    unsafe pointer.storeBytes(of: value, toByteOffset: offset + 8, as: Int.self)
  }

  /// Milliseconds since 1970; only for fields that have one. Who changes it tells the heap.
  var deadline: Int64 {
    get { reading.deadline }
    nonmutating set { unsafe pointer.storeBytes(of: newValue, toByteOffset: 8, as: Int64.self) }
  }

  /// Place in the heap of deadlines; only for fields that have one.
  var place: Int {
    get { reading.place }
    nonmutating set {
      let place = UInt32(truncatingIfNeeded: newValue)
      unsafe pointer.storeBytes(of: place, toByteOffset: 4, as: UInt32.self)
    }
  }

  /// The field with another value, in place if the memory allows; this one must not be used then.
  @inline(__always)
  func replacingValue(_ value: RawSpan, allocator: Allocator) -> WritableHashField {
    let header = self.header
    let count = value.byteCount
    let valueOffset = HashField.nameOffset(header) &+ reading.nameCount
    let old = valueOffset &+ reading.valueCount
    let isShort = header & HashField.isLong == 0 && count < HashField.longValue
    if isShort, valueOffset &+ count == old || Allocator.sameSize(valueOffset &+ count, old) {
      self.header = header & ~HashField.valueCountMask | UInt32(count)
      unsafe (pointer + valueOffset).copy(value)
      return self
    }
    return remade(value, deadline: reading.deadlineIfAny, allocator: allocator)
  }

  /// The field with a deadline where it had none, or without one; this one is freed.
  func reshaped(deadline: Int64?, allocator: Allocator) -> WritableHashField {
    assert(reading.hasDeadline != (deadline != nil))
    return remade(reading.value, deadline: deadline, allocator: allocator)
  }

  /// A field of the same name; this one is freed.
  @inline(never)
  private func remade(
    _ value: RawSpan, deadline: Int64?, allocator: Allocator
  ) -> WritableHashField {
    let new = WritableHashField(reading.name, value, deadline: deadline, allocator: allocator)
    if deadline != nil, reading.hasDeadline { new.place = place }
    free(allocator)
    return new
  }

  /// The field in another block if its own lies in a sparse slab, which is given back; else nil. A
  /// heap of deadlines is to be told.
  func movedFromSparseSlab(_ allocator: Allocator) -> HashField? {
    let count = reading.byteCount
    guard unsafe allocator.isSparse(pointer, byteCount: count) else { return nil }
    let target = unsafe allocator.allocate(count)
    unsafe target.copyMemory(from: pointer, byteCount: count)
    unsafe allocator.deallocate(pointer, byteCount: count)
    return unsafe HashField(target)
  }

  func free(_ allocator: Allocator) {
    unsafe allocator.deallocate(pointer, byteCount: reading.byteCount)
  }
}
