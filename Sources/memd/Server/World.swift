// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// Everything outside the server that its behaviour depends on, so that a whole server can be
/// simulated from a seed. Only figures to report are asked of the system directly (`ProcessFacts`).
struct World {
  let clock: Clock
  let transport: Transport
  let disk: Disk
  let helpers: Helpers
  /// Seeds hashing, sampling and identities.
  let seed: UInt64
  /// Randomness for passwords (ACL GENPASS), which nobody may be able to guess.
  var secretWord: () -> UInt64 = { .random(in: .min ... .max) }
  /// Finds hosts by their names.
  var names = NameResolver()
  /// Bytes of memory that the system could still give; a simulated one has no end.
  var availableMemory: () -> Int = { .max }
}
