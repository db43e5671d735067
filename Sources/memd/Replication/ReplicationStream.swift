// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The stream of effects: everything that changes the dataset, as RESP commands at known offsets.
///
/// Written by `Effects` alone, read by cursors, and at the end of a turn only. The bytes lie in a
/// chain of blocks that all readers share, so a hundred followers cost one copy:
///
///     offset  firstOffset                     cursor                   offset
///                 v                             v                         v
///          +-----------------+-----------------+-----------------+-------------- - - -+
///          | 64 KB           | 64 KB           | 64 KB           | the block written  |
///          +-----------------+-----------------+-----------------+-------------- - - -+
///
/// Byte `n` (the first is number 1) lies in block `(n - 1) / 64 KB`, wherever that is in memory.
/// Blocks are given back when they hold neither the history that is to be kept (`capacity`) nor
/// anything that a cursor has not passed.
///
/// A follower's stream is its leader's, byte by byte. When it becomes a leader the history goes on
/// under another name; the old one stays known up to where the new one begins.
@safe
final class ReplicationStream {
  /// 40 hexadecimal digits that name this history of the dataset.
  private(set) var replicationID: String
  /// The name that this history had before, and the offset of the first byte that is no longer of
  /// that one; no name and -1 if it never had another.
  private(set) var secondID = ReplicationStream.noID
  private(set) var secondOffset = -1
  /// Whether others may know `replicationID`: it came from them, or somebody follows.
  private(set) var isIDKnown = false
  /// Bytes of the stream so far (`master_repl_offset`).
  private(set) var offset = 0
  /// Bytes of history that are kept for whoever comes back (`repl-backlog-size`).
  private(set) var capacity: Int
  /// Whether history is kept for them; without followers it isn't for ever (`repl-backlog-ttl`).
  private(set) var keepsHistory = true
  /// The offset behind which it is.
  private var historyOffset = 0

  /// The memory of one block.
  @safe
  private struct Block {
    let start: UnsafeMutableRawPointer

    /// Not counted as the dataset's memory: `capacity` is, from the start.
    init() { unsafe start = Allocator.allocateUncounted(ReplicationStream.blockByteCount) }

    func free() { unsafe Allocator.freeUncounted(start) }
  }

  /// The offset behind which everything was written here or received.
  private var startOffset = 0
  /// The blocks, the oldest first, and the number of that one.
  private var blocks: [Block] = []
  private var firstBlock = 0
  /// A block that was given back and is used again: in the long run nothing is allocated.
  private var spare: Block?
  /// The start of the last block, and how much of it is written.
  private var tail: UnsafeMutableRawPointer?
  private var tailCount = ReplicationStream.blockByteCount
  private var cursors: [StreamCursor] = []

  static let blockByteCount = 64 << 10
  /// Offsets from elsewhere may be as large as this: what follows can't overflow.
  static let offsetMax = Int.max / 2
  /// What stands for no history.
  static let noID = String(repeating: "0", count: 40)
  /// The least history; smaller settings are raised to it, as in Redis.
  static let capacityMin = 16 << 10

  init(capacity: Int, replicationID: String) {
    self.capacity = max(capacity, ReplicationStream.capacityMin)
    self.replicationID = replicationID
    unsafe tail = nil
  }

  deinit {
    for block in blocks { block.free() }
    spare?.free()
  }

  // MARK: - Figures

  /// Offset of the oldest byte that is still here.
  var firstOffset: Int { max(firstBlock * ReplicationStream.blockByteCount, startOffset) + 1 }
  /// Offset of the oldest byte from which somebody may go on.
  var firstHistoryOffset: Int {
    // What the slowest reader keeps serves others, too.
    let kept = cursors.reduce(offset - capacity) { min($0, $1.position) }
    return max(firstOffset, historyOffset + 1, kept + 1)
  }
  /// Bytes of history for whoever comes back.
  var historyCount: Int { keepsHistory ? offset - firstHistoryOffset + 1 : 0 }
  /// Memory of the blocks.
  var byteCount: Int {
    (blocks.count + (spare == nil ? 0 : 1)) * ReplicationStream.blockByteCount
  }
  /// Memory of what is kept only because a reader has not passed it.
  var byteCountForReaders: Int { max(0, byteCount - capacity - ReplicationStream.blockByteCount) }

  // MARK: - Writing

  /// Adds bytes to the stream.
  @inline(__always)
  func append(_ bytes: RawSpan) {
    let count = bytes.byteCount
    guard count <= ReplicationStream.blockByteCount &- tailCount, let tail = unsafe tail else {
      return appendAcross(bytes)
    }
    unsafe (tail + tailCount).copy(bytes)
    tailCount &+= count
    offset &+= count
  }

  /// The bytes reach beyond the last block.
  @inline(never)
  private func appendAcross(_ bytes: RawSpan) {
    var start = 0
    while start < bytes.byteCount {
      if tailCount == ReplicationStream.blockByteCount { addBlock() }
      guard let tail = unsafe tail else { return }
      let count = min(bytes.byteCount - start, ReplicationStream.blockByteCount - tailCount)
      unsafe (tail + tailCount).copy(bytes.extracting(start..<(start + count)))
      tailCount += count
      offset += count
      start += count
    }
  }

  private func addBlock() {
    let block = spare ?? Block()
    spare = nil
    blocks.append(block)
    unsafe tail = block.start
    tailCount = 0
  }

  /// Gives the history another name: nobody can go on from it any more (DEBUG CHANGE-REPL-ID).
  func rename(_ newID: String) {
    replicationID = newID
    secondID = ReplicationStream.noID
    secondOffset = -1
    isIDKnown = false
  }

  /// Whether text has the form of a name: 40 hexadecimal digits.
  static func isID(_ text: ByteText) -> Bool {
    text.count == 40
      && text.bytes.allSatisfy { 48...57 ~= $0 || 97...102 ~= $0 }
  }

  /// Goes on under another name; whoever knows the old one can go on, too.
  ///
  /// - Parameter isKnown: whether the new name comes from another server.
  func continueHistory(as newID: String, isKnown: Bool) {
    // What the history was called before serves longer than a name that nobody has heard.
    if isIDKnown || secondID == ReplicationStream.noID {
      secondID = replicationID
      secondOffset = offset + 1
    }
    replicationID = newID
    isIDKnown = isKnown
  }

  /// Whether others may have a part of the history, even if there is no byte of it yet.
  var isShared: Bool { isIDKnown || secondID != ReplicationStream.noID }

  /// Somebody follows, or a snapshot tells of the name: from now on it is known.
  func makeIDKnown() { isIDKnown = true }

  /// Whether all behind `position` came under a name that nobody has heard, while others may know
  /// the one that the history had before.
  func isUnheard(behind position: Int) -> Bool {
    !isIDKnown && secondID != ReplicationStream.noID && position < secondOffset
  }

  /// Drops what has come since the history has a name that nobody has heard: it ends where it had
  /// the one before, and has that again.
  func returnToFormerName() {
    precondition(isUnheard(behind: secondOffset - 1), "somebody may have what is to be dropped")
    let end = secondOffset - 1
    if holds(behind: end) {
      replicationID = secondID
      secondID = ReplicationStream.noID
      secondOffset = -1
      isIDKnown = true
      truncate(to: end)
    } else {
      restart(as: secondID, at: end)
    }
  }

  /// Takes back what stands behind an offset.
  private func truncate(to newOffset: Int) {
    let count = ReplicationStream.blockByteCount
    let keptCount = (newOffset + count - 1) / count - firstBlock
    for block in blocks[keptCount...] { block.free() }
    blocks.removeSubrange(keptCount...)
    offset = newOffset
    unsafe tail = blocks.last?.start
    tailCount = newOffset % count == 0 ? count : newOffset % count
    for cursor in cursors where cursor.position > offset {
      cursor.advance(offset - cursor.position)
    }
  }

  /// Becomes another server's history at an offset. Nothing of the old one is here any more;
  /// cursors that are kept stand at the end.
  func restart(as newID: String, at newOffset: Int) {
    replicationID = newID
    isIDKnown = true
    secondID = ReplicationStream.noID
    secondOffset = -1
    for block in blocks { block.free() }
    blocks.removeAll()
    startOffset = newOffset
    offset = newOffset
    historyOffset = 0
    firstBlock = newOffset / ReplicationStream.blockByteCount
    tailCount = ReplicationStream.blockByteCount
    unsafe tail = nil
    let begun = newOffset % ReplicationStream.blockByteCount
    if begun > 0 {
      addBlock()
      tailCount = begun
    }
    for cursor in cursors { cursor.advance(offset - cursor.position) }
  }

  /// Whether somebody who has `id` up to an offset can go on from there.
  func continues(_ id: RawSpan, behind position: Int) -> Bool {
    guard keepsHistory, position >= firstHistoryOffset - 1, position <= offset else {
      return false
    }
    let name = id.copied.map { 65...90 ~= $0 ? $0 | 32 : $0 }
    if replicationID.utf8.elementsEqual(name) { return true }
    return secondID.utf8.elementsEqual(name) && position < secondOffset
      && secondID != ReplicationStream.noID
  }

  /// Nobody has followed for long: nobody can go on from what is here, and it is not kept.
  func forgetHistory(as newID: String) {
    rename(newID)
    keepsHistory = false
    trim()
  }

  /// Keeps what follows for whoever comes back.
  func beginHistory() {
    keepsHistory = true
    historyOffset = offset
  }

  /// Keeps another length of history from now on.
  func resize(to newCapacity: Int) {
    capacity = max(newCapacity, ReplicationStream.capacityMin)
    trim()
  }

  /// Gives blocks back that nobody needs any more; called when a turn's bytes have been read.
  func trim() {
    var needed = offset - (keepsHistory ? capacity : 0)
    for cursor in cursors where cursor.position < needed { needed = cursor.position }
    let count = min(
      needed / ReplicationStream.blockByteCount - firstBlock, blocks.count - 1)
    guard count > 0 else { return }
    for block in blocks.prefix(count) {
      if spare == nil { spare = block } else { block.free() }
    }
    blocks.removeFirst(count)
    firstBlock += count
  }

  // MARK: - Reading

  /// A new reader that gets everything from now on.
  func makeCursor() -> StreamCursor { makeCursor(at: offset) }

  /// A new reader that gets everything behind `position`, which must be here.
  func makeCursor(at position: Int) -> StreamCursor {
    precondition(holds(behind: position), "the stream no longer has what is to be read")
    let cursor = StreamCursor(self, at: position)
    cursors.append(cursor)
    return cursor
  }

  /// The reader is gone: nothing is kept for it any more.
  func remove(_ cursor: StreamCursor) { cursors.removeAll { $0 === cursor } }

  /// True if all bytes behind `position` are still here.
  func holds(behind position: Int) -> Bool { position >= firstOffset - 1 && position <= offset }

  /// Bytes behind `position` that lie together, at least one if there is any; valid until the next
  /// append or trim. They must be here.
  @_lifetime(borrow self)
  func bytes(behind position: Int) -> RawSpan {
    precondition(holds(behind: position), "the stream no longer has what is to be read")
    guard position < offset else { return RawSpan() }
    let start = position % ReplicationStream.blockByteCount
    let index = position / ReplicationStream.blockByteCount - firstBlock
    let count = min(offset - position, ReplicationStream.blockByteCount - start)
    let span = unsafe RawSpan(_unsafeStart: blocks[index].start + start, byteCount: count)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// A copy of everything behind `position`, which must be here.
  func copy(behind position: Int) -> [UInt8] {
    var copy: [UInt8] = []
    var next = position
    while next < offset {
      let part = bytes(behind: next)
      copy += part.copied
      next += part.byteCount
    }
    return copy
  }
}

/// How far one reader of the stream has come.
final class StreamCursor {
  /// Bytes of the stream that the reader has had.
  private(set) var position: Int
  private unowned let stream: ReplicationStream

  fileprivate init(_ stream: ReplicationStream, at position: Int) {
    self.stream = stream
    self.position = position
  }

  /// Bytes that the reader has not had.
  var pendingCount: Int { stream.offset - position }

  /// The reader has had so many bytes more.
  func advance(_ count: Int) { position += count }
}
