// SPDX-License-Identifier: Apache-2.0

import RESP

/// Output storage that no client has at the moment.
@safe
struct ReplyPool: ~Copyable {
  /// More than this is given back to the system.
  private static var limit: Int { 256 }
  /// So is storage larger than this.
  private static var capacityMax: Int { 64 << 10 }

  private let base: UnsafeMutablePointer<ReplyStorage>
  private(set) var count = 0

  init() { unsafe base = .allocate(capacity: ReplyPool.limit) }

  deinit {
    for index in 0..<count { unsafe base[index].deallocate() }
    unsafe base.deallocate()
  }

  /// The storage that was given back last, as it is most likely in the cache; nil if there is none.
  @inline(__always)
  mutating func take() -> ReplyStorage? {
    guard count > 0 else { return nil }
    count &-= 1
    return unsafe base[count]
  }

  /// Takes storage back.
  @inline(__always)
  mutating func put(_ storage: ReplyStorage) {
    guard count < ReplyPool.limit, storage.capacity <= ReplyPool.capacityMax else {
      return storage.deallocate()
    }
    unsafe (base + count).initialize(to: storage)
    count &+= 1
  }
}
