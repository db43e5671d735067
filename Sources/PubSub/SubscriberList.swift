// SPDX-License-Identifier: Apache-2.0

internal import DataStructures

/// The subscribers of a topic that has several, in the order in which they came.
///
///      0       4      8          12     16
///     +-------+------+----------+------+-----------------------+- - - - - - - - - - - -+
///     | count | used | capacity |      | subscribers, capacity | places, 2 x capacity  |
///     +-------+------+----------+------+-----------------------+- - - - - - - - - - - -+
///
/// Who leaves leaves a hole, a zero, behind; the holes go when the list is made anew. A long list
/// is found in through a table of places with open addressing: a slot holds the number of a place
/// plus one. A slot whose place is a hole by now is passed over, so nothing is taken out of it.
///
/// - Complexity: adding and removing are O(1) on average, however many subscribers there are.
@safe
struct SubscriberList {
  /// The address of the block.
  let word: UInt64

  private static let headerByteCount = 16
  /// From this capacity on there is a table of places.
  private static let tabledCapacity = 32

  init(word: UInt64) { self.word = word }

  /// A list of two.
  init(_ first: Subscriber, _ second: Subscriber, allocator: Allocator) {
    self.init(capacity: 2, allocator: allocator)
    append(first)
    append(second)
  }

  private init(capacity: Int, allocator: Allocator) {
    let byteCount = SubscriberList.byteCount(capacity)
    let block = unsafe allocator.allocate(byteCount)
    unsafe block.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    unsafe block.storeBytes(of: UInt32(capacity), toByteOffset: 8, as: UInt32.self)
    word = UInt64(UInt(bitPattern: block))
  }

  private static func byteCount(_ capacity: Int) -> Int {
    headerByteCount + capacity * (capacity < tabledCapacity ? 8 : 16)
  }

  // MARK: - The block

  // Made from an address by `init`, hence not zero.
  private var block: UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(word)).unsafelyUnwrapped
  }

  private func number(at offset: Int) -> Int {
    Int(unsafe block.load(fromByteOffset: offset, as: UInt32.self))
  }

  private func setNumber(_ value: Int, at offset: Int) {
    unsafe block.storeBytes(
      of: UInt32(truncatingIfNeeded: value), toByteOffset: offset, as: UInt32.self)
  }

  /// How many there are.
  private(set) var count: Int {
    get { number(at: 0) }
    nonmutating set { setNumber(newValue, at: 0) }
  }

  /// Places in use, holes included.
  private var used: Int {
    get { number(at: 4) }
    nonmutating set { setNumber(newValue, at: 4) }
  }

  private var capacity: Int { number(at: 8) }

  private var places: UnsafeMutablePointer<UInt64> {
    unsafe (block + SubscriberList.headerByteCount).assumingMemoryBound(to: UInt64.self)
  }

  // MARK: - Reading

  /// Visits all in order.
  func forEach(_ body: (Subscriber) -> Void) {
    for place in 0..<used {
      let subscriber = unsafe places[place]
      if subscriber != 0 { body(Subscriber(word: subscriber)) }
    }
  }

  // MARK: - Changing

  /// The list with one more at the end; the old one must not be used any more.
  func adding(_ subscriber: Subscriber, allocator: Allocator) -> SubscriberList {
    var list = self
    if used == capacity {
      // Holes alone may make room enough.
      list = remade(capacity: count > capacity / 2 ? capacity * 2 : capacity, allocator)
    }
    list.append(subscriber)
    return list
  }

  /// The list without `subscriber`; the old one must not be used any more.
  func removing(_ subscriber: Subscriber, allocator: Allocator) -> SubscriberList {
    guard let place = place(of: subscriber) else {
      assertionFailure("not subscribed")
      return self
    }
    unsafe places[place] = 0
    count -= 1
    if place == used - 1, capacity < SubscriberList.tabledCapacity { used -= 1 }
    guard count * 4 <= capacity, capacity > 4 else { return self }
    return remade(capacity: capacity / 2, allocator)
  }

  /// Gives the memory back.
  func free(_ allocator: Allocator) {
    unsafe allocator.deallocate(block, byteCount: SubscriberList.byteCount(capacity))
  }

  private func remade(capacity: Int, _ allocator: Allocator) -> SubscriberList {
    let list = SubscriberList(capacity: capacity, allocator: allocator)
    forEach { list.append($0) }
    free(allocator)
    return list
  }

  private func append(_ subscriber: Subscriber) {
    assert(used < capacity)
    unsafe places[used] = subscriber.word
    if capacity >= SubscriberList.tabledCapacity { table(place: used, of: subscriber) }
    used += 1
    count += 1
  }

  // MARK: - The table of places

  private var tableBase: Int { SubscriberList.headerByteCount + capacity * 8 }

  private func firstSlot(of subscriber: Subscriber) -> Int {
    let mixed = subscriber.word &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: mixed >> 32) & (capacity * 2 - 1)
  }

  private func table(place: Int, of subscriber: Subscriber) {
    var slot = firstSlot(of: subscriber)
    while number(at: tableBase + slot * 4) != 0 { slot = (slot + 1) & (capacity * 2 - 1) }
    setNumber(place + 1, at: tableBase + slot * 4)
  }

  private func place(of subscriber: Subscriber) -> Int? {
    guard capacity >= SubscriberList.tabledCapacity else {
      for place in 0..<used where unsafe places[place] == subscriber.word { return place }
      return nil
    }
    var slot = firstSlot(of: subscriber)
    while true {
      let entry = number(at: tableBase + slot * 4)
      if entry == 0 { return nil }
      if unsafe places[entry - 1] == subscriber.word { return entry - 1 }
      slot = (slot + 1) & (capacity * 2 - 1)
    }
  }
}
