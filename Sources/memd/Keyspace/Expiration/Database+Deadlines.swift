// SPDX-License-Identifier: Apache-2.0

import DataStructures

extension Database {
  /// The deadline of a key in milliseconds since 1970; nil if it has none or isn't there.
  func deadline(of bytes: RawSpan) -> Int64? {
    contents.table.find(bytes, hash: SipHash13.hash(bytes, seed))?.deadlineIfAny
  }

  /// Removes a key if it is due, though it would only be hidden.
  func expireNow(_ bytes: RawSpan) {
    let key = Key(bytes, seed: seed)
    guard let entry = contents.table.find(key.bytes, hash: key.hash), isDue(entry) else { return }
    expire(entry, key)
  }
}
