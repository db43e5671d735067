// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

extension Server {
  /// Less than this is freed faster than handed over.
  private static let handedOverByteCountMin = 256 << 10

  /// Has the large blocks freed that the turn has collected.
  @inline(never)
  func freeDeferred() {
    guard let blocks = allocator.takeDeferred() else { return }
    if blocks.byteCount < Server.handedOverByteCountMin { return blocks.free() }
    helpers.submit(FreeingJob(blocks))
  }
}

/// Frees blocks beside the loop.
private final class FreeingJob: Job, @unchecked Sendable {
  private var blocks: DeferredBlocks?

  init(_ blocks: DeferredBlocks) { self.blocks = blocks }

  /// A job that was never performed, as the process ends.
  deinit { blocks?.free() }

  override func perform() {
    blocks?.free()
    blocks = nil
  }
}
