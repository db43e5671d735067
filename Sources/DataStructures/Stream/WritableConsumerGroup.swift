// SPDX-License-Identifier: Apache-2.0

/// A consumer group for whoever may change it, as its stream hands it out.
///
/// A consumer that a function takes is one of this group.
public typealias WritableConsumerGroup = WritableNamedRecord<ConsumerGroupFields>

extension WritableConsumerGroup {
  private var allocator: Allocator { fields.allocator }

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

  /// Makes a consumer whose name is absent.
  public func addConsumer(_ name: RawSpan, seenTime: Int64) -> Consumer {
    willChange()
    let consumer = WritableConsumer(
      ConsumerFields(seenTime: seenTime), name: name, allocator: allocator)
    fields.consumers.insert(consumer, allocator: allocator)
    return consumer.reading
  }

  /// Notes when a consumer has asked for anything.
  public func note(_ consumer: Consumer, seenAt time: Int64) {
    willChange()
    WritableConsumer(owned: consumer).fields.seenTime = time
  }

  /// Notes when a consumer was given an entry.
  public func note(_ consumer: Consumer, activeAt time: Int64) {
    willChange()
    WritableConsumer(owned: consumer).fields.activeTime = time
  }

  /// Removes a consumer with what it has pending; returns how many entries that were, nil if there
  /// is no consumer of that name.
  ///
  /// - Complexity: O(pending entries of the consumer)
  public func removeConsumer(_ name: RawSpan) -> Int? {
    guard fields.consumers.find(name) != nil else { return nil }
    willChange()
    guard let consumer = fields.consumers.remove(name, allocator: allocator) else { return nil }
    let count = consumer.reading.pendingCount
    while let id = consumer.fields.pending.popLast(allocator: allocator) {
      if let position = fields.pending.find(id) {
        fields.pending.remove(at: position, allocator: allocator)
      }
    }
    consumer.free(allocator)
    return count
  }

  // MARK: - Pending entries

  /// Makes an entry pending for `consumer`, whoever had it before.
  public func deliver(_ id: StreamID, to consumer: Consumer, time: Int64, count: Int) {
    willChange()
    if let position = fields.pending.find(id) {
      var entry = fields.pending[position]
      if entry.consumer != consumer {
        dropOwner(of: entry)
        note(id, pendingFor: consumer)
        entry.consumer = consumer
      }
      entry.deliveryTime = time
      entry.deliveryCount = count
      fields.pending[position] = entry
      return
    }
    let entry = PendingEntry(id, consumer: consumer, time: time, count: count)
    fields.pending.insert(entry, allocator: allocator)
    note(id, pendingFor: consumer)
  }

  private func note(_ id: StreamID, pendingFor consumer: Consumer) {
    WritableConsumer(owned: consumer).fields.pending.insert(id, allocator: allocator)
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
      allocator.newerParts.releasedEntries -= 1
      return
    }
    let owner = WritableConsumer(owned: consumer)
    guard let position = owner.fields.pending.find(entry.id) else {
      return assertionFailure("a pending entry is missing at its consumer")
    }
    owner.fields.pending.remove(at: position, allocator: allocator)
  }

  /// Moves the group's last id to `id`, the next entry of its stream that it reads, and counts it
  /// if it can.
  public func advance(to id: StreamID, in stream: Stream) {
    if entriesRead >= 0, lastID >= stream.firstID, !stream.hasTombstones(from: lastID) {
      let read = entriesRead
      entriesRead = stream.possibleEntriesRead(read == .max ? read : read + 1)
    } else if stream.entriesAdded != 0 {
      entriesRead = stream.entriesAdded(through: id).map { Int(clamping: $0) } ?? -1
    }
    lastID = id
  }

  // MARK: - Entries that are given back

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

  private func noteRelease(of id: StreamID, count: Int) -> PendingEntry {
    fields.lastRelease += 1
    allocator.newerParts.releasedEntries += 1
    var entry = PendingEntry(id, consumer: nil, time: 0, count: count)
    entry.releaseNumber = fields.lastRelease
    fields.released.insert(
      ReleasedEntry(number: fields.lastRelease, entry: id), allocator: allocator)
    return entry
  }

  // MARK: - Files

  // A value is read whole before anybody can begin an epoch: what is put in here has just been made
  // and needs no announcement.

  /// Takes in a pending entry of a file, which has no consumer yet; false if it is there already.
  public func restorePending(_ id: StreamID, time: Int64, count: Int) -> Bool {
    guard fields.pending.find(id) == nil else { return false }
    // The time waits where a released entry has its number.
    let entry = PendingEntry(id, consumer: nil, time: time, count: count)
    fields.pending.insert(entry, allocator: allocator)
    return true
  }

  /// Gives a restored entry to its consumer; false if there is none or it has one already.
  public func assignRestored(_ id: StreamID, to consumer: Consumer) -> Bool {
    guard let position = fields.pending.find(id), fields.pending[position].consumer == nil
    else { return false }
    fields.pending[position].consumer = consumer
    note(id, pendingFor: consumer)
    return true
  }

  /// Puts a restored entry among those that were given back, behind the others; false if there is
  /// none, or if it has a consumer or was put there already.
  public func releaseRestored(_ id: StreamID) -> Bool {
    guard let position = fields.pending.find(id), fields.pending[position].consumer == nil
    else { return false }
    let number = StreamID(fields.pending[position].releaseNumber, 0)
    if let place = fields.released.find(number), fields.released[place].entry == id { return false }
    let count = fields.pending[position].deliveryCount
    fields.pending[position] = noteRelease(of: id, count: count)
    return true
  }

  // MARK: - Memory

  /// Frees at most about `budget` pending entries and consumers, counting it down; true when the
  /// group itself is gone.
  func free(budget: inout Int) -> Bool {
    let allocator = self.allocator
    willChange()
    guard fields.pending.drain(budget: &budget, allocator: allocator) else { return false }
    let released = fields.released.count
    let isDrained = fields.released.drain(budget: &budget, allocator: allocator)
    allocator.newerParts.releasedEntries -= released - fields.released.count
    guard isDrained else { return false }
    while fields.consumers.count > 0 {
      let last = WritableConsumer(owned: fields.consumers[fields.consumers.count - 1])
      guard last.fields.pending.drain(budget: &budget, allocator: allocator), budget > 0
      else { return false }
      budget -= 1
      fields.consumers.popLast(allocator: allocator)?.free(allocator)
    }
    freeBlock(allocator)
    return true
  }
}
