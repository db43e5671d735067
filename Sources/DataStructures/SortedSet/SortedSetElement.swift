// SPDX-License-Identifier: Apache-2.0

/// A member of a sorted set with its score: one word, which says where they are.
///
///     0                            48              64
///     +----------------------------+---------------+
///     | address of the leaf        | slot          |
///     +----------------------------+---------------+
///
/// The bytes belong to the set; an element is valid until the set changes next.
public struct SortedSetElement: Equatable {
  /// Leaf and slot.
  public let word: UInt64

  /// The element that `word` stands for.
  public init(word: UInt64) { self.word = word }

  @inline(__always)
  init(address: UInt, slot: Int) { word = UInt64(address) | UInt64(slot) &<< 48 }

  /// The leaf that the member is in.
  @inline(__always)
  var leaf: Leaf { Leaf(at: UInt(truncatingIfNeeded: word & 0xffff_ffff_ffff)) }

  /// The slot in the leaf.
  @inline(__always)
  var slot: Int { Int(truncatingIfNeeded: word &>> 48) }

  /// The score, by which members are ordered first.
  public var score: Double { leaf.score(slot) }

  /// The bytes of the member.
  public var member: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = leaf.member(slot)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Length of the member in bytes.
  public var memberByteCount: Int {
    let code = leaf.code(slot)
    return code.isLong ? leaf.longMember(slot).memberByteCount : code.byteCount
  }

  /// The hash of the member.
  public func hash(_ seed: HashSeed) -> UInt64 { SipHash13.hash(member, seed) }

  /// The place by number.
  var reference: MemberReference { MemberReference(leaf: leaf.number, slot: slot) }
}
