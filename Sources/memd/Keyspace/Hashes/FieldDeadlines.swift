// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Those fields of a large hash that have a deadline, the earliest first.
///
/// A heap with four children per node: node `i` has the children `4i + 1 ... 4i + 4`, none of which
/// is due before it. A field knows its place, so that it can be taken out from the middle.
///
///     0              4i+1     4i+4
///     +----------+   +----------------+
///     | earliest |...| four  children |...    8 bytes each: the field's reference
///     +----------+   +----------------+
///
/// A field with a deadline so costs 8 bytes here, 12 in its block, and the spare room of the array.
///
/// - Complexity: O(log n) to insert, remove and change; O(1) to insert if deadlines come in order.
@safe
struct FieldDeadlines: ~Copyable {
  private var places: UnsafeMutablePointer<UInt64>?
  private(set) var count = 0
  private var capacity = 0

  init() { unsafe places = nil }

  private static let fanOut = 4

  /// The field at a place.
  subscript(place: Int) -> HashField {
    assert(place >= 0 && place < count)
    return HashField(word: unsafe places.unsafelyUnwrapped[place])
  }

  /// The field that is due first.
  var first: HashField? { count == 0 ? nil : self[0] }

  /// Memory of the heap.
  func allocatedSize(_ allocator: Allocator) -> Int {
    guard let places = unsafe places else { return 0 }
    return unsafe allocator.allocatedSize(of: capacity * 8, at: UnsafeMutableRawPointer(places))
  }

  /// Number of fields whose deadline is before `threshold`.
  ///
  /// - Complexity: O(that number)
  func count(before threshold: Int64) -> Int { count(before: threshold, from: 0) }

  private func count(before threshold: Int64, from place: Int) -> Int {
    guard place < count, self[place].deadline < threshold else { return 0 }
    var sum = 1
    let child = place * FieldDeadlines.fanOut + 1
    // At most as deep as the heap: sixteen levels for four thousand million fields.
    for index in 0..<FieldDeadlines.fanOut { sum += count(before: threshold, from: child + index) }
    return sum
  }

  // MARK: - Changing

  /// Takes in a field whose deadline is set.
  mutating func insert(_ field: HashField, _ allocator: Allocator) {
    if count == capacity { resize(to: max(4, capacity + capacity / 2), allocator) }
    count += 1
    put(field, at: count - 1)
    rise(from: count - 1)
  }

  /// Forgets a field.
  mutating func remove(_ field: HashField, _ allocator: Allocator) {
    let place = field.place
    assert(self[place].word == field.word)
    let last = self[count - 1]
    count -= 1
    if place < count {
      put(last, at: place)
      settle(place)
    }
    if count == 0 {
      free(allocator)
    } else if capacity > 16, count < capacity / 4 {
      resize(to: capacity / 2, allocator)
    }
  }

  /// Must be told after the deadline of a field has changed.
  mutating func deadlineChanged(_ field: HashField) { settle(field.place) }

  /// Must be told after a field's block has moved.
  mutating func relocated(_ field: HashField) {
    unsafe places.unsafelyUnwrapped[field.place] = field.word
  }

  /// Moves the heap if it lies in a sparse slab.
  mutating func leaveSparseSlab(_ allocator: Allocator) {
    guard let old = unsafe places, unsafe allocator.isSparse(old, byteCount: capacity * 8) else {
      return
    }
    let memory = unsafe allocator.allocate(capacity * 8)
    unsafe memory.copyMemory(from: old, byteCount: count * 8)
    unsafe allocator.deallocate(old, byteCount: capacity * 8)
    unsafe places = memory.assumingMemoryBound(to: UInt64.self)
  }

  /// Gives the memory back; the heap is empty afterwards.
  mutating func free(_ allocator: Allocator) {
    if let places = unsafe places {
      unsafe allocator.deallocate(UnsafeMutableRawPointer(places), byteCount: capacity * 8)
    }
    unsafe places = nil
    count = 0
    capacity = 0
  }

  private mutating func put(_ field: HashField, at place: Int) {
    unsafe places.unsafelyUnwrapped[place] = field.word
    WritableHashField(owned: field).place = place
  }

  private mutating func settle(_ place: Int) {
    let field = self[place]
    rise(from: place)
    if field.place == place { sink(from: place) }
  }

  private mutating func rise(from start: Int) {
    let field = self[start]
    let deadline = field.deadline
    var place = start
    while place > 0 {
      let parent = (place - 1) / FieldDeadlines.fanOut
      let above = self[parent]
      guard deadline < above.deadline else { break }
      put(above, at: place)
      place = parent
    }
    if place != start { put(field, at: place) }
  }

  private mutating func sink(from start: Int) {
    let field = self[start]
    let deadline = field.deadline
    var place = start
    while true {
      let first = place * FieldDeadlines.fanOut + 1
      guard first < count else { break }
      var least = first
      var earliest = self[first].deadline
      for child in first + 1..<max(first + 1, min(first + FieldDeadlines.fanOut, count)) {
        let candidate = self[child].deadline
        if candidate < earliest {
          earliest = candidate
          least = child
        }
      }
      guard earliest < deadline else { break }
      put(self[least], at: place)
      place = least
    }
    if place != start { put(field, at: place) }
  }

  private mutating func resize(to capacity: Int, _ allocator: Allocator) {
    let memory: UnsafeMutableRawPointer
    if let places = unsafe places {
      unsafe memory = allocator.reallocate(
        UnsafeMutableRawPointer(places), from: self.capacity * 8, to: capacity * 8)
    } else {
      unsafe memory = allocator.allocate(capacity * 8)
    }
    unsafe places = memory.assumingMemoryBound(to: UInt64.self)
    self.capacity = capacity
  }

  // MARK: - Checks

  /// Stops if a field is due before the one above it or doesn't know its place; for tests.
  func checkInvariants() {
    for place in 0..<count {
      precondition(self[place].place == place, "a field doesn't know its place")
      let parent = max(0, place - 1) / FieldDeadlines.fanOut
      precondition(self[parent].deadline <= self[place].deadline, "the heap is out of order")
    }
  }
}
