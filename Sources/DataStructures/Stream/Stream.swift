// SPDX-License-Identifier: Apache-2.0
//
// A stream is a log of entries, each with an id that is larger than all before, and fields. Entries
// stand in blocks (see StreamNode), the blocks in an ordered index (see OrderedPages). Beside them
// are the consumer groups, sorted by name.
//
// Deleting an entry only marks it in its block; the block goes with its last entry. Trimming drops
// whole blocks from the front, and marks entries only if it is asked to be exact.
//
// What a newcomer gets wrong: behind `lastID` the next entry comes; it may be the id of a deleted
// entry, or what XSETID said; `lastEntryID` is the largest that is still there.

/// A stream, to be read only: the address of one block of memory from which everything hangs.
///
/// Groups, consumers, pending entries and producers that it leads to can't be changed either; a
/// `WritableStream` can.
///
/// - Complexity: looking up an id O(log blocks + entries of a block).
@safe
public struct Stream: Equatable {
  /// The address, never zero.
  public let word: UInt64

  struct Fields: ~Copyable {
    let allocator: Allocator
    var nodes = OrderedPages<StreamNode>()
    var groups = NameTable<ConsumerGroupFields>()
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

  private var pointer: UnsafePointer<Fields> {
    // Made from an address by `WritableStream`, hence not zero.
    unsafe UnsafePointer(bitPattern: UInt(word)).unsafelyUnwrapped
  }

  var fields: Fields { unsafeAddress { unsafe pointer } }

  var allocator: Allocator { fields.allocator }

  /// Bytes for a walk that has no block; never read.
  var placeholder: Listpack { unsafe Listpack(UnsafeMutableRawPointer(mutating: pointer)) }

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
  public var lastID: StreamID { fields.lastID }
  /// The largest id that was deleted; trimming does not count.
  public var maxDeletedID: StreamID { fields.maxDeletedID }

  /// How many entries were ever added, never less than there are; the largest number stays.
  ///
  /// Unsigned as in Redis, which keeps 64 bits of it in files and replies with them as a signed
  /// number.
  public var entriesAdded: UInt64 { fields.entriesAdded }

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

  // MARK: - Groups

  /// Number of consumer groups.
  public var groupCount: Int { fields.groups.count }

  /// The group with this number in the order of names.
  public func group(at index: Int) -> ConsumerGroup { fields.groups[index] }

  /// The group with this name.
  public func group(named name: RawSpan) -> ConsumerGroup? { fields.groups.find(name) }

  // MARK: - Producers

  /// What producers that name their entries have added lately; nil if none ever did.
  public var producers: ProducerLog? { fields.producers }

  // MARK: - Memory

  /// A stream with the same contents and nothing in common with this one.
  ///
  /// - Complexity: O(bytes)
  public func copied(_ allocator: Allocator) -> WritableStream {
    let copy = WritableStream.make(allocator)
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
      copy.fields.groups.insert(group(at: index).copied(allocator), allocator: allocator)
    }
    copy.fields.producers = producers?.copied(allocator).reading
    return copy
  }

  /// Memory of the stream, in usable bytes.
  ///
  /// - Parameter samples: how many blocks are measured to estimate all; 0 measures all.
  /// - Complexity: O(pages + samples + consumers)
  public func allocatedSize(samples: Int = 0) -> Int {
    let allocator = self.allocator
    var size = unsafe allocator.allocatedSize(
      of: MemoryLayout<Fields>.size, at: UnsafeMutableRawPointer(mutating: pointer))
    size += fields.nodes.allocatedSize(allocator, samples: samples)
    size += fields.groups.allocatedSize(allocator)
    var blocks = 0
    var measured = 0
    var position = fields.nodes.firstPosition
    while let current = position, samples <= 0 || measured < samples {
      blocks += fields.nodes[current].block(allocator).allocatedSize
      measured += 1
      position = fields.nodes.next(current)
    }
    if measured > 0 { size += Int(Double(blocks) / Double(measured) * Double(nodeCount)) }
    size += SampledSum.of(groupCount, samples: samples) {
      group(at: $0).allocatedSize(allocator, samples: samples)
    }
    return size + (producers?.allocatedSize(allocator, samples: samples) ?? 0)
  }
}
