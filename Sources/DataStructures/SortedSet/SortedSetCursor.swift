// SPDX-License-Identifier: Apache-2.0

/// Goes over adjacent elements of a sorted set, up or down; valid until the set changes.
///
/// What the elements of a leaf have in common is read once per leaf. While one leaf is read, the
/// next one is loaded.
@safe
public struct SortedSetCursor {
  /// A member where the set keeps it, with its score.
  @safe
  public struct Element {
    private let start: UnsafeRawPointer
    /// Length of the member in bytes.
    public let byteCount: Int
    /// The score.
    public let score: Double

    @inline(__always)
    init(start: UnsafeRawPointer, byteCount: Int, score: Double) {
      unsafe self.start = unsafe start
      self.byteCount = byteCount
      self.score = score
    }

    /// The element that was found otherwise.
    @inline(__always)
    public init(_ element: SortedSetElement) { self = element.leaf.element(element.slot) }

    /// The bytes of the member.
    public var member: RawSpan {
      @_lifetime(borrow self)
      get {
        let span = unsafe RawSpan(_unsafeStart: start, byteCount: byteCount)
        return unsafe _overrideLifetime(span, borrowing: self)
      }
    }
  }

  private let words: UnsafeMutablePointer<UInt64>?
  private let isReversed: Bool
  private var leaf: Leaf
  private var arrays: LeafArrays
  /// Bytes from one member to the next, if all are short and have the same length; else -1.
  private var stride: Int
  /// The place of the next element in the order of its leaf.
  private var index: Int
  /// Elements that are still to come from this leaf.
  private var left: Int
  /// Elements that are still to come.
  public private(set) var remaining: Int

  /// `count` elements from the one with the rank `rank` on, which all must exist.
  ///
  /// - Complexity: O(log n).
  public init?(_ set: borrowing SortedSet, from rank: Int, count: Int, isReversed: Bool) {
    guard count > 0, let position = set.position(rank: rank) else { return nil }
    assert(isReversed ? rank >= count - 1 : rank + count <= set.count)
    unsafe words = unsafe set.directory.words
    self.isReversed = isReversed
    remaining = count
    leaf = position.leaf
    arrays = LeafArrays(leaf)
    stride = leaf.stride
    index = position.index
    left = isReversed ? index &+ 1 : leaf.count &- index
    if count >= SortedSetCursor.longCount { prefetchLeaves(word(of: leaf.number)) }
  }

  /// From so many elements on a whole leaf is loaded when the first of its elements is read.
  private static var longCount: Int { 16 }

  /// The next element; nil at the end.
  ///
  /// - Complexity: O(1).
  public mutating func next() -> Element? {
    guard remaining > 0 else { return nil }
    if left == 0 { enterNextLeaf() }
    remaining &-= 1
    left &-= 1
    let slot = arrays.slot(at: index)
    index &+= isReversed ? -1 : 1
    guard stride >= 0 else { return leaf.element(slot) }
    return unsafe Element(
      start: UnsafeRawPointer(arrays.members + slot &* stride), byteCount: stride,
      score: ScoreKey.score(arrays.key(slot)))
  }

  @inline(never)
  private mutating func enterNextLeaf() {
    let word = word(of: isReversed ? leaf.previous : leaf.next)
    leaf = Leaf(at: word.address)
    arrays = LeafArrays(leaf)
    stride = leaf.stride
    left = leaf.count
    index = isReversed ? left &- 1 : 0
    if remaining > left { prefetchNext() }
  }

  @inline(__always)
  private func word(of number: UInt32) -> LeafWord {
    // A neighbor's number is in the directory, and there is one while elements remain.
    LeafWord(rawValue: unsafe words.unsafelyUnwrapped[Int(number)])
  }

  /// Starts loading the leaf with the first elements, and the next one if it is needed.
  @inline(never)
  private func prefetchLeaves(_ word: LeafWord) {
    word.prefetch()
    if remaining > left { prefetchNext() }
  }

  @inline(__always)
  private func prefetchNext() { word(of: isReversed ? leaf.previous : leaf.next).prefetch() }
}

extension LeafWord {
  /// Starts loading a leaf that will be read as a whole.
  @inline(__always)
  func prefetch() {
    var address = address
    let end = memberAddress(slots)
    while address < end {
      Prefetch.line(at: address)
      address &+= 64
    }
  }
}

extension Leaf {
  /// Bytes from one member to the next, if all are short and have the same length; else -1.
  @inline(__always)
  fileprivate var stride: Int { isMixed || code.isLong ? -1 : code.byteCount }

  /// The element in a slot.
  @inline(__always)
  fileprivate func element(_ slot: Int) -> SortedSetCursor.Element {
    let code = code(slot)
    let score = score(slot)
    guard code.isLong else {
      return unsafe SortedSetCursor.Element(
        start: UnsafeRawPointer(place(slot)), byteCount: code.byteCount, score: score)
    }
    let long = longMember(slot)
    return unsafe SortedSetCursor.Element(
      start: UnsafeRawPointer(long.base + 8), byteCount: long.memberByteCount, score: score)
  }
}
