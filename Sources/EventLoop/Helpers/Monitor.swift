// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A mutex and a condition at a fixed place in memory.
@safe
internal final class Monitor: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  init() {
    unsafe mutex = .allocate(capacity: 1)
    unsafe condition = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe condition.initialize(to: pthread_cond_t())
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(condition, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// Enters.
  func lock() { unsafe pthread_mutex_lock(mutex) }
  /// Leaves.
  func unlock() { unsafe pthread_mutex_unlock(mutex) }
  /// Sleeps until notified; may return without reason. The caller is inside.
  func wait() { unsafe pthread_cond_wait(condition, mutex) }
  /// The same until a moment of the wall clock; false when that has come.
  func wait(untilWallMicroseconds moment: Int64) -> Bool {
    var time = timespec(
      tv_sec: Int(moment / 1_000_000), tv_nsec: Int(moment % 1_000_000) * 1000)
    return unsafe pthread_cond_timedwait(condition, mutex, &time) != ETIMEDOUT
  }
  /// Wakes everybody who waits.
  func notify() { unsafe pthread_cond_broadcast(condition) }
}
