// SPDX-License-Identifier: Apache-2.0

import RESP

/// Output storage that no client has at the moment.
@safe
struct ReplyPool: ~Copyable {
  /// More than this is given back to the system: enough for a message to a thousand subscribers.
  private static var limit: Int { 1024 }
  /// So is storage larger than this.
  private static var capacityMax: Int { 64 << 10 }
  /// The pool as a whole holds no more bytes than this.
  private static var byteCountMax: Int { 16 << 20 }

  private let base: UnsafeMutablePointer<ReplyStorage>
  private(set) var count = 0
  private var byteCount = 0

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
    let storage = unsafe base[count]
    byteCount &-= storage.capacity
    return storage
  }

  /// Takes storage back.
  @inline(__always)
  mutating func put(_ storage: ReplyStorage) {
    guard count < ReplyPool.limit, storage.capacity <= ReplyPool.capacityMax,
      byteCount &+ storage.capacity <= ReplyPool.byteCountMax
    else { return storage.deallocate() }
    byteCount &+= storage.capacity
    unsafe (base + count).initialize(to: storage)
    count &+= 1
  }
}
