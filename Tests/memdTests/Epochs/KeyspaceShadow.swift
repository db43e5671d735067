// SPDX-License-Identifier: Apache-2.0

import DataStructures

@testable import memd

/// Remembers what all entries and blocks of a keyspace held when an epoch began, and finds every
/// change that was not announced before it happened.
///
/// They are told by their contents alone, so that they may move in memory, to another key's entry
/// or to another database as they like. What carries an old number must at any time be exactly what
/// was there at the beginning and has not been announced since.
final class KeyspaceShadow: BlockObserver {
  private let keyspace: Keyspace
  private var left: [[UInt8]: Int] = [:]
  private(set) var announcedCounts: [String: Int] = [:]
  private(set) var failures: [String] = []
  /// What is being done.
  var context = ""

  init(_ keyspace: Keyspace) {
    self.keyspace = keyspace
    keyspace.allocator.blockObserver = self
  }

  /// Begins an epoch.
  func begin() {
    finishFreeing()
    // What carries an old number is told by its contents here, so numbers may come again.
    if keyspace.allocator.freeEpochCount == 0 { keyspace.allocator.noteWalkComplete() }
    keyspace.allocator.advanceEpoch()
    left = Dictionary(everything.map { ($0.contents, 1) }, uniquingKeysWith: +)
  }

  func willChange(_ block: ChangingBlock) {
    // Its entry was announced before.
    if case .text = block { return }
    let contents = BlockText.of(block)
    let kind = String(decoding: contents.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
    announcedCounts[kind, default: 0] += 1
    guard let count = left[contents] else { return fail("announced late or twice", contents) }
    left[contents] = count == 1 ? nil : count - 1
  }

  private func fail(_ what: String, _ contents: [UInt8]) {
    let text = String(decoding: contents.prefix(300), as: UTF8.self)
    failures.append("\(context): \(what): \(text)")
  }

  /// What was removed is announced when it is freed, which may be later.
  private func finishFreeing() { while keyspace.unlinked.free(upTo: .max) {} }

  /// Compares all that carries an old number with what was not announced.
  func check() {
    guard keyspace.unlinked.isEmpty, failures.isEmpty else { return }
    let old = everything.filter { $0.epoch != keyspace.allocator.epoch }
    let found = Dictionary(old.map { ($0.contents, 1) }, uniquingKeysWith: +)
    guard found != left else { return }
    for (contents, count) in found where left[contents] != count {
      fail("changed unannounced", contents)
    }
    for (contents, count) in left where found[contents] != count {
      fail("gone or changed unannounced", contents)
    }
  }

  /// The same when nothing waits to be freed any more.
  func checkAll() {
    finishFreeing()
    check()
  }

  private typealias Seen = (epoch: UInt8, contents: [UInt8])

  /// All entries and blocks.
  private var everything: [Seen] {
    var seen: [Seen] = []
    for database in keyspace.databases {
      database.contents.table.forEach { entry in
        seen.append((entry.header.epoch, BlockText.of(entry)))
        if entry.hasLargeForm { KeyspaceShadow.addBlocks(of: entry, to: &seen) }
      }
    }
    return seen
  }

  private static func addBlocks(of entry: Entry, to seen: inout [Seen]) {
    switch entry.header.type {
    case .string: return
    case .list:
      var node = ListValue(entry).chain.pointee.head
      while let current = node {
        seen.append((current.epoch, BlockText.of(.listNode(current))))
        node = current.next
      }
    case .set:
      SetValue(entry).table.pointee.forEachBucket {
        seen.append(($0.epoch, BlockText.of(.bucket(.set, $0))))
      }
    case .sortedSet:
      SortedSetValue(entry).large.pointee.forEachLeaf {
        seen.append(($0.epoch, BlockText.of(.sortedSetLeaf($0))))
      }
    case .hash:
      HashValue(entry).table.pointee.fields.forEachBucket {
        seen.append(($0.epoch, BlockText.of(.bucket(.hash, $0))))
      }
    case .stream: addBlocks(of: StreamValue(entry).stream, to: &seen)
    }
  }

  private static func addBlocks(of stream: DataStructures.Stream, to seen: inout [Seen]) {
    var node = stream.firstNode
    while let current = node {
      seen.append((current.epoch, BlockText.of(.streamNode(current, of: stream))))
      node = stream.node(after: current)
    }
    for index in 0..<stream.groupCount {
      let group = stream.group(at: index)
      seen.append((group.epoch, BlockText.of(.group(group))))
    }
    if let log = stream.producers { seen.append((log.epoch, BlockText.of(.producers(log)))) }
  }
}

/// Everything that a snapshot would write of an entry or a block.
enum BlockText {
  static func of(_ block: ChangingBlock) -> [UInt8] {
    switch block {
    case .entry(let word, _): return of(Entry(word: word))
    case .text: return []
    case .listNode(let node):
      return node.isPlain
        ? Array("plain ".utf8) + node.plainText.copied
        : Array("packed ".utf8) + node.listpack.allBytes.copied
    case .streamNode(let node, _):
      return Array("stream \(node.id) ".utf8) + node.listpack.allBytes.copied
    case .group(let group): return Array(of(group).utf8)
    case .producers(let log): return Array(of(log).utf8)
    case .sortedSetLeaf(let leaf):
      var text = "sorted"
      leaf.forEach { text += " \($0.score.bitPattern) \($0.member.text)" }
      return Array(text.utf8)
    case .bucket(let kind, let chain):
      // The order in a bucket means nothing.
      var elements: [String] = []
      chain.forEach { word in
        switch kind {
        case .set: elements.append(SetMember(word: word).bytes.text)
        case .hash:
          let field = HashField(word: word)
          let deadline = field.deadlineIfAny ?? 0
          elements.append("\(field.name.text)=\(field.value.text)@\(deadline)")
        }
      }
      return Array("\(kind)Bucket \(elements.sorted().joined(separator: " "))".utf8)
    }
  }

  /// Of a large value what is not in blocks.
  static func of(_ entry: Entry) -> [UInt8] {
    let header = entry.header
    var text = "\(header.type)Entry \(entry.key.text) \(header.encoding)"
    text += " \(entry.deadlineIfAny ?? 0) "
    if header.isString {
      var scratch = DecimalScratch()
      return Array(text.utf8) + StringValue(entry).text(&scratch).copied
    }
    if !entry.hasLargeForm {
      let bytes =
        header.type == .hash
        ? FieldList(entry).listpack.allBytes.copied : entry.packedBytes.copied
      return Array(text.utf8) + bytes
    }
    switch header.type {
    case .string: break
    case .list: text += "\(ListValue(entry).count)"
    case .set: text += "\(SetValue(entry).count)"
    case .sortedSet: text += "\(SortedSetValue(entry).count)"
    case .hash: text += "\(HashValue(entry).count)"
    case .stream:
      let stream = StreamValue(entry).stream
      text += "\(stream.length) \(stream.lastID) \(stream.maxDeletedID) \(stream.firstID)"
      text += " \(stream.entriesAdded) \(stream.groupCount)"
    }
    return Array(text.utf8)
  }

  private static func of(_ group: ConsumerGroup) -> String {
    var text = "group \(group.name.text) \(group.lastID) \(group.entriesRead)"
    for index in 0..<group.consumerCount {
      let consumer = group.consumer(at: index)
      text += " \(consumer.name.text) \(consumer.seenTime) \(consumer.activeTime)"
    }
    var next: StreamID? = .zero
    while let id = next, let entry = group.firstPending(from: id) {
      text += " (\(entry.id) \(entry.consumer?.name.text ?? "") \(entry.deliveryTime)"
      text += " \(entry.deliveryCount))"
      next = entry.id.successor
    }
    var place = group.released()
    while let current = place {
      text += " back \(current.id)"
      place = group.released(after: current)
    }
    return text
  }

  private static func of(_ log: ProducerLog) -> String {
    var text = "producers \(log.duration) \(log.maxCount) \(log.added) \(log.duplicates)"
    for index in 0..<log.producerCount {
      text += " \(log.producer(at: index).name.text)"
      var next = log.producer(at: index).first
      while let entry = next {
        text += " \(entry.name.text)=\(entry.id)"
        next = entry.nextOfProducer
      }
    }
    return text
  }
}
