// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Received bytes that may become values as they are: who keeps them hands over the whole block
/// that an argument lies in.
protocol ReceivedBlocks: AnyObject {
  /// Makes the block in which `bytes` lie the keyspace's; nil if they lie elsewhere, or if that
  /// block holds much else.
  func adopt(_ bytes: RawSpan, _ allocator: Allocator) -> StringBlock?
}
