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
    let stream = Stream.make(database.allocator)
    do throws(RDBError) {
      try readBlocks(of: stream, &scratch)
      try readCounters(of: stream, kind)
      try readGroups(of: stream, kind, &scratch)
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

  private func readBlocks(of stream: Stream, _ scratch: inout ByteBuffer) throws(RDBError) {
    for _ in 0..<(try length()) {
      try string(into: &scratch)
      guard scratch.count == 16 else { throw malformed("id of a stream's block") }
      let id = StreamID(
        scratch.bytes.word(0).bigEndianValue, scratch.bytes.word(8).bigEndianValue)
      try string(into: &scratch)
      noteSanitization()
      guard stream.appendNode(id, scratch.bytes) else { throw malformed("block of a stream") }
    }
  }

  private func readCounters(
    of stream: Stream, _ kind: RDBFormat.ValueKind
  ) throws(RDBError) {
    guard try number() == UInt64(stream.length) else { throw malformed("length of a stream") }
    let last = try streamID()
    guard last >= stream.lastID else { throw malformed("last id of a stream") }
    stream.lastID = last
    guard kind != .streamListpacks else {
      stream.entriesAdded = stream.length
      return
    }
    // The first id, which is that of the first entry.
    _ = try streamID()
    stream.maxDeletedID = try streamID()
    guard let added = Int(exactly: try number()), added >= stream.length else {
      throw malformed("entries-added of a stream")
    }
    stream.entriesAdded = added
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
    of stream: Stream, _ kind: RDBFormat.ValueKind, _ scratch: inout ByteBuffer
  ) throws(RDBError) {
    for _ in 0..<(try length()) {
      try string(into: &scratch)
      let last = try streamID()
      var entriesRead: Int?
      if kind != .streamListpacks {
        let read = Int64(bitPattern: try number())
        guard read >= -1 else { throw malformed("entries-read of a group") }
        entriesRead = Int(read)
      }
      let estimate = entriesRead ?? stream.entriesAdded(through: last) ?? -1
      guard let group = stream.addGroup(scratch.bytes, lastID: last, entriesRead: estimate) else {
        throw malformed("stream: a group twice")
      }
      try readPending(of: group)
      try readConsumers(of: group, kind, &scratch)
      guard group.isComplete else { throw malformed("pending entry without a consumer") }
    }
  }

  private func readPending(of group: ConsumerGroup) throws(RDBError) {
    for _ in 0..<(try length()) {
      let id = try packedStreamID()
      let time = try littleEndian(Int64.self)
      let count = Int(clamping: try number())
      guard group.restorePending(id, time: time, count: count) else {
        throw malformed("group: a pending entry twice")
      }
    }
  }

  private func readConsumers(
    of group: ConsumerGroup, _ kind: RDBFormat.ValueKind, _ scratch: inout ByteBuffer
  ) throws(RDBError) {
    for _ in 0..<(try length()) {
      try string(into: &scratch)
      let seen = try littleEndian(Int64.self)
      // Before version 3 nobody knew the difference.
      let active = kind == .streamListpacks3 ? try littleEndian(Int64.self) : seen
      guard group.consumer(named: scratch.bytes) == nil else {
        throw malformed("group: a consumer twice")
      }
      let consumer = group.addConsumer(scratch.bytes, seenTime: seen)
      consumer.activeTime = active
      for _ in 0..<(try length()) {
        guard group.assignRestored(try packedStreamID(), to: consumer) else {
          throw malformed("pending entry of a consumer")
        }
      }
    }
  }
}

extension UInt64 {
  /// The number whose bytes, the highest first, were loaded in the machine's order.
  fileprivate var bigEndianValue: UInt64 { UInt64(bigEndian: self) }
}

extension RDBWriter {
  /// Appends a stream in the form of Redis 7.0, which doesn't know when consumers were active.
  func stream(_ stream: Stream) {
    length(stream.nodeCount)
    var next = stream.firstNode
    while let node = next {
      length(16)
      packed(node.id)
      string(node.listpack.allBytes)
      next = stream.node(after: node)
    }
    length(stream.length)
    id(stream.lastID)
    id(stream.firstID)
    id(stream.maxDeletedID)
    length(stream.entriesAdded)
    length(stream.groupCount)
    for index in 0..<stream.groupCount { group(stream.group(at: index)) }
  }

  private func group(_ group: ConsumerGroup) {
    string(group.name)
    id(group.lastID)
    length(UInt64(bitPattern: Int64(group.entriesRead)))
    length(group.pendingCount)
    var pending = group.firstPending(from: .zero)
    while let entry = pending {
      packed(entry.id)
      littleEndian(entry.deliveryTime)
      length(entry.deliveryCount)
      pending = entry.id.successor.flatMap { group.firstPending(from: $0) }
    }
    length(group.consumerCount)
    for index in 0..<group.consumerCount {
      let consumer = group.consumer(at: index)
      string(consumer.name)
      littleEndian(consumer.seenTime)
      length(consumer.pendingCount)
      var next = consumer.firstPending(from: .zero)
      while let id = next {
        packed(id)
        next = id.successor.flatMap { consumer.firstPending(from: $0) }
      }
    }
  }

  /// An id as two numbers.
  private func id(_ id: StreamID) {
    length(id.milliseconds)
    length(id.sequence)
  }

  /// An id as 16 bytes, the highest first.
  private func packed(_ id: StreamID) {
    littleEndian(id.milliseconds.byteSwapped)
    littleEndian(id.sequence.byteSwapped)
  }
}
