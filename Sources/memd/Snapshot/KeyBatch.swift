// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Keys that were read and are not stored yet. As each comes its bucket is asked for, so that the
/// cache misses of the batch overlap.
///
/// Whoever has one empties it in the end.
@safe
struct KeyBatch: ~Copyable {
  /// A key with its value, and what an error would tell of it.
  struct Element: ~Copyable {
    let entry: DetachedEntry
    let hash: UInt64
    let offset: Int
    let kind: RDBFormat.ValueKind
  }

  private static let capacity = 32

  private let elements: UnsafeMutablePointer<Element>
  private(set) var count = 0
  /// Elements that were taken out.
  private var takenCount = 0

  init() { unsafe elements = .allocate(capacity: KeyBatch.capacity) }

  deinit {
    assert(count == takenCount, "keys were lost")
    unsafe elements.deallocate()
  }

  /// Keys that were not taken out yet.
  var waitingCount: Int { count - takenCount }

  var isFull: Bool { count == KeyBatch.capacity }

  /// Adds a key at the end.
  mutating func append(_ element: consuming Element) {
    precondition(!isFull && takenCount == 0)
    unsafe (elements + count).initialize(to: element)
    count &+= 1
  }

  /// Takes the first key; nil if there is none.
  mutating func takeFirst() -> Element? {
    guard takenCount < count else {
      count = 0
      takenCount = 0
      return nil
    }
    defer { takenCount &+= 1 }
    return unsafe (elements + takenCount).move()
  }
}
