// SPDX-License-Identifier: Apache-2.0

/// A consumer group of a stream, to be read only: how far it has read, its consumers, and what they
/// have pending.
///
/// A pending entry costs 48 bytes: 32 in the group's sequence, 16 for its id in its consumer's.
public typealias ConsumerGroup = NamedRecord<ConsumerGroupFields>

/// What a stream knows of a group.
public struct ConsumerGroupFields: ~Copyable {
  let allocator: Allocator
  var epoch: UInt8
  var lastID: StreamID
  var entriesRead: Int
  var pending = OrderedPages<PendingEntry>()
  /// The pending entries that no consumer has, those first that were given back first.
  var released = OrderedPages<ReleasedEntry>()
  var lastRelease: UInt64 = 0
  var consumers = NameTable<ConsumerFields>()

  init(lastID: StreamID, entriesRead: Int, allocator: Allocator) {
    self.allocator = allocator
    epoch = allocator.epoch
    self.lastID = lastID
    self.entriesRead = entriesRead
  }
}

extension ConsumerGroup {
  /// The id of the last entry that was delivered to the group.
  public var lastID: StreamID { fields.lastID }

  /// How many entries the group has read since the stream began; -1: not known.
  public var entriesRead: Int { fields.entriesRead }

  // MARK: - Consumers

  /// Number of consumers.
  public var consumerCount: Int { fields.consumers.count }

  /// The consumer with this number in the order of names.
  public func consumer(at index: Int) -> Consumer { fields.consumers[index] }

  /// The consumer with this name.
  public func consumer(named name: RawSpan) -> Consumer? { fields.consumers.find(name) }

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

  /// Number of pending entries that no consumer has.
  public var releasedCount: Int { fields.released.count }

  /// The entry that was given back first, or that follows `place`; nil behind the last one.
  public func released(after place: ReleasePlace? = nil) -> ReleasePlace? {
    let first = StreamID((place?.number ?? 0) + 1, 0)
    guard let position = fields.released.lowerBound(first) else { return nil }
    let found = fields.released[position]
    return ReleasePlace(number: found.id.milliseconds, id: found.entry)
  }

  /// Whether every pending entry has a consumer or was given back; a group of which this is false
  /// can only be freed.
  public var isComplete: Bool {
    var owned = releasedCount
    for index in 0..<consumerCount { owned += consumer(at: index).pendingCount }
    return owned == pendingCount
  }

  // MARK: - Memory

  /// A group with the same contents and nothing in common with this one.
  func copied(_ allocator: Allocator) -> WritableConsumerGroup {
    let copy = WritableConsumerGroup(
      ConsumerGroupFields(lastID: lastID, entriesRead: entriesRead, allocator: allocator),
      name: name, allocator: allocator)
    for index in 0..<consumerCount {
      let consumer = self.consumer(at: index)
      copy.note(
        copy.addConsumer(consumer.name, seenTime: consumer.seenTime),
        activeAt: consumer.activeTime)
    }
    var position = fields.pending.firstPosition
    while let current = position {
      let entry = fields.pending[current]
      if let owner = entry.consumer, let consumer = copy.reading.consumer(named: owner.name) {
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

  /// - Parameter samples: how many pages and consumers are measured to estimate all; 0: all.
  func allocatedSize(_ allocator: Allocator, samples: Int) -> Int {
    var size = blockSize(allocator) + fields.consumers.allocatedSize(allocator)
    size += fields.pending.allocatedSize(allocator, samples: samples)
    size += fields.released.allocatedSize(allocator, samples: samples)
    return size
      + SampledSum.of(consumerCount, samples: samples) {
        consumer(at: $0).allocatedSize(allocator, samples: samples)
      }
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

/// A place in the order of entries that were given back.
public struct ReleasePlace {
  fileprivate let number: UInt64
  /// The id of the entry.
  public let id: StreamID
}
