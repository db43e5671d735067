// SPDX-License-Identifier: Apache-2.0

import DataStructures

// What streams have beside their entries, as images hold it: figures and consumer groups.

/// Length and ids of a stream, and what follows them.
struct StreamFigures {
  let length: Int
  let lastID: StreamID
  let firstID: StreamID
  let maxDeletedID: StreamID
  let entriesAdded: UInt64
  let groupCount: Int
  /// Whether a stream without a log of producers would be another one.
  let hasProducers: Bool

  init(_ stream: Stream) {
    length = stream.length
    lastID = stream.lastID
    firstID = stream.firstID
    maxDeletedID = stream.maxDeletedID
    entriesAdded = stream.entriesAdded
    groupCount = stream.groupCount
    hasProducers = stream.producers.map { !$0.isPristine } ?? false
  }

  /// Reads the payload of a record.
  init(_ payload: RawSpan) {
    var reader = ImageReader(payload)
    length = reader.count()
    lastID = reader.id()
    firstID = reader.id()
    maxDeletedID = reader.id()
    entriesAdded = UInt64(bitPattern: reader.integer())
    groupCount = reader.count()
    hasProducers = reader.count() != 0
  }
}

/// A consumer group, read from the payload of a record:
///
///     last id | entries read | counts: pending, consumers, released | name
///     pending entries by id:  id | delivery time | delivery count
///     consumers by name:      seen time | active time | name | count of ids | ids
///     released entries, the first one first:  id
struct GroupImage: ~Escapable {
  let lastID: StreamID
  let entriesRead: Int
  let pendingCount: Int
  let consumerCount: Int
  let releasedCount: Int
  let name: RawSpan
  private let pending: RawSpan
  /// Stands in front of the consumers; behind them come the ids of released entries.
  let consumers: ImageReader

  private static let pendingByteCount = 32

  @_lifetime(copy payload)
  init(_ payload: RawSpan) {
    var reader = ImageReader(payload)
    lastID = reader.id()
    entriesRead = reader.count()
    pendingCount = reader.count()
    consumerCount = reader.count()
    releasedCount = reader.count()
    name = reader.text()
    pending = reader.take(pendingCount * GroupImage.pendingByteCount)
    consumers = reader
  }

  /// A pending entry, whoever has it.
  struct Pending {
    let id: StreamID
    let deliveryTime: Int64
    let deliveryCount: Int
  }

  /// The pending entry with this number in the order of ids.
  func pending(at index: Int) -> Pending {
    let start = index * GroupImage.pendingByteCount
    var reader = ImageReader(pending.extracting(start..<start + GroupImage.pendingByteCount))
    let id = reader.id()
    return Pending(id: id, deliveryTime: reader.integer(), deliveryCount: reader.count())
  }

  /// The pending entry with an id that is one's.
  ///
  /// - Complexity: O(log pending entries).
  func pending(_ id: StreamID) -> Pending {
    var first = 0
    var end = pendingCount
    while end - first > 1 {
      let middle = (first + end) / 2
      if pending(at: middle).id <= id { first = middle } else { end = middle }
    }
    let found = pending(at: first)
    assert(found.id == id, "a consumer has what is not pending")
    return found
  }
}

/// A consumer of a group, read from the group's record.
struct ConsumerImage: ~Escapable {
  let seenTime: Int64
  let activeTime: Int64
  let name: RawSpan
  let pendingCount: Int
  /// Stands in front of the ids of what the consumer has pending.
  let ids: ImageReader

  /// Reads the consumer that `reader` stands in front of.
  @_lifetime(copy reader)
  init(_ reader: inout ImageReader) {
    seenTime = reader.integer()
    activeTime = reader.integer()
    name = reader.text()
    pendingCount = reader.count()
    ids = ImageReader(reader.take(pendingCount * 16))
  }
}

// MARK: - Making images

extension ImageTarget {
  /// The figures of a stream.
  mutating func add(_ figures: StreamFigures) {
    let byteCount = 80
    var payload = unsafe PayloadWriter(
      reserve(ImageHeader(kind: .figures), payload: byteCount))
    payload.add(figures.length)
    payload.add(figures.lastID)
    payload.add(figures.firstID)
    payload.add(figures.maxDeletedID)
    payload.add(Int(bitPattern: UInt(figures.entriesAdded)))
    payload.add(figures.groupCount)
    payload.add(figures.hasProducers ? 1 : 0)
    assert(payload.count == byteCount)
  }

  /// A consumer group with all that its consumers have pending.
  mutating func add(_ group: ConsumerGroup) {
    var byteCount = 48 + PayloadWriter.byteCount(group.name)
    byteCount += group.pendingCount * 32 + group.releasedCount * 16
    for index in 0..<group.consumerCount {
      let consumer = group.consumer(at: index)
      byteCount += 24 + PayloadWriter.byteCount(consumer.name) + consumer.pendingCount * 16
    }
    var payload = unsafe PayloadWriter(
      reserve(ImageHeader(kind: .group), payload: byteCount))
    payload.add(group.lastID)
    payload.add(group.entriesRead)
    payload.add(group.pendingCount)
    payload.add(group.consumerCount)
    payload.add(group.releasedCount)
    payload.add(group.name)
    var next = group.firstPending(from: .zero)
    while let entry = next {
      payload.add(entry.id)
      payload.add(Int(entry.deliveryTime))
      payload.add(entry.deliveryCount)
      next = entry.id.successor.flatMap { group.firstPending(from: $0) }
    }
    for index in 0..<group.consumerCount { payload.add(group.consumer(at: index)) }
    var place = group.released()
    while let released = place {
      payload.add(released.id)
      place = group.released(after: released)
    }
    assert(payload.count == byteCount)
  }
}

/// Fills the payload of a record from its beginning.
@safe
private struct PayloadWriter {
  private let base: UnsafeMutableRawPointer
  private(set) var count = 0

  init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

  /// Bytes that a text takes with its length in front.
  static func byteCount(_ text: RawSpan) -> Int { 8 + (text.byteCount + 7) & ~7 }

  mutating func add(_ number: Int) {
    unsafe base.storeBytes(of: number, toByteOffset: count, as: Int.self)
    count += 8
  }

  mutating func add(_ id: StreamID) {
    add(Int(bitPattern: UInt(id.milliseconds)))
    add(Int(bitPattern: UInt(id.sequence)))
  }

  mutating func add(_ text: RawSpan) {
    count += unsafe (base + count).store(counted: text)
  }

  mutating func add(_ consumer: Consumer) {
    add(Int(consumer.seenTime))
    add(Int(consumer.activeTime))
    add(consumer.name)
    add(consumer.pendingCount)
    var next = consumer.firstPending(from: .zero)
    while let id = next {
      add(id)
      next = id.successor.flatMap { consumer.firstPending(from: $0) }
    }
  }
}
