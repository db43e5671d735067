// SPDX-License-Identifier: Apache-2.0

import DataStructures

extension Entry {
  /// Moves the block that the value's word refers to, if it lies in a sparse slab; true if it has
  /// moved, nil if there is no such block.
  ///
  /// Nobody but the entry knows where the block is: large forms refer to nothing inside of it.
  func moveValueFromSparseSlab(_ allocator: Allocator) -> Bool? {
    guard let count = valueBlockByteCount,
      let block = unsafe UnsafeMutableRawPointer(bitPattern: UInt(valueWord))
    else { return nil }
    guard unsafe allocator.isSparse(block, byteCount: count) else { return false }
    let target = unsafe allocator.allocate(count)
    unsafe target.copyMemory(from: block, byteCount: count)
    unsafe allocator.deallocate(block, byteCount: count)
    valueWord = UInt64(UInt(bitPattern: target))
    return true
  }

  /// Bytes of that block; a stream stays where it is.
  private var valueBlockByteCount: Int? {
    let header = self.header
    if header.isEmbedded { return nil }
    if header.isString {
      guard header.encoding == StringEncoding.block.rawValue else { return nil }
      return StringBlock(word: valueWord).byteCount
    }
    if CollectionEncoding.isPacked(header.encoding) {
      return PackedBlock(word: valueWord).byteCount
    }
    return switch header.type {
    case .string, .stream: nil
    case .list: MemoryLayout<QuickList>.size
    case .set: MemoryLayout<HashTable<SetMember>>.size
    case .sortedSet: MemoryLayout<SortedSet>.size
    case .hash: MemoryLayout<FieldTable>.size
    }
  }
}
