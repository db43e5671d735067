// SPDX-License-Identifier: Apache-2.0

/// A member of a consumer group, to be read only; its group changes it.
public typealias Consumer = NamedRecord<ConsumerFields>

/// What a group knows of a consumer.
public struct ConsumerFields: ~Copyable {
  /// Ids of the entries that wait for the consumer's acknowledgement.
  var pending = OrderedPages<StreamID>()
  var seenTime: Int64
  var activeTime: Int64 = -1

  init(seenTime: Int64) { self.seenTime = seenTime }
}

extension Consumer {
  /// When the consumer last asked for anything, in milliseconds since 1970.
  public var seenTime: Int64 { fields.seenTime }

  /// When it was last given an entry; -1: never.
  public var activeTime: Int64 { fields.activeTime }

  /// Number of entries that wait for its acknowledgement.
  public var pendingCount: Int { fields.pending.count }

  /// The first id that waits for its acknowledgement and is not less than `id`.
  public func firstPending(from id: StreamID) -> StreamID? {
    fields.pending.lowerBound(id).map { fields.pending[$0] }
  }

  func allocatedSize(_ allocator: Allocator, samples: Int) -> Int {
    blockSize(allocator) + fields.pending.allocatedSize(allocator, samples: samples)
  }
}

/// The same for its group.
typealias WritableConsumer = WritableNamedRecord<ConsumerFields>

extension WritableConsumer {
  /// Frees the consumer with its ids.
  func free(_ allocator: Allocator) {
    while fields.pending.dropLastPage(allocator: allocator) > 0 {}
    freeBlock(allocator)
  }
}
