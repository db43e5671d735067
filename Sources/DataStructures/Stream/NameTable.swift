// SPDX-License-Identifier: Apache-2.0

/// Records sorted by name: an array of their addresses.
///
/// There are few of them, so that a tree would not pay; ten thousand consumers are 80 KB.
///
/// - Complexity: look-up O(log n), insertion and removal O(n) moved words.
@safe
struct NameTable<Fields: ~Copyable>: ~Copyable {
  private var words: UnsafeMutablePointer<UInt64>?
  private var storedCount: UInt32 = 0
  private var storedCapacity: UInt32 = 0

  init() { unsafe words = nil }

  var count: Int { Int(storedCount) }

  /// The record with this number in the order of names.
  subscript(index: Int) -> NamedRecord<Fields> {
    precondition(index >= 0 && index < count)
    return NamedRecord(word: unsafe words.unsafelyUnwrapped[index])
  }

  /// The number of the first record whose name is not less than `name`.
  private func lowerBound(_ name: RawSpan) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low &+ high) / 2
      if self[middle].name.compare(name) < 0 { low = middle &+ 1 } else { high = middle }
    }
    return low
  }

  /// The record with this name.
  func find(_ name: RawSpan) -> NamedRecord<Fields>? {
    let index = lowerBound(name)
    guard index < count, self[index].name.compare(name) == 0 else { return nil }
    return self[index]
  }

  /// Puts in a record whose name is absent.
  mutating func insert(_ record: WritableNamedRecord<Fields>, allocator: Allocator) {
    let index = lowerBound(record.reading.name)
    if storedCount == storedCapacity {
      resize(to: max(1, Int(storedCapacity) * 2), allocator)
    }
    let place = unsafe words.unsafelyUnwrapped + index
    unsafe (place + 1).update(from: place, count: count - index)
    unsafe place.initialize(to: record.reading.word)
    storedCount += 1
  }

  /// Takes out the record with this name and returns it.
  mutating func remove(
    _ name: RawSpan, allocator: Allocator
  ) -> WritableNamedRecord<Fields>? {
    let index = lowerBound(name)
    guard index < count, self[index].name.compare(name) == 0 else { return nil }
    let record = WritableNamedRecord(owned: self[index])
    let place = unsafe words.unsafelyUnwrapped + index
    unsafe place.update(from: place + 1, count: count - index - 1)
    storedCount -= 1
    if storedCount == 0 { resize(to: 0, allocator) }
    return record
  }

  /// Takes out the last record.
  mutating func popLast(allocator: Allocator) -> WritableNamedRecord<Fields>? {
    guard storedCount > 0 else { return nil }
    let record = WritableNamedRecord(owned: self[count - 1])
    storedCount -= 1
    if storedCount == 0 { resize(to: 0, allocator) }
    return record
  }

  /// Forgets all records and frees the array; the records are not freed.
  mutating func removeAll(allocator: Allocator) {
    storedCount = 0
    resize(to: 0, allocator)
  }

  private mutating func resize(to capacity: Int, _ allocator: Allocator) {
    let old = Int(storedCapacity) * 8
    storedCapacity = UInt32(truncatingIfNeeded: capacity)
    guard capacity > 0 else {
      if let words = unsafe words { unsafe allocator.deallocate(words, byteCount: old) }
      unsafe words = nil
      return
    }
    let memory =
      if let words = unsafe words {
        unsafe allocator.reallocate(words, from: old, to: capacity * 8)
      } else {
        unsafe allocator.allocate(capacity * 8)
      }
    unsafe words = memory.bindMemory(to: UInt64.self, capacity: capacity)
  }

  /// Memory of the array, in usable bytes.
  func allocatedSize(_ allocator: Allocator) -> Int {
    guard let words = unsafe words else { return 0 }
    return unsafe allocator.allocatedSize(of: Int(storedCapacity) * 8, at: words)
  }
}
