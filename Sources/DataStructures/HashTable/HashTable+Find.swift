// SPDX-License-Identifier: Apache-2.0

extension HashTable {
  /// The element with this key; `hash` must be the hash of `key` under the table's seed.
  ///
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public func find(_ key: RawSpan, hash: UInt64) -> Element? {
    guard let location = locate(key, hash: hash) else { return nil }
    return element(at: location)
  }

  /// The place of the element with this key.
  ///
  /// - Complexity: O(1).
  @inlinable @inline(__always)
  public func locate(_ key: RawSpan, hash: UInt64) -> Location? {
    guard elementCount != 0 else { return nil }
    return HashTable.search(bucket(hash), key, hash)
  }

  /// Looks through a bucket and its children. A function of the bucket alone: as a method it would
  /// get a copy of the whole table wherever it is not inlined.
  @inlinable
  static func search(_ head: Bucket, _ key: RawSpan, _ hash: UInt64) -> Location? {
    var bucket = head
    while true {
      let header = bucket.header
      var matches = Bucket.matches(header, hash)
      while matches != 0 {
        let place = bucket.place(Bucket.slot(matches))
        if Element(word: place.word).hasKey(key) { return Location(head: head, place: place) }
        matches &= matches &- 1
      }
      guard header & Bucket.isChained != 0 else { return nil }
      bucket = bucket.child
    }
  }

  /// The place of an element that the table holds, found by identity: no key is compared.
  ///
  /// - Complexity: O(1).
  @inlinable
  public func locate(_ element: Element, hash: UInt64) -> Location? {
    guard elementCount != 0 else { return nil }
    let head = bucket(hash)
    var bucket = head
    while true {
      let header = bucket.header
      var matches = Bucket.matches(header, hash)
      while matches != 0 {
        let place = bucket.place(Bucket.slot(matches))
        if place.word == element.word { return Location(head: head, place: place) }
        matches &= matches &- 1
      }
      guard header & Bucket.isChained != 0 else { return nil }
      bucket = bucket.child
    }
  }

  /// The element at a place.
  @inlinable @inline(__always)
  public func element(at location: Location) -> Element {
    Element(word: location.place.word)
  }

  /// Puts another element with the same key at a place, say the same entry at a new address. Where
  /// buckets are blocks, `willChange(at:)` comes first, while the old element can still be read.
  @inlinable @inline(__always)
  public mutating func replace(at location: Location, with element: Element) {
    assert(isAnnounced(location.head), "a bucket changes that was not announced")
    location.place.word = element.word
  }
}

// MARK: - Prefetching

// A batch of look-ups runs these three passes over all its keys before the first look-up, so that
// the cache misses of the batch overlap. Within a whole GET they save half of the time; look-ups
// with nothing in between overlap by themselves and gain a fifth. A pass only ever hints:
// the table may change between it and the look-up.

/// A bucket on its way into the cache; of use until the table changes.
public struct BucketHint {
  /// Where it lies; 0 if the table has none.
  @usableFromInline let address: UInt

  @inlinable
  init(address: UInt) { self.address = address }
}

extension HashTable {
  /// First pass: starts loading the key's bucket; what it returns is for the other passes.
  @inlinable @inline(__always) @discardableResult
  public func prefetchBucket(_ hash: UInt64) -> BucketHint {
    guard elementCount != 0 else { return BucketHint(address: 0) }
    let address = bucket(hash).address
    Prefetch.line(at: address)
    return BucketHint(address: address)
  }

  /// Second pass: starts loading the entries with the key's tag or, without one, the child bucket.
  @inlinable @inline(__always)
  public static func prefetchEntries(_ hash: UInt64, in hint: BucketHint) {
    guard hint.address != 0 else { return }
    let bucket = Bucket(at: hint.address)
    let header = bucket.header
    var matches = Bucket.matches(header, hash)
    if matches == 0 {
      if header & Bucket.isChained != 0 { Prefetch.line(at: bucket.child.address) }
      return
    }
    repeat {
      Element(word: bucket[Bucket.slot(matches)]).prefetch()
      matches &= matches &- 1
    } while matches != 0
  }

  /// Third pass: for keys without a match so far starts loading the entries of the child bucket.
  @inlinable @inline(__always)
  public static func prefetchChildEntries(_ hash: UInt64, in hint: BucketHint) {
    guard hint.address != 0 else { return }
    let bucket = Bucket(at: hint.address)
    let header = bucket.header
    guard header & Bucket.isChained != 0, Bucket.matches(header, hash) == 0 else { return }
    let child = bucket.child
    var matches = Bucket.matches(child.header, hash)
    while matches != 0 {
      Element(word: child[Bucket.slot(matches)]).prefetch()
      matches &= matches &- 1
    }
  }

  /// Second pass for whoever kept nothing from the first.
  @inlinable @inline(__always)
  public func prefetchEntries(_ hash: UInt64) {
    guard elementCount != 0 else { return }
    HashTable.prefetchEntries(hash, in: BucketHint(address: bucket(hash).address))
  }

  /// Third pass for whoever kept nothing from the first.
  @inlinable @inline(__always)
  public func prefetchChildEntries(_ hash: UInt64) {
    guard elementCount != 0 else { return }
    HashTable.prefetchChildEntries(hash, in: BucketHint(address: bucket(hash).address))
  }
}
