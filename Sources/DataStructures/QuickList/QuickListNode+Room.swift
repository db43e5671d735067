// SPDX-License-Identifier: Apache-2.0

extension Listpack {
  /// Writes the numbers in front of the first entry.
  @inlinable @inline(__always)
  static func writeHeader(byteCount: Int, count: Int, to start: UnsafeMutableRawPointer) {
    let stored = UInt16(truncatingIfNeeded: min(count, unknownCount))
    unsafe start.storeBytes(of: UInt32(truncatingIfNeeded: byteCount).littleEndian, as: UInt32.self)
    unsafe start.storeBytes(of: stored.littleEndian, toByteOffset: 4, as: UInt16.self)
  }
}

extension QuickListNode {
  // MARK: - Both ends

  /// Puts an entry in front of the others; O(1) amortised.
  @inlinable
  func prepend(_ text: RawSpan, form: ListpackForm, limit: Int, allocator: Allocator) {
    willChange(allocator)
    let inserted = form.entryCount
    if lead < inserted { makeRoom(inserted, inFront: true, limit: limit, allocator) }
    let byteCount = listpack.byteCount
    lead &-= inserted
    let start = unsafe block + lead
    count &+= 1
    unsafe Listpack.writeHeader(byteCount: byteCount &+ inserted, count: count, to: start)
    unsafe form.write(text, to: start + Listpack.headerCount)
  }

  /// Puts an entry behind the others; O(1) amortised.
  @inlinable
  func append(_ text: RawSpan, form: ListpackForm, limit: Int, allocator: Allocator) {
    willChange(allocator)
    let inserted = form.entryCount
    var byteCount = listpack.byteCount
    if lead &+ byteCount &+ inserted > capacity {
      makeRoom(inserted, inFront: false, limit: limit, allocator)
    }
    let start = unsafe block + lead
    unsafe form.write(text, to: start + (byteCount &- 1))
    byteCount &+= inserted
    count &+= 1
    unsafe start.storeBytes(of: 0xFF, toByteOffset: byteCount &- 1, as: UInt8.self)
    unsafe Listpack.writeHeader(byteCount: byteCount, count: count, to: start)
  }

  /// Removes the first `removed` entries, which end at `stop`; the others stay where they are.
  @inlinable
  func removeFirst(_ removed: Int, to stop: Int, _ allocator: Allocator) {
    willChange(allocator)
    let byteCount = listpack.byteCount &- (stop &- Listpack.headerCount)
    lead &+= stop &- Listpack.headerCount
    count &-= removed
    unsafe Listpack.writeHeader(byteCount: byteCount, count: count, to: block + lead)
  }

  /// Removes the last `removed` entries, which begin at `position`.
  @inlinable
  func removeLast(_ removed: Int, from position: Int, _ allocator: Allocator) {
    willChange(allocator)
    let start = unsafe block + lead
    unsafe start.storeBytes(of: 0xFF, toByteOffset: position, as: UInt8.self)
    count &-= removed
    unsafe Listpack.writeHeader(byteCount: position &+ 1, count: count, to: start)
  }

  // MARK: - Room

  /// Makes room for `needed` bytes in front of the listpack or behind it.
  ///
  /// A block with much room on the other side is kept, and what room there is goes half to either
  /// side, so that pushing at both ends in turn doesn't move the bytes each time.
  @usableFromInline
  func makeRoom(_ needed: Int, inFront: Bool, limit: Int, _ allocator: Allocator) {
    let byteCount = listpack.byteCount
    let spare = capacity - byteCount
    let wanted = max(byteCount + needed, min(byteCount + byteCount / 2 + 32, limit))
    if spare >= needed, spare >= needed + byteCount / 4 || capacity >= wanted {
      let half = (spare - needed) / 2
      let newLead = inFront ? needed + half : half
      unsafe (block + newLead).copyMemory(from: block + lead, byteCount: byteCount)
      lead = newLead
      return
    }
    move(to: wanted, inFront: inFront, allocator)
  }

  /// Moves the listpack to a block of `wanted` bytes, with all room in front of it or behind.
  @usableFromInline
  func move(to wanted: Int, inFront: Bool, _ allocator: Allocator) {
    precondition(wanted <= Int(UInt32.max), "listpack too large")
    let byteCount = min(listpack.byteCount, wanted)
    let moved = unsafe allocator.allocate(wanted)
    let size = unsafe allocator.allocatedSize(of: wanted, at: moved)
    let newLead = inFront ? size - byteCount : 0
    unsafe (moved + newLead).copyMemory(from: block + lead, byteCount: byteCount)
    unsafe allocator.deallocate(block, byteCount: capacity)
    unsafe block = unsafe moved
    capacity = size
    lead = newLead
  }

  /// Gives back much room; called when no more elements are expected here soon.
  @inlinable
  func trim(_ allocator: Allocator) {
    if isPlain { return }
    let byteCount = listpack.byteCount
    if capacity &- byteCount > byteCount / 16 &+ 8 {
      move(to: byteCount, inFront: false, allocator)
    }
  }
}

/// A node for edits anywhere in its listpack.
@usableFromInline
struct QuickListPack: ListpackOwner {
  /// The node, which stays the same.
  @usableFromInline let node: QuickListNode
  /// Where its block comes from.
  @usableFromInline let allocator: Allocator

  /// Edits `node`; whoever does sets the node's count.
  @inlinable
  init(_ node: QuickListNode, _ allocator: Allocator) {
    node.willChange(allocator)
    self.node = node
    self.allocator = allocator
  }

  /// The node's listpack.
  @inlinable
  var listpack: Listpack { node.listpack }

  /// Makes room behind the listpack, or gives much room back.
  @usableFromInline
  mutating func resize(to byteCount: Int) {
    let old = listpack.byteCount
    if byteCount > old {
      guard node.lead + byteCount > node.capacity else { return }
      node.makeRoom(byteCount - old, inFront: false, limit: byteCount + byteCount / 4, allocator)
    } else if byteCount < node.capacity / 2 {
      node.move(to: byteCount, inFront: false, allocator)
    }
  }
}
