// SPDX-License-Identifier: Apache-2.0

/// Something with a name that lives at an address: a consumer group, a consumer.
protocol NamedItem {
  /// The item whose address was kept.
  init(word: UInt64)
  var word: UInt64 { get }
  /// Negative, zero or positive as the item's name sorts before, like or behind `name`.
  func compareName(_ name: RawSpan) -> Int
}

/// Items sorted by name: an array of their addresses.
///
/// There are few of them, so that a tree would not pay; ten thousand consumers are 80 KB.
///
/// - Complexity: look-up O(log n), insertion and removal O(n) moved words.
@safe
struct NameTable<Item: NamedItem>: ~Copyable {
  private var words: UnsafeMutablePointer<UInt64>?
  private var storedCount: UInt32 = 0
  private var storedCapacity: UInt32 = 0

  init() { unsafe words = nil }

  var count: Int { Int(storedCount) }

  /// The item with this number in the order of names.
  subscript(index: Int) -> Item {
    precondition(index >= 0 && index < count)
    return Item(word: unsafe words.unsafelyUnwrapped[index])
  }

  /// The number of the first item whose name is not less than `name`.
  private func lowerBound(_ name: RawSpan) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low &+ high) / 2
      if self[middle].compareName(name) < 0 { low = middle &+ 1 } else { high = middle }
    }
    return low
  }

  /// The item with this name.
  func find(_ name: RawSpan) -> Item? {
    let index = lowerBound(name)
    guard index < count, self[index].compareName(name) == 0 else { return nil }
    return self[index]
  }

  /// Puts in an item whose name, `name`, is absent.
  mutating func insert(_ item: Item, name: RawSpan, allocator: Allocator) {
    let index = lowerBound(name)
    if storedCount == storedCapacity {
      resize(to: max(1, Int(storedCapacity) * 2), allocator)
    }
    let place = unsafe words.unsafelyUnwrapped + index
    unsafe (place + 1).update(from: place, count: count - index)
    unsafe place.initialize(to: item.word)
    storedCount += 1
  }

  /// Takes out the item with this name and returns it.
  mutating func remove(_ name: RawSpan, allocator: Allocator) -> Item? {
    let index = lowerBound(name)
    guard index < count, self[index].compareName(name) == 0 else { return nil }
    let item = self[index]
    let place = unsafe words.unsafelyUnwrapped + index
    unsafe place.update(from: place + 1, count: count - index - 1)
    storedCount -= 1
    if storedCount == 0 { resize(to: 0, allocator) }
    return item
  }

  /// Takes out the last item.
  mutating func popLast(allocator: Allocator) -> Item? {
    guard storedCount > 0 else { return nil }
    let item = self[count - 1]
    storedCount -= 1
    if storedCount == 0 { resize(to: 0, allocator) }
    return item
  }

  /// Forgets all items and frees the array; the items are not freed.
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
