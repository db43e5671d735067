// SPDX-License-Identifier: Apache-2.0

/// A stream for whoever may change it: the owner of a new one, or of an entry opened for writing.
///
/// The handle is copied freely; `free` ends the stream's life.
///
/// - Complexity: adding O(1), deleting and trimming as looking up.
@safe
public struct WritableStream {
  /// The same stream for whoever reads.
  public let reading: Stream

  /// The address, never zero.
  public var word: UInt64 { reading.word }

  /// A stream that belongs to the caller: that of an entry opened for writing, or one that is
  /// unlinked.
  public init(owned word: UInt64) { reading = Stream(word: word) }

  /// A new empty stream.
  public static func make(_ allocator: Allocator) -> WritableStream {
    let memory = unsafe allocator.allocate(MemoryLayout<Stream.Fields>.size)
    unsafe memory.initializeMemory(
      as: Stream.Fields.self, to: Stream.Fields(allocator: allocator))
    return WritableStream(owned: UInt64(UInt(bitPattern: memory)))
  }

  private var pointer: UnsafeMutablePointer<Stream.Fields> {
    // Made from an address by `make`, hence not zero.
    unsafe UnsafeMutablePointer(bitPattern: UInt(word)).unsafelyUnwrapped
  }

  var fields: Stream.Fields {
    unsafeAddress { unsafe UnsafePointer(pointer) }
    nonmutating unsafeMutableAddress { unsafe pointer }
  }

  var allocator: Allocator { fields.allocator }

  // MARK: - Figures

  /// Sets the id behind which the next entry comes; no entry may be behind it.
  ///
  /// It may be set back in front of deleted entries: their marks go, as their ids may come again.
  public func setLastID(_ id: StreamID) {
    if let last = fields.nodes.last, last.lastID > id { dropMarks(behind: id) }
    fields.lastID = id
  }

  /// The largest id that was deleted; trimming does not count.
  public var maxDeletedID: StreamID {
    get { fields.maxDeletedID }
    nonmutating set { fields.maxDeletedID = newValue }
  }

  /// How many entries were ever added, never less than there are; the largest number stays.
  public var entriesAdded: UInt64 {
    get { fields.entriesAdded }
    nonmutating set { fields.entriesAdded = max(newValue, UInt64(fields.length)) }
  }

  /// Takes note of what the first entry is now.
  func renewFirstID() {
    var entries = reading.entries()
    fields.firstID = entries.next()?.id ?? .zero
  }

  // MARK: - Groups

  /// The group with this number in the order of names.
  public func group(at index: Int) -> WritableConsumerGroup {
    WritableConsumerGroup(owned: fields.groups[index])
  }

  /// The group with this name.
  public func group(named name: RawSpan) -> WritableConsumerGroup? {
    fields.groups.find(name).map { WritableConsumerGroup(owned: $0) }
  }

  /// Makes a group; nil if there is one of that name.
  ///
  /// - Parameter entriesRead: how many entries it counts as read; -1: not known.
  @discardableResult
  public func addGroup(
    _ name: RawSpan, lastID: StreamID, entriesRead: Int
  ) -> WritableConsumerGroup? {
    guard fields.groups.find(name) == nil else { return nil }
    let group = WritableConsumerGroup(
      ConsumerGroupFields(lastID: lastID, entriesRead: entriesRead, allocator: allocator),
      name: name, allocator: allocator)
    fields.groups.insert(group, allocator: allocator)
    return group
  }

  /// Takes a group out with all that it knows, as the only thing of a stream that belongs to nobody
  /// and is to be freed; nil if there is none of that name.
  public func detachGroup(_ name: RawSpan) -> WritableStream? {
    guard let group = fields.groups.remove(name, allocator: allocator) else { return nil }
    let remains = WritableStream.make(allocator)
    remains.fields.groups.insert(group, allocator: allocator)
    return remains
  }

  // MARK: - Producers

  /// What producers that name their entries have added lately; nil if none ever did.
  public var producers: WritableProducerLog? {
    fields.producers.map { WritableProducerLog(owned: $0) }
  }

  /// The same, made if it isn't there.
  public func makeProducers() -> WritableProducerLog {
    if let producers { return producers }
    let log = WritableProducerLog.make(allocator)
    fields.producers = log.reading
    return log
  }

  /// Frees a log of producers that says no more than none would.
  public func dropPristineProducers() {
    guard let producers, producers.reading.isPristine else { return }
    var budget = Int.max
    _ = producers.free(budget: &budget)
    fields.producers = nil
  }

  /// Takes all names out of the log of producers, as the only thing of a stream that belongs to
  /// nobody and is to be freed; nil if there are none.
  public func detachProducers() -> WritableStream? {
    guard let old = fields.producers, old.count > 0 else { return nil }
    let new = WritableProducerLog.make(allocator)
    new.duration = old.duration
    new.maxCount = old.maxCount
    new.added = old.added
    new.duplicates = old.duplicates
    fields.producers = new.reading
    let remains = WritableStream.make(allocator)
    remains.fields.producers = old
    return remains
  }

  // MARK: - Files

  /// Puts a block of a file behind all others and counts its entries; false if it is damaged.
  ///
  /// The caller sets `lastID`, `entriesAdded` and `maxDeletedID`.
  public func appendNode(_ id: StreamID, _ bytes: RawSpan) -> Bool {
    // A value is read whole before anybody can begin an epoch: it needs no announcement.
    guard Listpack.isValid(bytes) else { return false }
    let listpack = Listpack(validated: bytes)
    var previous: StreamID?
    if let last = fields.nodes.last {
      previous = last.lastID
      guard last.id < id, last.lastID < id else { return false }
    }
    guard let check = StreamNodeCheck(listpack, id: id, behind: previous), check.liveCount > 0
    else { return false }
    let block = ListpackBlock(copying: listpack, allocator: allocator)
    let node = StreamNode(id, block)
    fields.nodes.insert(node, allocator: allocator)
    fields.length += check.liveCount
    if fields.firstID == .zero { renewFirstID() }
    fields.lastID = max(fields.lastID, node.lastID)
    return true
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
      budget -= WritableStream.blockCost
      guard let node = fields.nodes.popLast(allocator: allocator) else { break }
      willFree(node)
      node.block(allocator).free()
    }
    while fields.groups.count > 0 {
      if budget <= 0 { return false }
      guard group(at: fields.groups.count - 1).free(budget: &budget) else { return false }
      _ = fields.groups.popLast(allocator: allocator)
    }
    if let producers {
      guard producers.free(budget: &budget) else { return false }
      fields.producers = nil
    }
    unsafe allocator.deallocate(pointer, byteCount: MemoryLayout<Stream.Fields>.size)
    return true
  }
}
