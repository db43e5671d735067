// SPDX-License-Identifier: Apache-2.0

@testable import DataStructures

/// Remembers what all blocks held when an epoch began, and finds every change that was not
/// announced before it happened.
///
/// Blocks are told by their contents alone, so that they may move in memory as they like. What
/// carries an old number must at any time be exactly what was there at the beginning and has not
/// been announced since.
final class BlockShadow: BlockObserver {
  /// A block that was met on a walk over everything.
  struct Seen {
    let epoch: UInt8
    let contents: [UInt8]
  }

  private let allocator: Allocator
  private var left: [[UInt8]: Int] = [:]
  private(set) var announcedCount = 0
  private(set) var failures: [String] = []

  init(_ allocator: Allocator) {
    self.allocator = allocator
    allocator.blockObserver = self
  }

  /// Begins an epoch in which nothing but these blocks is there.
  func begin(_ blocks: [Seen]) {
    // What carries an old number is told by its contents here, so numbers may come again.
    if allocator.freeEpochCount == 0 { allocator.noteWalkComplete() }
    allocator.advanceEpoch()
    left = Dictionary(blocks.map { ($0.contents, 1) }, uniquingKeysWith: +)
  }

  func willChange(_ block: ChangingBlock) {
    announcedCount += 1
    let contents = block.contents
    guard let count = left[contents] else { return fail("announced late or twice", contents) }
    left[contents] = count == 1 ? nil : count - 1
  }

  /// Compares all blocks that carry an old number with those that were not announced.
  func check(_ blocks: [Seen], _ context: String) {
    let old = blocks.filter { $0.epoch != allocator.epoch }
    let found = Dictionary(old.map { ($0.contents, 1) }, uniquingKeysWith: +)
    guard found != left, failures.isEmpty else { return }
    for (contents, count) in found where left[contents] != count {
      fail("\(context): changed unannounced", contents)
    }
    for (contents, count) in left where found[contents] != count {
      fail("\(context): gone or changed unannounced", contents)
    }
  }

  private func fail(_ what: String, _ contents: [UInt8]) {
    failures.append("\(what): \(String(decoding: contents.prefix(200), as: UTF8.self))")
  }
}

extension ChangingBlock {
  /// Everything that a snapshot would write of the block.
  var contents: [UInt8] {
    switch self {
    case .entry, .text: []
    case .listNode(let node): node.contents
    case .streamNode(let node, _): node.contents
    case .group(let group): Array(group.contents.utf8)
    case .producers(let log): Array(log.contents.utf8)
    case .sortedSetLeaf(let leaf): leaf.contents
    case .bucket(_, let chain): chain.memberContents
    }
  }
}

extension QuickListNode {
  var contents: [UInt8] {
    isPlain
      ? Array("plain ".utf8) + plainText.copied : Array("packed ".utf8) + listpack.allBytes.copied
  }
}

extension StreamNodeView {
  var contents: [UInt8] { Array("stream \(id) ".utf8) + listpack.allBytes.copied }
}

extension SortedSetLeaf {
  var contents: [UInt8] {
    var contents = Array("sorted".utf8)
    forEach {
      contents += Array(" \($0.score.bitPattern) ".utf8)
      contents += $0.member.copied
    }
    return contents
  }
}

extension BucketChain {
  /// Of a set; the order in a bucket means nothing.
  var memberContents: [UInt8] {
    var members: [String] = []
    forEach { members.append(SetMember(word: $0).bytes.text) }
    return Array("members \(members.sorted().joined(separator: " "))".utf8)
  }
}

extension ConsumerGroup {
  var contents: String {
    var contents = "group \(name.text) \(lastID) \(entriesRead)"
    for index in 0..<consumerCount {
      let consumer = self.consumer(at: index)
      contents += " \(consumer.name.text) \(consumer.seenTime) \(consumer.activeTime)"
    }
    var next: StreamID? = .zero
    while let id = next, let entry = firstPending(from: id) {
      let owner = entry.consumer?.name.text ?? ""
      contents += " (\(entry.id) \(owner) \(entry.deliveryTime) \(entry.deliveryCount))"
      next = entry.id.successor
    }
    var place = released()
    while let current = place {
      contents += " back \(current.id)"
      place = released(after: current)
    }
    return contents
  }
}

extension ProducerLog {
  var contents: String {
    var contents = "producers \(duration) \(maxCount) \(added) \(duplicates)"
    for index in 0..<producerCount {
      contents += " \(producer(at: index).name.text)"
      var next = producer(at: index).first
      while let entry = next {
        contents += " \(entry.name.text)=\(entry.id)"
        next = entry.nextOfProducer
      }
    }
    return contents
  }
}

extension DataStructures.Stream {
  /// All pieces in which the stream is announced.
  var blocks: [BlockShadow.Seen] {
    var blocks: [BlockShadow.Seen] = []
    var node = firstNode
    while let current = node {
      blocks.append(BlockShadow.Seen(epoch: current.epoch, contents: current.contents))
      node = self.node(after: current)
    }
    for index in 0..<groupCount {
      let group = self.group(at: index)
      let contents = Array(group.contents.utf8)
      blocks.append(BlockShadow.Seen(epoch: group.epoch, contents: contents))
    }
    if let producers {
      let contents = Array(producers.contents.utf8)
      blocks.append(BlockShadow.Seen(epoch: producers.epoch, contents: contents))
    }
    return blocks
  }
}

/// All nodes of a list.
func blocks(_ list: borrowing QuickList) -> [BlockShadow.Seen] {
  var blocks: [BlockShadow.Seen] = []
  var node = list.head
  while let current = node {
    blocks.append(BlockShadow.Seen(epoch: current.epoch, contents: current.contents))
    node = current.next
  }
  return blocks
}

/// All leaves of a sorted set.
func blocks(_ set: borrowing SortedSet) -> [BlockShadow.Seen] {
  var blocks: [BlockShadow.Seen] = []
  set.forEachLeaf { blocks.append(BlockShadow.Seen(epoch: $0.epoch, contents: $0.contents)) }
  return blocks
}

/// All buckets of a set.
func blocks(_ table: borrowing HashTable<SetMember>) -> [BlockShadow.Seen] {
  var blocks: [BlockShadow.Seen] = []
  table.forEachBucket {
    blocks.append(BlockShadow.Seen(epoch: $0.epoch, contents: $0.memberContents))
  }
  return blocks
}
