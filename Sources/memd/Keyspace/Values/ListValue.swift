// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A view on an entry of this type.
struct ListValue: CollectionValue {
  let entry: Entry

  init(_ entry: Entry) { self.entry = entry }

  var count: Int { 0 }

  static func free(
    encoding: UInt8, word: UInt64, budget: inout Int, allocator: Allocator
  ) -> Bool { true }

  func copiedWord(_ allocator: Allocator, seed: HashSeed) -> UInt64 { entry.valueWord }

  func allocatedSize(_ allocator: Allocator, samples: Int) -> Int { 0 }

  func mix(into digest: inout DatasetDigest) {}
}
