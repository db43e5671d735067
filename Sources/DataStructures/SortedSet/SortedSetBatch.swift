// SPDX-License-Identifier: Apache-2.0

/// Members with scores that are put into a sorted set together; they may come in any order.
@safe
public struct SortedSetBatch: ~Copyable {
  struct Item: BitwiseCopyable {
    let score: Double
    let hash: UInt64
    /// Where the member's bytes are.
    let offset: Int
    let byteCount: Int
  }

  /// Members that a batch is meant for, so that its memory stays small.
  public static var countMax: Int { 1 << 16 }

  private var items: UnsafeMutablePointer<Item>
  private var capacity: Int
  private var bytes: UnsafeMutableRawPointer
  private var byteCapacity: Int
  private var byteCount = 0
  /// Number of members.
  public private(set) var count = 0
  private var isSorted = true

  /// A batch without members.
  public init() {
    capacity = 64
    byteCapacity = 2048
    unsafe items = .allocate(capacity: capacity)
    unsafe bytes = .allocate(byteCount: byteCapacity, alignment: 16)
  }

  deinit {
    unsafe items.deallocate()
    unsafe bytes.deallocate()
  }

  /// Adds a member by its hash under the set's seed; the score is not NaN.
  public mutating func append(_ member: RawSpan, hash: UInt64, score: Double) {
    assert(!score.isNaN)
    if count == capacity { growItems() }
    let length = member.byteCount
    if length > byteCapacity &- byteCount { growBytes(by: length) }
    unsafe member.withUnsafeBytes { source in
      guard let start = source.baseAddress else { return }
      unsafe (bytes + byteCount).copyMemory(from: start, byteCount: length)
    }
    let item = Item(score: score, hash: hash, offset: byteCount, byteCount: length)
    unsafe (items + count).initialize(to: item)
    byteCount &+= length
    count &+= 1
    if isSorted, count > 1 { isSorted = !precedes(count &- 1, count &- 2) }
  }

  /// Forgets all members and keeps the memory.
  public mutating func removeAll() {
    count = 0
    byteCount = 0
    isSorted = true
  }

  private mutating func growItems() {
    let grown = UnsafeMutablePointer<Item>.allocate(capacity: capacity * 2)
    unsafe grown.update(from: items, count: count)
    unsafe items.deallocate()
    unsafe items = unsafe grown
    capacity *= 2
  }

  private mutating func growBytes(by length: Int) {
    let capacity = max(byteCapacity * 2, byteCount + length)
    let grown = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    unsafe grown.copyMemory(from: bytes, byteCount: byteCount)
    unsafe bytes.deallocate()
    unsafe bytes = unsafe grown
    byteCapacity = capacity
  }

  // MARK: - Order

  /// The member at a place, which must be below `count`.
  func item(at index: Int) -> Item {
    assert(index >= 0 && index < count)
    return unsafe items[index]
  }

  /// The bytes of the member at a place.
  @_lifetime(borrow self)
  func member(at index: Int) -> RawSpan {
    let item = item(at: index)
    let span = unsafe RawSpan(_unsafeStart: bytes + item.offset, byteCount: item.byteCount)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// Whether one member comes before another one in a sorted set.
  private func precedes(_ index: Int, _ other: Int) -> Bool {
    unsafe SortedSetBatch.precedes(items[index], items[other], bytes)
  }

  private static func precedes(
    _ item: Item, _ other: Item, _ bytes: UnsafeMutableRawPointer
  ) -> Bool {
    if item.score != other.score { return item.score < other.score }
    let member = unsafe RawSpan(_unsafeStart: bytes + item.offset, byteCount: item.byteCount)
    let rival = unsafe RawSpan(_unsafeStart: bytes + other.offset, byteCount: other.byteCount)
    return member.precedes(rival)
  }

  /// Puts the members in the order that they have in a sorted set.
  mutating func sort() {
    if isSorted { return }
    let bytes = unsafe bytes
    var all = unsafe UnsafeMutableBufferPointer(start: items, count: count)
    unsafe all.sort { unsafe SortedSetBatch.precedes($0, $1, bytes) }
    isSorted = true
  }
}
