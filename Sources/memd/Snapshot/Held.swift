// SPDX-License-Identifier: Apache-2.0

/// Holds a value that can't be copied outside of the object that uses it, so that spans of it may
/// be passed on while other properties of the object change. The owner calls `free`.
@safe
struct Held<Value: ~Copyable> {
  private let pointer: UnsafeMutablePointer<Value>

  init(_ value: consuming Value) {
    unsafe pointer = .allocate(capacity: 1)
    unsafe pointer.initialize(to: value)
  }

  var value: Value {
    @inline(__always) unsafeAddress { unsafe UnsafePointer(pointer) }
    @inline(__always) nonmutating unsafeMutableAddress { unsafe pointer }
  }

  /// Ends the value's life; the last call of all.
  func free() {
    unsafe pointer.deinitialize(count: 1)
    unsafe pointer.deallocate()
  }
}
