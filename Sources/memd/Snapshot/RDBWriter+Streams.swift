// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Streams as RDB writes them.

extension RDBWriter {
  /// How a stream is written: in the form of Redis 7.0, which doesn't know when consumers were
  /// active, unless it holds what only newer ones can.
  func kind(of stream: Stream) -> RDBFormat.ValueKind {
    for index in 0..<stream.groupCount where stream.group(at: index).releasedCount > 0 {
      require(version: RDBFormat.releaseVersion)
      return .streamListpacks5
    }
    guard let log = stream.producers, !log.isPristine else { return .streamListpacks2 }
    require(version: RDBFormat.producerVersion)
    return .streamListpacks4
  }

  /// Appends a stream.
  func stream(_ stream: Stream, as kind: RDBFormat.ValueKind) {
    length(stream.nodeCount)
    var next = stream.firstNode
    while let node = next {
      streamNode(node.id, node.listpack.allBytes)
      next = stream.node(after: node)
    }
    figures(of: stream)
    for index in 0..<stream.groupCount { group(stream.group(at: index), kind) }
    if kind != .streamListpacks2 { producers(stream.producers) }
  }

  /// Appends a block of a stream.
  func streamNode(_ id: StreamID, _ listpack: RawSpan) {
    length(16)
    packed(id)
    string(listpack)
  }

  /// Appends what stands behind a stream's blocks, up to the number of groups.
  func figures(of stream: Stream) {
    length(stream.length)
    id(stream.lastID)
    id(stream.firstID)
    id(stream.maxDeletedID)
    length(stream.entriesAdded)
    length(stream.groupCount)
  }

  /// Appends a group with its consumers and all that they have pending.
  func group(_ group: ConsumerGroup, _ kind: RDBFormat.ValueKind) {
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
      if kind != .streamListpacks2 { littleEndian(consumer.activeTime) }
      length(consumer.pendingCount)
      var next = consumer.firstPending(from: .zero)
      while let id = next {
        packed(id)
        next = id.successor.flatMap { consumer.firstPending(from: $0) }
      }
    }
    if kind == .streamListpacks5 { released(of: group) }
  }

  private func released(of group: ConsumerGroup) {
    length(group.releasedCount)
    var next = group.released()
    while let place = next {
      packed(place.id)
      next = group.released(after: place)
    }
  }

  /// Appends what producers have added lately; nil: none ever did.
  func producers(_ log: ProducerLog?) {
    length(log?.duration ?? ProducerLog.defaultDuration)
    length(log?.maxCount ?? ProducerLog.defaultMaxCount)
    length(log?.producerCount ?? 0)
    for index in 0..<(log?.producerCount ?? 0) {
      guard let producer = log?.producer(at: index) else { continue }
      string(producer.name)
      length(producer.count)
      var next = producer.first
      while let entry = next {
        string(entry.name)
        id(entry.id)
        next = entry.nextOfProducer
      }
    }
    length(log?.added ?? 0)
    length(log?.duplicates ?? 0)
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
