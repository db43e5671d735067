// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Streams: blocks as they are, then counters, then groups with what their consumers have pending.

extension RDBReader {
  /// Reads a stream, which may be without entries.
  func stream(
    _ kind: RDBFormat.ValueKind, key: RawSpan, hasDeadline: Bool, _ database: Database,
    _ scratch: inout ByteBuffer
  ) throws(RDBError) -> ValueOutcome {
    let stream = WritableStream.make(database.allocator)
    do throws(RDBError) {
      try readBlocks(of: stream, &scratch)
      try readCounters(of: stream, kind)
      try readGroups(of: stream, kind, &scratch)
      if kind.rawValue >= RDBFormat.ValueKind.streamListpacks4.rawValue {
        try readProducers(of: stream, now: database.moment.milliseconds, &scratch)
      }
    } catch {
      var budget = Int.max
      _ = stream.free(budget: &budget)
      throw error
    }
    return .entry(
      DetachedEntry.make(
        key: key, type: .stream, encoding: Entry.CollectionEncoding.stream.rawValue,
        word: stream.word, hasDeadline: hasDeadline, allocator: database.allocator))
  }

  private func readBlocks(of stream: WritableStream, _ scratch: inout ByteBuffer) throws(RDBError) {
    for _ in 0..<(try length()) {
      try string(into: &scratch)
      guard scratch.count == 16 else { throw malformed("id of a stream's block") }
      let id = StreamID(
        scratch.bytes.word(0).bigEndianValue, scratch.bytes.word(8).bigEndianValue)
      try string(into: &scratch)
      noteSanitization()
      guard stream.appendNode(id, scratch.bytes) else { throw broken("listpack") }
    }
  }

  private func readCounters(
    of stream: WritableStream, _ kind: RDBFormat.ValueKind
  ) throws(RDBError) {
    guard try number() == UInt64(stream.reading.length) else {
      throw malformed("length of a stream")
    }
    let last = try streamID()
    // It may be in front of deleted entries: XSETID can set it back.
    guard last >= stream.reading.lastEntryID ?? .zero else {
      throw malformed("last id of a stream")
    }
    stream.setLastID(last)
    guard kind != .streamListpacks else {
      stream.entriesAdded = UInt64(stream.reading.length)
      return
    }
    // The first id, which is that of the first entry.
    _ = try streamID()
    let deleted = try streamID()
    guard deleted <= last else { throw malformed("max-deleted id of a stream") }
    stream.maxDeletedID = deleted
    // Redis lets the number be anything; it can't be less than what is there.
    stream.entriesAdded = try number()
  }

  /// An id as two numbers.
  private func streamID() throws(RDBError) -> StreamID {
    let milliseconds = try number()
    return StreamID(milliseconds, try number())
  }

  /// An id as 16 bytes, the highest first.
  private func packedStreamID() throws(RDBError) -> StreamID {
    let milliseconds = try littleEndian(UInt64.self).byteSwapped
    return StreamID(milliseconds, try littleEndian(UInt64.self).byteSwapped)
  }

  // MARK: - Groups

  private func readGroups(
    of stream: WritableStream, _ kind: RDBFormat.ValueKind, _ scratch: inout ByteBuffer
  ) throws(RDBError) {
    for _ in 0..<(try length()) {
      try string(into: &scratch)
      let last = try streamID()
      var entriesRead: Int?
      if kind != .streamListpacks {
        let read = Int(truncatingIfNeeded: try number())
        entriesRead = stream.reading.possibleEntriesRead(read)
      }
      let past = stream.reading.entriesAdded(through: last).map { Int(clamping: $0) }
      let estimate = entriesRead ?? past ?? -1
      guard let group = stream.addGroup(scratch.bytes, lastID: last, entriesRead: estimate) else {
        throw duplicate("consumer group name")
      }
      try readPending(of: group)
      try readConsumers(of: group, kind, &scratch)
      if kind == .streamListpacks5 { try readReleased(of: group) }
      guard group.reading.isComplete else { throw malformed("pending entry without a consumer") }
    }
  }

  private func readPending(of group: WritableConsumerGroup) throws(RDBError) {
    for _ in 0..<(try length()) {
      let id = try packedStreamID()
      let time = try littleEndian(Int64.self)
      let count = Int(clamping: try number())
      guard group.restorePending(id, time: time, count: count) else {
        throw duplicate("pending entry")
      }
    }
  }

  private func readConsumers(
    of group: WritableConsumerGroup, _ kind: RDBFormat.ValueKind, _ scratch: inout ByteBuffer
  ) throws(RDBError) {
    for _ in 0..<(try length()) {
      try string(into: &scratch)
      let seen = try littleEndian(Int64.self)
      // Before version 3 nobody knew the difference.
      let isKnown = kind != .streamListpacks && kind != .streamListpacks2
      let active = isKnown ? try littleEndian(Int64.self) : seen
      guard group.reading.consumer(named: scratch.bytes) == nil else {
        throw duplicate("stream consumer")
      }
      let consumer = group.addConsumer(scratch.bytes, seenTime: seen)
      group.note(consumer, activeAt: active)
      for _ in 0..<(try length()) {
        guard group.assignRestored(try packedStreamID(), to: consumer) else {
          throw malformed("pending entry of a consumer")
        }
      }
    }
  }
}

extension RDBReader {
  /// Reads which pending entries were given back, those first that were first.
  private func readReleased(of group: WritableConsumerGroup) throws(RDBError) {
    for _ in 0..<(try length()) {
      guard group.releaseRestored(try packedStreamID()) else {
        throw malformed("pending entry that was given back")
      }
    }
  }

  /// Reads what producers have added lately. When that was stands in the ids, as far as they are
  /// times; the future is not.
  private func readProducers(
    of stream: WritableStream, now: Int64, _ scratch: inout ByteBuffer
  ) throws(RDBError) {
    let log = stream.makeProducers()
    log.duration = try producerLimit()
    log.maxCount = try producerLimit()
    for _ in 0..<(try length()) {
      try string(into: &scratch)
      let count = try length()
      guard count > 0, let producer = log.restoreProducer(scratch.bytes) else {
        throw malformed("stream: a producer twice, or without ids")
      }
      for _ in 0..<count {
        try string(into: &scratch)
        let id = try streamID()
        let time = min(Int64(clamping: id.milliseconds), now)
        guard id <= stream.reading.lastID, log.restore(scratch.bytes, id, time: time, to: producer)
        else {
          throw malformed("idempotent id of a stream")
        }
      }
    }
    log.added = try number()
    log.duplicates = try number()
    guard log.finishRestoring() else { throw malformed("stream: an entry with two ids") }
    stream.dropPristineProducers()
  }

  /// A number of seconds or ids.
  private func producerLimit() throws(RDBError) -> Int {
    let value = try number()
    guard (1...UInt64(Int32.max)).contains(value) else { throw malformed("limit of a stream") }
    return Int(value)
  }
}

extension UInt64 {
  /// The number whose bytes, the highest first, were loaded in the machine's order.
  fileprivate var bigEndianValue: UInt64 { UInt64(bigEndian: self) }
}
