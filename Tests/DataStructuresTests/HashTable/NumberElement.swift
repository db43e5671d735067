// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// An element that is its own key: the eight bytes of the word, of which a table keeps six.
typealias NumberElement = NumberElementOf<SixBytes>

/// The same for references of any width.
struct NumberElementOf<Width: ReferenceWidth>: HashTableElement, Hashable {
  static var referenceByteCount: Int { Width.referenceByteCount }

  let word: UInt64

  init(word: UInt64) { self.word = word }

  /// The hash; a seed with `k0` = 0 is a bad hash on purpose: all elements share `k1` buckets.
  func hash(_ seed: HashSeed) -> UInt64 { NumberElementOf.hash(word, seed) }

  func hasKey(_ key: RawSpan) -> Bool { unsafe key.unsafeLoadUnaligned(as: UInt64.self) == word }

  func prefetch() {}

  static func hash(_ word: UInt64, _ seed: HashSeed) -> UInt64 {
    if seed.k0 == 0 { return word % seed.k1 }
    return withKey(word) { SipHash13.hash($0, seed) }
  }

  /// Calls `body` with the key of the element `word`.
  static func withKey<Result>(_ word: UInt64, _ body: (RawSpan) -> Result) -> Result {
    var bytes = word
    return unsafe withUnsafeBytes(of: &bytes) { unsafe body(RawSpan(_unsafeBytes: $0)) }
  }
}

/// A table of numbers below 2^48 and the allocator that it lives in.
typealias NumberTable = NumberTableOf<SixBytes>

/// The same for references of any width.
final class NumberTableOf<Width: ReferenceWidth> {
  typealias Element = NumberElementOf<Width>

  let allocator: Allocator
  var table: HashTable<Element>

  init(seed: HashSeed = HashSeed(k0: 0x1234, k1: 0x5678), in allocator: Allocator) {
    self.allocator = allocator
    table = HashTable(allocator: allocator, seed: seed)
  }

  func insert(_ word: UInt64) {
    table.insert(Element(word: word), hash: Element.hash(word, table.seed))
  }

  func remove(_ word: UInt64) -> Bool {
    let hash = Element.hash(word, table.seed)
    var location: HashTable<Element>.Location?
    Element.withKey(word) { location = table.locate($0, hash: hash) }
    guard let location else { return false }
    return table.remove(at: location).word == word
  }

  func contains(_ word: UInt64) -> Bool {
    let hash = Element.hash(word, table.seed)
    let hint = table.prefetchBucket(hash)
    HashTable<Element>.prefetchEntries(hash, in: hint)
    HashTable<Element>.prefetchChildEntries(hash, in: hint)
    return Element.withKey(word) { table.find($0, hash: hash)?.word == word }
  }
}
