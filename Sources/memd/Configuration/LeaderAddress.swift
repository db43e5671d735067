// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Where a leader is, as REPLICAOF says.
struct LeaderAddress: Equatable {
  let host: ByteText
  let port: Int

  /// Whether text can be the name of a host: nothing that would look like something else where it
  /// is shown.
  static func isHost(_ text: ByteText) -> Bool {
    1...255 ~= text.count && text.bytes.allSatisfy { $0 > 32 && $0 != 127 }
  }
}
