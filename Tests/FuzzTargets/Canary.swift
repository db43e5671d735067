// SPDX-License-Identifier: Apache-2.0
// Fuzz modules: DataStructures

import DataStructures

// Proves that fuzzing would notice: writes one byte past a block of the keyspace's allocator as
// soon as the input begins with "mem". `scripts/fuzz Canary` fails if that is NOT found.

private nonisolated(unsafe) let allocator = Allocator.create()

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ data: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  let size = 24
  let block = allocator.allocate(size)
  defer { allocator.deallocate(block, byteCount: size) }
  for (index, letter) in "mem".utf8.enumerated() where index >= count || data[index] != letter {
    return 0
  }
  block.storeBytes(of: 0xFF, toByteOffset: size, as: UInt8.self)
  return 0
}
