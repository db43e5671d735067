// SPDX-License-Identifier: Apache-2.0

// Epochs: what a snapshot needs to know about memory, kept by the memory itself.
//
// Entries, and the blocks that large values consist of (list nodes, blocks of streams, leaves of
// sorted sets, bucket chains of sets and hashes), carry the number of the epoch in which they were
// born or last announced. Before one that carries another number than the present one changes,
// gives elements to another block or is freed, it is announced and gets the number:
//
//     if block.epoch != allocator.epoch { block.epoch = allocator.announce(block) }
//
// So whoever begins an epoch and takes all blocks that don't carry its number, those that are
// announced before they change and all others when it comes to them, gets everything as it was
// when the epoch began, and everything once. Nothing is switched on or off: as births carry the
// present number, everything compares equal while no epoch begins.
//
// Moving in memory is no change: a block keeps its number when it grows, is allocated anew or
// moved by compaction. A block that is taken out of its value as a whole, to be freed later, keeps
// contents and number until then and is announced when it is freed.

/// What is announced before it changes; valid until the announcement returns.
public enum ChangingBlock {
  /// An entry of the keyspace; `home` is the address of the contents that it stands in.
  ///
  /// Of a large value the entry covers what is not in blocks: that it is there, counts, ids.
  case entry(word: UInt64, home: UInt)
  /// The block of a long string, before it is edited or moved; said as often as that happens, as
  /// such blocks carry no number.
  case text(word: UInt64)
  /// A node of a list.
  case listNode(QuickListNode)
  /// A block of stream entries.
  case streamNode(StreamNodeView, of: Stream)
  /// A consumer group with its consumers and all that they have pending.
  case group(ConsumerGroup)
  /// The log of producers of a stream, as a whole.
  case producers(ProducerLog)
  /// A leaf of a sorted set.
  case sortedSetLeaf(SortedSetLeaf)
  /// A bucket with its children.
  case bucket(BucketKind, BucketChain)
}

/// Whose elements a bucket of a hash table holds, if buckets are blocks there.
public enum BucketKind: Sendable {
  case set
  case hash
}

/// Hears of blocks that are about to change for the first time in an epoch.
public protocol BlockObserver: AnyObject {
  /// `block` still is what it was when the epoch began; the observer may read, and change nothing.
  func willChange(_ block: ChangingBlock)
}

/// How much there is of what only newer snapshot files can hold. What waits to be freed counts.
public struct NewerParts {
  /// Logs of what producers have added to streams.
  public internal(set) var producerLogs = 0
  /// Pending entries of streams that were given back.
  public internal(set) var releasedEntries = 0
}

extension Allocator {
  /// Counts of what only newer snapshot files can hold.
  public internal(set) var newerParts: NewerParts {
    get { unsafe state.pointee.newerParts }
    nonmutating set { unsafe state.pointee.newerParts = newValue }
  }

  /// Numbers of epochs are 1 to this one: a bucket has seven bits for them.
  @inlinable public static var epochMax: UInt8 { 127 }

  /// The number of the present epoch, which births carry.
  @inlinable
  public var epoch: UInt8 {
    @inline(__always) get { unsafe state.pointee.epoch }
  }

  /// Who is told of blocks that are about to change; nobody as a rule.
  public var blockObserver: (any BlockObserver)? {
    get { unsafe state.pointee.observer }
    nonmutating set { unsafe state.pointee.observer = newValue }
  }

  /// Begins an epoch with the next number, which nothing may carry yet.
  ///
  /// Behind a walk that came to its end all numbers but the present one are free. Each walk that is
  /// given up leaves one more that may still be carried. When only one is free, the next walk must
  /// come to its end.
  public func advanceEpoch() {
    precondition(freeEpochCount > 0, "no number is left that nothing carries")
    unsafe state.pointee.epoch = epoch % Allocator.epochMax + 1
    unsafe state.pointee.carriedEpochCount += 1
  }

  /// Numbers that nothing can carry.
  public var freeEpochCount: Int {
    unsafe Int(Allocator.epochMax) - state.pointee.carriedEpochCount
  }

  /// A walk has come to its end: everything carries the present number.
  public func noteWalkComplete() { unsafe state.pointee.carriedEpochCount = 1 }

  /// Tells that a block without the present number is about to change; returns the number, which
  /// the caller lets it carry.
  @inline(never)
  public func announce(_ block: ChangingBlock) -> UInt8 {
    blockObserver?.willChange(block)
    return epoch
  }
}
