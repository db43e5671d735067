// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A copy of a request's arguments for whoever runs it later: MULTI's queue, a client that waits, a
/// client that is paused. Slices of the arena die with the turn.
@safe
final class KeptArguments {
  private let storage: UnsafeMutableRawPointer
  private let slices: UnsafeMutablePointer<Slice>
  private let count: Int
  /// Memory of the copy.
  let byteCount: Int

  /// Copies a request.
  ///
  /// - Parameter replacing: arguments for which other bytes are kept.
  init(_ arguments: Arguments, replacing: [(index: Int, bytes: [UInt8])] = []) {
    count = arguments.count
    var total = 0
    for index in 0..<arguments.count { total += arguments[index].byteCount }
    for other in replacing { total += other.bytes.count - arguments[other.index].byteCount }
    unsafe storage = .allocate(byteCount: max(1, total), alignment: 8)
    unsafe slices = .allocate(capacity: max(1, arguments.count))
    byteCount = total + arguments.count * MemoryLayout<Slice>.stride
    var offset = 0
    for index in 0..<arguments.count {
      var slice = Slice(offset: UInt32(truncatingIfNeeded: offset), count: 0, hash: 0)
      if let other = replacing.first(where: { $0.index == index }) {
        unsafe (storage + offset).copy(other.bytes.rawSpan)
        slice.count = UInt32(truncatingIfNeeded: other.bytes.count)
      } else {
        unsafe (storage + offset).copy(arguments[index])
        slice.count = UInt32(truncatingIfNeeded: arguments[index].byteCount)
        slice.hash = arguments.hash(at: index)
      }
      unsafe (slices + index).initialize(to: slice)
      offset += Int(slice.count)
    }
  }

  deinit {
    unsafe storage.deallocate()
    unsafe slices.deallocate()
  }

  /// The arguments; valid as long as this object.
  var arguments: Arguments {
    unsafe Arguments(base: UnsafeRawPointer(storage), slices: slices, count: count)
  }
}
