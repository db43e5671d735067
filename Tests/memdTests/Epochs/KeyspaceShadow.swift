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
  private var left: [String: Int] = [:]
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
    keyspace.allocator.advanceEpoch()
    left = Dictionary(everything.map { ($0.contents, 1) }, uniquingKeysWith: +)
  }

  func willChange(_ block: ChangingBlock) {
    let contents = BlockText.of(block)
    announcedCounts[String(contents.prefix { $0 != " " }), default: 0] += 1
    guard let count = left[contents] else {
      return failures.append("\(context): announced late or twice: \(contents.prefix(300))")
    }
    left[contents] = count == 1 ? nil : count - 1
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
      failures.append("\(context): changed unannounced to \(contents.prefix(300))")
    }
    for (contents, count) in left where found[contents] != count {
      failures.append("\(context): gone or changed unannounced: \(contents.prefix(300))")
    }
  }

  /// The same when nothing waits to be freed any more.
  func checkAll() {
    finishFreeing()
    check()
  }

  private typealias Seen = (epoch: UInt8, contents: String)

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
      SortedSetValue(entry).large.pointee.forEachNode {
        seen.append(($0.epoch, BlockText.of(.sortedSetNode($0))))
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
  static func of(_ block: ChangingBlock) -> String {
    switch block {
    case .entry(let word, _): return of(Entry(word: word))
    case .listNode(let node):
      return node.isPlain
        ? "plain \(node.plainText.copied)" : "packed \(node.listpack.allBytes.copied)"
    case .streamNode(let node, _): return "stream \(node.id) \(node.listpack.allBytes.copied)"
    case .group(let group): return of(group)
    case .producers(let log): return of(log)
    case .sortedSetNode(let node):
      var text = "sorted"
      node.forEach { text += " \($0.score.bitPattern) \($0.member.copied)" }
      return text
    case .bucket(let kind, let chain):
      // The order in a bucket means nothing.
      var elements: [String] = []
      chain.forEach { word in
        switch kind {
        case .set: elements.append("\(SetMember(word: word).bytes.text)")
        case .hash:
          let field = HashField(word: word)
          let deadline = field.deadlineIfAny ?? 0
          elements.append("\(field.name.text)=\(field.value.text)@\(deadline)")
        }
      }
      return "\(kind)Bucket \(elements.sorted())"
    }
  }

  /// Of a large value what is not in blocks.
  static func of(_ entry: Entry) -> String {
    let header = entry.header
    var text = "\(header.type)Entry \(entry.key.text) \(header.encoding)"
    text += " \(entry.deadlineIfAny ?? 0) "
    if header.isString {
      var scratch = DecimalScratch()
      return text + "\(StringValue(entry).text(&scratch).copied)"
    }
    if !entry.hasLargeForm {
      if header.type == .hash { return text + "\(FieldList(entry).listpack.allBytes.copied)" }
      return text + "\(entry.packedBytes.copied)"
    }
    switch header.type {
    case .string: return text
    case .list: return text + "\(ListValue(entry).count)"
    case .set: return text + "\(SetValue(entry).count)"
    case .sortedSet: return text + "\(SortedSetValue(entry).count)"
    case .hash: return text + "\(HashValue(entry).count)"
    case .stream:
      let stream = StreamValue(entry).stream
      text += "\(stream.length) \(stream.lastID) \(stream.maxDeletedID) \(stream.firstID)"
      return text + " \(stream.entriesAdded) \(stream.groupCount)"
    }
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
