// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// Where an encoder's bytes go.
protocol SnapshotSink: AnyObject {
  func write(_ bytes: RawSpan) throws(DiskError)
}

/// Keeps the bytes of a snapshot until somebody takes them.
final class SnapshotMemory: SnapshotSink {
  private var bytes: [UInt8] = []

  func write(_ bytes: RawSpan) { self.bytes += bytes.copied }

  /// What was written since this was called last.
  func take() -> [UInt8] {
    defer { bytes = [] }
    return bytes
  }
}
