// SPDX-License-Identifier: Apache-2.0

/// A consumer group of a stream: how far it has read, its consumers, and what they have pending.
///
/// The address of one block, followed by the bytes of its name. A pending entry costs 48 bytes: 32
/// in the group's sequence, 16 for its id in its consumer's.
@safe
public struct ConsumerGroup: NamedItem, Equatable {
  let word: UInt64

  struct Fields: ~Copyable {
    let allocator: Allocator
    var epoch: UInt8
    var lastID: StreamID
    var entriesRead: Int
    var pending = OrderedPages<PendingEntry>()
    /// The pending entries that no consumer has, those first that were given back first.
    var released = OrderedPages<ReleasedEntry>()
    var lastRelease: UInt64 = 0
    var consumers = NameTable<Consumer>()
    let nameCount: Int
  }

  init(word: UInt64) { self.word = word }

  /// A group without consumers.
  static func make(
    _ name: RawSpan, lastID: StreamID, entriesRead: Int, allocator: Allocator
  ) -> ConsumerGroup {
    let memory = unsafe allocator.allocate(MemoryLayout<Fields>.size + name.byteCount)
    unsafe memory.bindMemory(to: Fields.self, capacity: 1).initialize(
      to: Fields(
        allocator: allocator, epoch: allocator.epoch, lastID: lastID, entriesRead: entriesRead,
        nameCount: name.byteCount))
    unsafe (memory + MemoryLayout<Fields>.size).write(name)
    return ConsumerGroup(word: UInt64(UInt(bitPattern: memory)))
  }

  private var pointer: UnsafeMutablePointer<Fields> {
    // Made from an address by `make`, hence not zero.
    unsafe UnsafeMutablePointer(bitPattern: UInt(word)).unsafelyUnwrapped
  }

  var fields: Fields {
    unsafeAddress { unsafe UnsafePointer(pointer) }
    nonmutating unsafeMutableAddress { unsafe pointer }
  }

  private var allocator: Allocator { fields.allocator }

  /// The name; valid as long as the group.
  public var name: RawSpan {
    @_lifetime(borrow self)
    get {
      let start = unsafe UnsafeRawPointer(pointer) + MemoryLayout<Fields>.size
      let span = unsafe RawSpan(_unsafeStart: start, byteCount: fields.nameCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  func compareName(_ name: RawSpan) -> Int { self.name.compare(name) }

  /// The id of the last entry that was delivered to the group.
  public var lastID: StreamID {
    get { fields.lastID }
    nonmutating set {
      willChange()
      fields.lastID = newValue
    }
  }

  /// How many entries the group has read since the stream began; -1: not known. A number below
  /// that stands for it, too.
  public var entriesRead: Int {
    get { fields.entriesRead }
    nonmutating set {
      willChange()
      fields.entriesRead = max(-1, newValue)
    }
  }

  // MARK: - Consumers

  /// Number of consumers.
  public var consumerCount: Int { fields.consumers.count }

  /// The consumer with this number in the order of names.
  public func consumer(at index: Int) -> Consumer { fields.consumers[index] }

  /// The consumer with this name.
  public func consumer(named name: RawSpan) -> Consumer? { fields.consumers.find(name) }

  /// Makes a consumer whose name is absent.
  public func addConsumer(_ name: RawSpan, seenTime: Int64) -> Consumer {
    willChange()
    let consumer = Consumer.make(name, seenTime: seenTime, allocator: allocator)
    fields.consumers.insert(consumer, name: name, allocator: allocator)
    return consumer
  }

  /// Notes when a consumer has asked for anything.
  public func note(_ consumer: Consumer, seenAt time: Int64) {
    willChange()
    consumer.fields.seenTime = time
  }

  /// Notes when a consumer was given an entry.
  public func note(_ consumer: Consumer, activeAt time: Int64) {
    willChange()
    consumer.fields.activeTime = time
  }

  /// Removes a consumer with what it has pending; returns how many entries that were, nil if there
  /// is no consumer of that name.
  ///
  /// - Complexity: O(pending entries of the consumer)
  public func removeConsumer(_ name: RawSpan) -> Int? {
    guard fields.consumers.find(name) != nil else { return nil }
    willChange()
    guard let consumer = fields.consumers.remove(name, allocator: allocator) else { return nil }
    let count = consumer.pendingCount
    while let id = consumer.fields.pending.popLast(allocator: allocator) {
      if let position = fields.pending.find(id) {
        fields.pending.remove(at: position, allocator: allocator)
      }
    }
    consumer.free(allocator)
    return count
  }

  // MARK: - Pending entries

  /// Number of entries that wait for an acknowledgement.
  public var pendingCount: Int { fields.pending.count }

  /// The pending entry with this id.
  public func pending(_ id: StreamID) -> PendingEntry? {
    fields.pending.find(id).map { fields.pending[$0] }
  }

  /// The first pending entry whose id is not less than `id`.
  public func firstPending(from id: StreamID) -> PendingEntry? {
    fields.pending.lowerBound(id).map { fields.pending[$0] }
  }

  /// The pending entry with the largest id.
  public var lastPending: PendingEntry? { fields.pending.last }

  /// Makes an entry pending for `consumer`, whoever had it before.
  public func deliver(_ id: StreamID, to consumer: Consumer, time: Int64, count: Int) {
    willChange()
    if let position = fields.pending.find(id) {
      var entry = fields.pending[position]
      if entry.consumer != consumer {
        dropOwner(of: entry)
        consumer.fields.pending.insert(id, allocator: allocator)
        entry.consumer = consumer
      }
      entry.deliveryTime = time
      entry.deliveryCount = count
      fields.pending[position] = entry
      return
    }
    let entry = PendingEntry(id, consumer: consumer, time: time, count: count)
    fields.pending.insert(entry, allocator: allocator)
    consumer.fields.pending.insert(id, allocator: allocator)
  }

  /// Forgets a pending entry; false if it is none.
  @discardableResult
  public func acknowledge(_ id: StreamID) -> Bool {
    guard let position = fields.pending.find(id) else { return false }
    willChange()
    dropOwner(of: fields.pending[position])
    fields.pending.remove(at: position, allocator: allocator)
    return true
  }

  /// Takes a pending entry away from its consumer, or out of those that were given back.
  private func dropOwner(of entry: PendingEntry) {
    guard let consumer = entry.consumer else {
      guard let position = fields.released.find(StreamID(entry.releaseNumber, 0)) else {
        return assertionFailure("a pending entry is missing among those that were given back")
      }
      fields.released.remove(at: position, allocator: allocator)
      return
    }
    guard let position = consumer.fields.pending.find(entry.id) else {
      return assertionFailure("a pending entry is missing at its consumer")
    }
    consumer.fields.pending.remove(at: position, allocator: allocator)
  }

  // MARK: - Entries that were given back

  /// Number of pending entries that no consumer has.
  public var releasedCount: Int { fields.released.count }

  /// Takes a pending entry away from its consumer, so that anybody may have it at once; false if it
  /// is not pending. One that was given back before goes behind the others.
  public func release(_ id: StreamID, count: Int) -> Bool {
    guard let position = fields.pending.find(id) else { return false }
    willChange()
    dropOwner(of: fields.pending[position])
    fields.pending[position] = noteRelease(of: id, count: count)
    return true
  }

  /// Makes an entry pending that is not, without a consumer.
  public func addReleased(_ id: StreamID, count: Int) {
    willChange()
    fields.pending.insert(noteRelease(of: id, count: count), allocator: allocator)
  }

  func noteRelease(of id: StreamID, count: Int) -> PendingEntry {
    fields.lastRelease += 1
    var entry = PendingEntry(id, consumer: nil, time: 0, count: count)
    entry.releaseNumber = fields.lastRelease
    fields.released.insert(
      ReleasedEntry(number: fields.lastRelease, entry: id), allocator: allocator)
    return entry
  }

  /// A place in the order of entries that were given back.
  public struct ReleasePlace {
    fileprivate let number: UInt64
    /// The id of the entry.
    public let id: StreamID
  }

  /// The entry that was given back first, or that follows `place`; nil behind the last one.
  public func released(after place: ReleasePlace? = nil) -> ReleasePlace? {
    let first = StreamID((place?.number ?? 0) + 1, 0)
    guard let position = fields.released.lowerBound(first) else { return nil }
    let found = fields.released[position]
    return ReleasePlace(number: found.id.milliseconds, id: found.entry)
  }

  // MARK: - Memory

  private var byteCount: Int { MemoryLayout<Fields>.size + fields.nameCount }

  /// Frees at most about `budget` pending entries and consumers, counting it down; true when the
  /// group itself is gone.
  func free(budget: inout Int) -> Bool {
    let allocator = self.allocator
    willChange()
    guard fields.pending.drain(budget: &budget, allocator: allocator),
      fields.released.drain(budget: &budget, allocator: allocator)
    else { return false }
    while fields.consumers.count > 0 {
      let consumer = fields.consumers[fields.consumers.count - 1]
      guard consumer.fields.pending.drain(budget: &budget, allocator: allocator), budget > 0
      else { return false }
      budget -= 1
      fields.consumers.popLast(allocator: allocator)?.free(allocator)
    }
    unsafe allocator.deallocate(pointer, byteCount: byteCount)
    return true
  }

  /// A group with the same contents and nothing in common with this one.
  func copied(_ allocator: Allocator) -> ConsumerGroup {
    let copy = ConsumerGroup.make(
      name, lastID: lastID, entriesRead: entriesRead, allocator: allocator)
    for index in 0..<consumerCount {
      let consumer = self.consumer(at: index)
      copy.note(
        copy.addConsumer(consumer.name, seenTime: consumer.seenTime),
        activeAt: consumer.activeTime)
    }
    var position = fields.pending.firstPosition
    while let current = position {
      let entry = fields.pending[current]
      if let owner = entry.consumer, let consumer = copy.consumer(named: owner.name) {
        copy.deliver(
          entry.id, to: consumer, time: entry.deliveryTime, count: entry.deliveryCount)
      }
      position = fields.pending.next(current)
    }
    var place = released()
    while let current = place {
      copy.addReleased(current.id, count: pending(current.id)?.deliveryCount ?? 0)
      place = released(after: current)
    }
    return copy
  }

  func allocatedSize(_ allocator: Allocator) -> Int {
    var size = unsafe allocator.allocatedSize(of: byteCount, at: pointer)
    size += fields.pending.allocatedSize(allocator) + fields.consumers.allocatedSize(allocator)
    size += fields.released.allocatedSize(allocator)
    for index in 0..<consumerCount { size += consumer(at: index).allocatedSize(allocator) }
    return size
  }

  /// Stops the process if group and consumers disagree about what is pending.
  func checkInvariants() {
    fields.pending.checkInvariants()
    var total = 0
    for index in 0..<consumerCount {
      let consumer = self.consumer(at: index)
      consumer.fields.pending.checkInvariants()
      total += consumer.pendingCount
      var position = consumer.fields.pending.firstPosition
      while let current = position {
        let id = consumer.fields.pending[current]
        precondition(pending(id)?.consumer == consumer, "owner of a pending entry")
        position = consumer.fields.pending.next(current)
      }
    }
    fields.released.checkInvariants()
    var place = released()
    while let current = place {
      guard let entry = pending(current.id) else { preconditionFailure("a released entry") }
      precondition(entry.consumer == nil, "owner of a released entry")
      precondition(entry.releaseNumber == current.number, "number of a release")
      place = released(after: current)
    }
    precondition(total + releasedCount == pendingCount, "count of pending entries")
  }
}
