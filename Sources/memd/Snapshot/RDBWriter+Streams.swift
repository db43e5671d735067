// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Streams as RDB writes them.

extension RDBWriter {
  /// How a stream is written: in the form of Redis 7.0, which doesn't know when consumers were
  /// active, unless it holds what only newer ones can.
  func kind(of stream: Stream) -> RDBFormat.ValueKind {
    var kind = RDBFormat.ValueKind.streamListpacks2
    if let log = stream.producers, !log.isPristine { kind = .streamListpacks4 }
    for index in 0..<stream.groupCount where stream.group(at: index).releasedCount > 0 {
      kind = .streamListpacks5
    }
    require(kind)
    return kind
  }

  /// What follows is a stream in this form.
  func require(_ kind: RDBFormat.ValueKind) {
    switch kind {
    case .streamListpacks4: require(version: RDBFormat.producerVersion)
    case .streamListpacks5: require(version: RDBFormat.releaseVersion)
    default: break
    }
  }

  /// Appends a stream.
  func stream(_ stream: Stream, as kind: RDBFormat.ValueKind) {
    length(stream.nodeCount)
    var next = stream.firstNode
    while let node = next {
      streamNode(node.id, node.listpack.allBytes)
      next = stream.node(after: node)
    }
    figures(StreamFigures(stream))
    for index in 0..<stream.groupCount {
      var image = SingleImage()
      image.add(stream.group(at: index))
      unsafe image.piece?.forEach { _, payload in
        group(GroupImage(unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(payload))), kind)
      }
    }
    if kind != .streamListpacks2 { producers(stream.producers) }
  }

  /// Appends a block of a stream.
  func streamNode(_ id: StreamID, _ listpack: RawSpan) {
    length(16)
    packed(id)
    string(listpack)
  }

  /// Appends what stands behind a stream's blocks, up to the number of groups.
  func figures(_ figures: StreamFigures) {
    length(figures.length)
    id(figures.lastID)
    id(figures.firstID)
    id(figures.maxDeletedID)
    length(figures.entriesAdded)
    length(figures.groupCount)
  }

  /// Appends a group with its consumers and all that they have pending.
  func group(_ group: borrowing GroupImage, _ kind: RDBFormat.ValueKind) {
    string(group.name)
    id(group.lastID)
    length(group.entriesRead)
    length(group.pendingCount)
    for index in 0..<group.pendingCount {
      let pending = group.pending(at: index)
      packed(pending.id)
      littleEndian(pending.deliveryTime)
      length(pending.deliveryCount)
    }
    length(group.consumerCount)
    var reader = group.consumers
    for _ in 0..<group.consumerCount {
      let consumer = ConsumerImage(&reader)
      string(consumer.name)
      littleEndian(consumer.seenTime)
      if kind != .streamListpacks2 { littleEndian(consumer.activeTime) }
      length(consumer.pendingCount)
      var ids = consumer.ids
      for _ in 0..<consumer.pendingCount { packed(ids.id()) }
    }
    guard kind == .streamListpacks5 else { return }
    length(group.releasedCount)
    for _ in 0..<group.releasedCount { packed(reader.id()) }
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
