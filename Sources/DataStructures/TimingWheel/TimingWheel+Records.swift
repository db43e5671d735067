// SPDX-License-Identifier: Apache-2.0

// How records enter and leave slots. The slot of a chunk names the bank in bit 15, so that a record
// can be taken out whether its slots are in use or retired.

extension TimingWheel {
  /// The slots that a chunk's slot reference belongs to.
  @inlinable @inline(__always)
  func slots(of reference: Int) -> WheelSlots {
    let isActive = reference & WheelReference.bankBit == bank
    // A chunk hangs in one of the two, so that one exists.
    return unsafe (isActive ? slots : retired).unsafelyUnwrapped
  }

  /// Files a record of the element in the slot of its deadline.
  @inlinable
  mutating func file(_ element: Element, deadline: Int64) {
    let time = max(min(deadline, WheelTime.latest), clock)
    let level = WheelTime.level(of: time, clock: clock)
    if level < WheelSlots.levels {
      let number = WheelTime.number(time, level: level)
      append(element, to: WheelTime.slot(number, level: level))
    } else {
      let isEmpty = slots.map { $0.head(overflow) == 0 } ?? true
      overflowFloor = isEmpty ? time : min(overflowFloor, time)
      append(element, to: overflow)
    }
  }

  /// Appends a record to a slot in use and notes its place in the entry.
  @inlinable @inline(__always)
  mutating func append(_ element: Element, to slot: Int) {
    if slots == nil { slots = WheelSlots(allocator: allocator) }
    let slots = unsafe slots.unsafelyUnwrapped
    var address = slots.head(slot)
    if address == 0 || WheelChunk(address: address).count == WheelChunk.capacity {
      address = addChunk(to: slot, before: address)
      slots.setHead(slot, to: address)
    }
    let chunk = WheelChunk(address: address)
    let position = chunk.count
    chunk[position] = element.word
    chunk.count = position &+ 1
    element.wheelRecord = chunk.note(position: position)
  }

  /// Takes the element's record out; the slot's last record fills the gap.
  @inlinable
  mutating func removeRecord(of element: Element) {
    let note = element.wheelRecord
    assert(note != 0, "the element is in no wheel")
    let chunk = WheelChunk(address: note)
    let position = WheelChunk.position(of: note)
    assert(chunk[position] == element.word, "the element's entry has moved")
    let reference = chunk.slot
    let head = WheelChunk(address: slots(of: reference).head(reference & ~WheelReference.bankBit))
    let last = head.count &- 1
    if head != chunk || position != last {
      let word = head[last]
      chunk[position] = word
      Element(word: word).wheelRecord = note
    }
    dropLast(of: head, slot: reference)
  }

  /// Forgets the last record of a slot's first chunk, and the chunk if it was the only one.
  @inlinable @inline(__always)
  mutating func dropLast(of head: WheelChunk, slot reference: Int) {
    let count = head.count &- 1
    head.count = count
    guard count == 0 else { return }
    slots(of: reference).setHead(reference & ~WheelReference.bankBit, to: head.next)
    removeChunk(head)
  }

  /// A new chunk for a slot in use, listed in the directory; its address.
  @inlinable @inline(never)
  mutating func addChunk(to slot: Int, before next: UInt64) -> UInt64 {
    if chunkCount == directoryCapacity {
      resizeDirectory(to: directoryCapacity + directoryCapacity / 4 + 8)
    }
    let memory = unsafe allocator.allocate(WheelChunk.byteCount)
    let chunk = unsafe WheelChunk(
      memory: memory, slot: slot | bank, next: next, directoryIndex: chunkCount)
    unsafe directory.unsafelyUnwrapped[chunkCount] = chunk.address
    chunkCount += 1
    return chunk.address
  }

  /// Frees a chunk that no slot leads to any more; the directory's last one takes its place.
  @inlinable @inline(never)
  mutating func removeChunk(_ chunk: WheelChunk) {
    let index = chunk.directoryIndex
    if chunk.address == walkPredecessor { walkPredecessor = 0 }
    chunkCount -= 1
    let directory = unsafe directory.unsafelyUnwrapped
    if index != chunkCount {
      let last = unsafe directory[chunkCount]
      unsafe directory[index] = last
      WheelChunk(address: last).directoryIndex = index
    }
    unsafe allocator.deallocate(
      UnsafeMutableRawPointer(chunk.words), byteCount: WheelChunk.byteCount)
    if directoryCapacity > 64, chunkCount < directoryCapacity / 4 {
      resizeDirectory(to: directoryCapacity / 2)
    }
  }

  /// Gives the directory room for `capacity` chunks.
  @inlinable @inline(never)
  mutating func resizeDirectory(to capacity: Int) {
    let memory: UnsafeMutableRawPointer
    if let directory = unsafe directory {
      unsafe memory = allocator.reallocate(
        UnsafeMutableRawPointer(directory), from: directoryCapacity &* 8, to: capacity &* 8)
    } else {
      unsafe memory = allocator.allocate(capacity &* 8)
    }
    unsafe directory = memory.assumingMemoryBound(to: UInt64.self)
    directoryCapacity = capacity
  }
}

/// The slot reference of a chunk.
@usableFromInline
enum WheelReference {
  /// The bit that tells the bank of slots; the others are the slot's index.
  @inlinable static var bankBit: Int { 0x8000 }
}
