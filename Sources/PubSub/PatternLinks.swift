// SPDX-License-Identifier: Apache-2.0

internal import DataStructures

/// What the index keeps of a pattern, behind its name.
struct PatternLinks {
  /// Patterns are told in the order of these numbers.
  var sequence: UInt64 = 0
  /// The last look-up that has met the pattern.
  var lookup: UInt64 = 0
  /// Neighbours with the same anchor; 0: none. The first of them is in the table.
  var previous: UInt64 = 0
  var next: UInt64 = 0
  /// Where the anchor is in the pattern.
  var anchorStart = 0
  var anchorCount: Int32 = 0
  var anchorSide: PatternAnchor.Side = .anywhere
  var anchorOffset: UInt8 = 0
}

extension Topic {
  /// The bytes of the pattern's anchor.
  var anchor: RawSpan {
    @_lifetime(borrow self)
    get {
      let start = unsafe links.pointee.anchorStart
      let count = unsafe Int(links.pointee.anchorCount)
      return unsafe _overrideLifetime(name.extracting(start..<start + count), borrowing: self)
    }
  }
}

/// A pattern in a table of anchors: the first of those that share theirs.
struct AnchoredPattern: HashTableElement {
  let word: UInt64

  init(word: UInt64) { self.word = word }

  /// The pattern itself.
  var topic: Topic { Topic(word: word) }

  func hash(_ seed: HashSeed) -> UInt64 {
    let isBackward = unsafe topic.links.pointee.anchorSide == .back
    return RollingHash.hash(topic.anchor, seed, isBackward: isBackward)
  }

  func hasKey(_ key: RawSpan) -> Bool { topic.anchor.equals(key) }

  func prefetch() { Prefetch.line(at: UInt(word)) }
}

/// A hash that is known for every prefix of a text once the text has been gone through.
///
/// The multiplier is secret, so that nobody can choose patterns that collide.
struct RollingHash {
  private var state: UInt64
  private let multiplier: UInt64

  init(_ seed: HashSeed) {
    state = seed.k0
    multiplier = seed.k1 | 1
  }

  /// Takes the next byte.
  @inline(__always)
  mutating func add(_ byte: UInt8) {
    state = (state ^ UInt64(byte)) &* multiplier
    state ^= state >> 32
  }

  /// The hash of all bytes so far.
  var value: UInt64 {
    let mixed = state &* 0x9E37_79B9_7F4A_7C15
    return mixed ^ mixed >> 29
  }

  /// The hash of some bytes, from either end.
  static func hash(_ bytes: RawSpan, _ seed: HashSeed, isBackward: Bool) -> UInt64 {
    var hash = RollingHash(seed)
    let count = bytes.byteCount
    for index in 0..<count { hash.add(bytes.byte(isBackward ? count - 1 - index : index)) }
    return hash.value
  }
}
