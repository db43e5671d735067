// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Input buffers whose requests are about to run. A large argument in one of them needs no copy
/// when it becomes a value: the keyspace takes the whole buffer, which holds hardly anything else.
final class Arrivals: ReceivedBlocks {
  /// Bytes in front of an argument that may stay with it.
  private static let prefixByteCountMax = 4096

  private var buffers: [InputBuffer] = []

  var isEmpty: Bool { buffers.isEmpty }

  /// Keeps a buffer until the requests that lie in it have run.
  func add(_ buffer: InputBuffer) { buffers.append(buffer) }

  /// The requests have run.
  func removeAll() { buffers.removeAll(keepingCapacity: true) }

  func adopt(_ bytes: RawSpan, _ allocator: Allocator) -> StringBlock? {
    guard !buffers.isEmpty, bytes.byteCount >= StringBlock.adoptedByteCountMin else { return nil }
    let start = unsafe bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    for buffer in buffers {
      guard let place = buffer.offset(of: start, count: bytes.byteCount) else { continue }
      let behind = buffer.capacity - place - bytes.byteCount
      guard place <= Arrivals.prefixByteCountMax, behind <= max(4096, bytes.byteCount / 8) else {
        return nil
      }
      let memory = unsafe buffer.giveAway()
      unsafe allocator.adopt(memory)
      return unsafe StringBlock(
        adopted: memory, offset: place, count: bytes.byteCount,
        capacity: bytes.byteCount + behind)
    }
    return nil
  }
}
