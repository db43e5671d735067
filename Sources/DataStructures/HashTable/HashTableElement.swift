// SPDX-License-Identifier: Apache-2.0

public import CLinux

/// What a `HashTable` stores: one reference per element, as a rule the address of an entry.
public protocol HashTableElement: ReferenceWidth {
  /// The element as the table keeps it; any value that fits, zero included.
  var word: UInt64 { get }

  /// Whose elements these are, for tables whose buckets are announced before they change; nil for
  /// those whose buckets are not.
  static var bucketKind: BucketKind? { get }

  /// The element that `word` stands for.
  init(word: UInt64)

  /// The hash of the element's key; asked for when a bucket is split.
  func hash(_ seed: HashSeed) -> UInt64

  /// Whether the element's key has these bytes.
  func hasKey(_ key: RawSpan) -> Bool

  /// Asks the processor to load the cache lines that `hasKey` and the reader will touch.
  func prefetch()
}

extension HashTableElement {
  /// Buckets are not announced. A constant: what depends on it is gone where the table is
  /// specialised.
  @inlinable public static var bucketKind: BucketKind? { nil }

  /// References are addresses. A constant, too.
  @inlinable public static var referenceByteCount: Int { 6 }
}

/// Hints to the processor that memory will be read soon.
public enum Prefetch {
  /// Starts loading the cache line that contains `address`; any address is allowed.
  @inlinable @inline(__always)
  public static func line(at address: UInt) {
    unsafe memd_prefetch(UnsafeRawPointer(bitPattern: address))
  }
}
