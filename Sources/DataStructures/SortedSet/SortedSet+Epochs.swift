// SPDX-License-Identifier: Apache-2.0

/// A leaf of a sorted set that is about to change, or is looked at; valid until the set changes.
///
/// It is one block of bytes, and may be looked at in a copy of that block, as long as the blocks of
/// its long members are there.
@safe
public struct SortedSetLeaf {
  private let leaf: Leaf

  init(_ leaf: Leaf) { self.leaf = leaf }

  /// The leaf of which these bytes, aligned to 8, are a copy.
  ///
  /// - Safety: the bytes must stay where they are while the leaf is in use.
  @unsafe
  public init(image: UnsafeMutableRawPointer) { unsafe leaf = Leaf(image) }

  /// The epoch in which the leaf was made or last announced.
  public var epoch: UInt8 { leaf.epoch }

  /// The number that the leaf keeps until its members move to another one, or it gets a lower one.
  public var number: Int { Int(leaf.number) }

  /// Where the leaf is; it stays there as long as it doesn't change.
  public var address: UInt { leaf.address }

  /// Number of members.
  public var count: Int { leaf.count }

  /// All bytes of the leaf.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(_unsafeStart: leaf.base, byteCount: leaf.byteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Lets a leaf that a walk has taken carry the present number.
  public func markTaken(_ allocator: Allocator) { leaf.epoch = allocator.epoch }

  /// Visits the elements in order.
  public func forEach(_ visit: (SortedSetElement) -> Void) {
    for index in 0..<leaf.count {
      visit(SortedSetElement(address: leaf.address, slot: leaf.slot(at: index)))
    }
  }

  /// Visits the blocks of members that do not stand in the leaf: the member's bytes, and at which
  /// offset in the leaf the address of the block is.
  public func forEachLongMember(_ visit: (RawSpan, Int) -> Void) {
    for index in 0..<leaf.count {
      let slot = leaf.slot(at: index)
      guard leaf.code(slot).isLong else { continue }
      visit(leaf.member(slot), unsafe leaf.place(slot) - leaf.base)
    }
  }
}

extension SortedSet {
  /// Must be called before the members of a leaf change or leave it. Nodes above the leaves hold
  /// nothing of their own.
  @inline(__always)
  func willChange(_ leaf: Leaf) {
    if leaf.epoch != allocator.epoch { SortedSet.announce(leaf, allocator) }
  }

  @inline(never)
  private static func announce(_ leaf: Leaf, _ allocator: Allocator) {
    leaf.epoch = allocator.announce(.sortedSetLeaf(SortedSetLeaf(leaf)))
  }

  /// All numbers of leaves are below this one.
  public var leafNumberBound: Int { Int(directory.bound) }

  /// The leaf with a number below `leafNumberBound`; nil if none has it.
  ///
  /// A walk over the numbers meets every member once if it learns of leaves that change: members
  /// only move between leaves that have been announced, and only those get other numbers.
  public func leaf(number: Int) -> SortedSetLeaf? {
    let word = directory[UInt32(number)]
    return word.isFree ? nil : SortedSetLeaf(Leaf(at: word.address))
  }

  /// Visits the leaves by number.
  public func forEachLeaf(_ visit: (SortedSetLeaf) -> Void) {
    for number in 0..<leafNumberBound {
      if let leaf = leaf(number: number) { visit(leaf) }
    }
  }

  /// Where all leaves are at the moment.
  ///
  /// - Complexity: O(leaves), a nanosecond for each.
  public func leafAddresses() -> SortedSetLeafAddresses { SortedSetLeafAddresses(directory) }
}

/// Where the leaves of a sorted set were at some time, by number.
public struct SortedSetLeafAddresses {
  private let words: [UInt64]

  init(_ directory: borrowing LeafDirectory) { words = directory.allWords }

  /// All numbers are below this one.
  public var count: Int { words.count }

  /// The address of the leaf that had a number; nil if none had it.
  public subscript(number: Int) -> UInt? {
    let word = LeafWord(rawValue: words[number])
    return word.isFree ? nil : word.address
  }

  /// The leaf that had a number, if it is still there unchanged.
  ///
  /// - Safety: the leaf must not have changed or been freed since.
  @unsafe
  public func leaf(_ number: Int) -> SortedSetLeaf? {
    self[number].map { SortedSetLeaf(Leaf(at: $0)) }
  }
}
