// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Where a leader is, as REPLICAOF says.
struct LeaderAddress: Equatable {
  let host: ByteText
  let port: Int
}
