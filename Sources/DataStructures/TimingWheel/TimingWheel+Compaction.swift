// SPDX-License-Identifier: Apache-2.0

// Chunks leave sparse slabs slot by slot. A chunk knows its successor only, so the walk remembers
// the chunk before the next one. Lists change at their heads alone: if the remembered chunk
// goes, all before it went too, and the walk goes on at the new head (`removeChunk` sees to that).

extension TimingWheel {
  /// Moves chunks that lie in slabs which compaction wants to empty; true at the end of the walk.
  ///
  /// The walk goes on where the last call stopped. Each chunk looked at takes 1 from `work`, each
  /// one moved 30 more, since every entry with a record in it has to be told.
  @inlinable
  public mutating func leaveSparseSlabs(work: inout Int) -> Bool {
    while work > 0 {
      guard walkPosition < 2 &* WheelSlots.count else {
        walkPosition = 0
        return true
      }
      let isRetired = walkPosition >= WheelSlots.count
      guard let walked = isRetired ? retired : slots else {
        walkPosition = isRetired ? 2 &* WheelSlots.count : WheelSlots.count
        continue
      }
      let slot = isRetired ? walkPosition &- WheelSlots.count : walkPosition
      let address =
        walkPredecessor == 0 ? walked.head(slot) : WheelChunk(address: walkPredecessor).next
      guard address != 0 else {
        walkPosition &+= 1
        walkPredecessor = 0
        continue
      }
      work &-= 1
      var chunk = WheelChunk(address: address)
      if unsafe allocator.isSparse(chunk.words, byteCount: WheelChunk.byteCount) {
        work &-= WheelChunk.capacity
        chunk = moved(chunk)
        if walkPredecessor == 0 {
          walked.setHead(slot, to: chunk.address)
        } else {
          WheelChunk(address: walkPredecessor).setNext(chunk.address)
        }
      }
      walkPredecessor = chunk.address
    }
    return false
  }

  /// Starts the walk of `leaveSparseSlabs` again.
  @inlinable
  mutating func restartWalk() {
    walkPosition = 0
    walkPredecessor = 0
  }

  /// A copy of the chunk elsewhere, known to directory and entries; the old one is freed.
  @inlinable
  func moved(_ old: WheelChunk) -> WheelChunk {
    for position in 0..<old.count { Element(word: old[position]).prefetch() }
    let memory = unsafe allocator.allocate(WheelChunk.byteCount)
    unsafe memory.copyMemory(from: old.words, byteCount: WheelChunk.byteCount)
    let chunk = WheelChunk(address: UInt64(UInt(bitPattern: memory)))
    unsafe directory.unsafelyUnwrapped[chunk.directoryIndex] = chunk.address
    for position in 0..<chunk.count {
      Element(word: chunk[position]).wheelRecord = chunk.note(position: position)
    }
    unsafe allocator.deallocate(
      UnsafeMutableRawPointer(old.words), byteCount: WheelChunk.byteCount)
    return chunk
  }
}
