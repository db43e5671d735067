// SPDX-License-Identifier: Apache-2.0
//
// A stream is a log of entries, each with an id that is larger than all before, and fields. Entries
// stand in blocks (see StreamNode), the blocks in an ordered index (see OrderedPages). Beside them
// are the consumer groups, sorted by name.
//
// Deleting an entry only marks it in its block; the block goes with its last entry. Trimming drops
// whole blocks from the front, and marks entries only if it is asked to be exact.
//
// What a newcomer gets wrong: `lastID` is the largest id that the stream ever had, which may be
// that of a deleted entry; `lastEntryID` is the largest that is still there.

/// A stream: the address of one block of memory from which everything hangs.
///
/// The handle is copied freely; `free` ends the stream's life.
///
/// - Complexity: adding O(1), looking up an id O(log blocks + entries of a block).
@safe
public struct Stream: Equatable {
  /// The address, never zero.
  public let word: UInt64

  struct Fields: ~Copyable {
    let allocator: Allocator
    var nodes = OrderedPages<StreamNode>()
    var groups = NameTable<ConsumerGroup>()
    var length = 0
    var entriesAdded: UInt64 = 0
    var firstID = StreamID.zero
    var lastID = StreamID.zero
    var maxDeletedID = StreamID.zero
    var producers: ProducerLog?
  }

  /// The stream whose address was kept.
  public init(word: UInt64) {
    assert(word != 0)
    self.word = word
  }

  /// A new empty stream.
  public static func make(_ allocator: Allocator) -> Stream {
    let memory = unsafe allocator.allocate(MemoryLayout<Fields>.size)
    unsafe memory.bindMemory(to: Fields.self, capacity: 1).initialize(
      to: Fields(allocator: allocator))
    return Stream(word: UInt64(UInt(bitPattern: memory)))
  }

  private var pointer: UnsafeMutablePointer<Fields> {
    unsafe UnsafeMutablePointer(bitPattern: UInt(word)).unsafelyUnwrapped
  }

  var fields: Fields {
    unsafeAddress { unsafe UnsafePointer(pointer) }
    nonmutating unsafeMutableAddress { unsafe pointer }
  }

  var allocator: Allocator { fields.allocator }

  /// Bytes for a walk that has no block; never read.
  var placeholder: Listpack { unsafe Listpack(UnsafeMutableRawPointer(pointer)) }

  // MARK: - Figures

  /// Number of entries.
  public var length: Int { fields.length }
  /// Number of blocks.
  public var nodeCount: Int { fields.nodes.count }
  /// Number of pages of the index.
  public var pageCount: Int { fields.nodes.pageCount }
  /// Id of the first entry; 0-0 if there is none.
  public var firstID: StreamID { fields.firstID }

  /// The largest id that an entry ever had, or XSETID said.
  public var lastID: StreamID {
    get { fields.lastID }
    nonmutating set { fields.lastID = newValue }
  }

  /// The largest id that was deleted; trimming does not count.
  public var maxDeletedID: StreamID {
    get { fields.maxDeletedID }
    nonmutating set { fields.maxDeletedID = newValue }
  }

  /// How many entries were ever added, never less than there are; the largest number stays.
  ///
  /// Unsigned as in Redis, which keeps 64 bits of it in files and replies with them as a signed
  /// number.
  public var entriesAdded: UInt64 {
    get { fields.entriesAdded }
    nonmutating set { fields.entriesAdded = max(newValue, UInt64(length)) }
  }

  // MARK: - Entries

  /// The entries with ids of `first` to `last`, which may be in the wrong order: none then.
  public func entries(
    from first: StreamID = .zero, through last: StreamID = .maximum, reversed: Bool = false
  ) -> StreamEntries {
    StreamEntries(self, from: first, through: last, reversed: reversed)
  }

  /// The entry with this id.
  public func entry(_ id: StreamID) -> StreamEntry? {
    var entries = self.entries(from: id, through: id)
    return entries.next()
  }

  /// Id of the last entry that is still there; nil if there is none.
  public var lastEntryID: StreamID? {
    var entries = self.entries(reversed: true)
    return entries.next()?.id
  }

  /// Takes note of what the first entry is now.
  func renewFirstID() {
    var entries = self.entries()
    fields.firstID = entries.next()?.id ?? .zero
  }

  // MARK: - Groups

  /// Number of consumer groups.
  public var groupCount: Int { fields.groups.count }

  /// The group with this number in the order of names.
  public func group(at index: Int) -> ConsumerGroup { fields.groups[index] }

  /// The group with this name.
  public func group(named name: RawSpan) -> ConsumerGroup? { fields.groups.find(name) }

  /// Makes a group; nil if there is one of that name.
  ///
  /// - Parameter entriesRead: how many entries it counts as read; -1: not known.
  @discardableResult
  public func addGroup(
    _ name: RawSpan, lastID: StreamID, entriesRead: Int
  ) -> ConsumerGroup? {
    guard fields.groups.find(name) == nil else { return nil }
    let group = ConsumerGroup.make(
      name, lastID: lastID, entriesRead: entriesRead, allocator: allocator)
    fields.groups.insert(group, name: name, allocator: allocator)
    return group
  }

  /// Takes a group out with all that it knows, as the only thing of a stream that belongs to nobody
  /// and is to be freed; nil if there is none of that name.
  public func detachGroup(_ name: RawSpan) -> Stream? {
    guard let group = fields.groups.remove(name, allocator: allocator) else { return nil }
    let remains = Stream.make(allocator)
    remains.fields.groups.insert(group, name: group.name, allocator: allocator)
    return remains
  }

  // MARK: - Producers

  /// What producers that name their entries have added lately; nil if none ever did.
  public var producers: ProducerLog? { fields.producers }

  /// The same, made if it isn't there.
  public func makeProducers() -> ProducerLog {
    if let log = fields.producers { return log }
    let log = ProducerLog.make(allocator)
    fields.producers = log
    return log
  }

  /// Frees a log of producers that says no more than none would.
  public func dropPristineProducers() {
    guard let log = fields.producers, log.isPristine else { return }
    var budget = Int.max
    _ = log.free(budget: &budget)
    fields.producers = nil
  }

  /// Takes all names out of the log of producers, as the only thing of a stream that belongs to
  /// nobody and is to be freed; nil if there are none.
  public func detachProducers() -> Stream? {
    guard let old = fields.producers, old.count > 0 else { return nil }
    let new = ProducerLog.make(allocator)
    new.duration = old.duration
    new.maxCount = old.maxCount
    new.added = old.added
    new.duplicates = old.duplicates
    fields.producers = new
    let remains = Stream.make(allocator)
    remains.fields.producers = old
    return remains
  }

  // MARK: - Memory

  /// What freeing a block counts in a budget of elements: it costs as much as some small ones.
  private static var blockCost: Int { 8 }

  /// Frees blocks, pending entries and consumers until `budget` is counted down; true
  /// when the stream itself is gone. Nothing else may be done with a stream that is being freed.
  public func free(budget: inout Int) -> Bool {
    let allocator = self.allocator
    while fields.nodes.count > 0 {
      if budget <= 0 { return false }
      budget -= Stream.blockCost
      guard let node = fields.nodes.popLast(allocator: allocator) else { break }
      willFree(node)
      node.block(allocator).free()
    }
    while fields.groups.count > 0 {
      if budget <= 0 { return false }
      let group = fields.groups[fields.groups.count - 1]
      guard group.free(budget: &budget) else { return false }
      _ = fields.groups.popLast(allocator: allocator)
    }
    if let log = fields.producers {
      guard log.free(budget: &budget) else { return false }
      fields.producers = nil
    }
    unsafe allocator.deallocate(pointer, byteCount: MemoryLayout<Fields>.size)
    return true
  }

  /// A stream with the same contents and nothing in common with this one.
  ///
  /// - Complexity: O(bytes)
  public func copied(_ allocator: Allocator) -> Stream {
    let copy = Stream.make(allocator)
    var position = fields.nodes.firstPosition
    while let current = position {
      let node = fields.nodes[current]
      let block = ListpackBlock(copying: node.listpack, allocator: allocator)
      copy.fields.nodes.insert(StreamNode(node.id, block), allocator: allocator)
      position = fields.nodes.next(current)
    }
    copy.fields.length = length
    copy.fields.entriesAdded = entriesAdded
    copy.fields.firstID = firstID
    copy.fields.lastID = lastID
    copy.fields.maxDeletedID = maxDeletedID
    for index in 0..<groupCount {
      let group = self.group(at: index).copied(allocator)
      copy.fields.groups.insert(group, name: group.name, allocator: allocator)
    }
    copy.fields.producers = producers?.copied(allocator)
    return copy
  }

  /// Memory of the stream, in usable bytes.
  ///
  /// - Parameter samples: how many blocks are measured to estimate all; 0 measures all.
  /// - Complexity: O(pages + samples + consumers)
  public func allocatedSize(samples: Int = 0) -> Int {
    let allocator = self.allocator
    var size = unsafe allocator.allocatedSize(of: MemoryLayout<Fields>.size, at: pointer)
    size += fields.nodes.allocatedSize(allocator) + fields.groups.allocatedSize(allocator)
    var blocks = 0
    var measured = 0
    var position = fields.nodes.firstPosition
    while let current = position, samples <= 0 || measured < samples {
      blocks += fields.nodes[current].block(allocator).allocatedSize
      measured += 1
      position = fields.nodes.next(current)
    }
    if measured > 0 { size += Int(Double(blocks) / Double(measured) * Double(nodeCount)) }
    for index in 0..<groupCount { size += group(at: index).allocatedSize(allocator) }
    return size + (producers?.allocatedSize(allocator) ?? 0)
  }
}
