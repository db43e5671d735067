// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A key as a request names it: its bytes and the hash by which every table finds it.
///
/// Borrowed from the bytes; it cannot outlive them.
struct Key: ~Escapable {
  let bytes: RawSpan
  let hash: UInt64

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, hash: UInt64) {
    self.bytes = bytes
    self.hash = hash
  }

  /// Hashes bytes that no request carries (a key read from a file, a key made up by a test).
  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, seed: HashSeed) {
    self.init(bytes, hash: SipHash13.hash(bytes, seed))
  }
}
