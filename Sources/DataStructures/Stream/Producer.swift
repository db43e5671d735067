// SPDX-License-Identifier: Apache-2.0

/// A producer and the names under which it has added entries, to be read only.
public typealias Producer = NamedRecord<ProducerFields>

/// What a log knows of a producer.
public struct ProducerFields: ~Copyable {
  var names = NameTable<ProducedEntryFields>()
  var chain = ProducedChain()
}

extension Producer {
  /// Number of names under which the producer has added entries.
  public var count: Int { fields.names.count }

  /// The oldest of them.
  public var first: ProducedEntry? { fields.chain.first }

  func allocatedSize(_ allocator: Allocator) -> Int {
    blockSize(allocator) + fields.names.allocatedSize(allocator)
  }
}

/// The same for its log.
typealias WritableProducer = WritableNamedRecord<ProducerFields>

extension WritableProducer {
  /// Frees the producer, whose names are free or going to be.
  func free(_ allocator: Allocator) {
    fields.names.removeAll(allocator: allocator)
    freeBlock(allocator)
  }
}

/// A name under which a producer has added an entry, to be read only.
public typealias ProducedEntry = NamedRecord<ProducedEntryFields>

/// What a log knows of the entry that has a name.
public struct ProducedEntryFields: ~Copyable {
  let id: StreamID
  let time: Int64
  let producer: Producer
  /// The next newer one of the same producer.
  var nextOfProducer: ProducedEntry?
  /// The next newer and older ones of the stream.
  var next: ProducedEntry?
  var previous: ProducedEntry?

  init(_ id: StreamID, time: Int64, producer: Producer) {
    self.id = id
    self.time = time
    self.producer = producer
  }
}

extension ProducedEntry {
  /// The id of the entry.
  public var id: StreamID { fields.id }

  /// Who has added it.
  var producer: Producer { fields.producer }

  /// The next newer name of the same producer.
  public var nextOfProducer: ProducedEntry? { fields.nextOfProducer }

  func allocatedSize(_ allocator: Allocator) -> Int { blockSize(allocator) }
}

/// The same for its log.
typealias WritableProducedEntry = WritableNamedRecord<ProducedEntryFields>

/// Names from the oldest to the newest. They are linked by their own fields, and each stands in two
/// chains: that of its stream, which it may leave anywhere, and that of its producer, which it
/// leaves at the front.
struct ProducedChain {
  private(set) var first: ProducedEntry?
  private(set) var last: ProducedEntry?

  /// Adds a name to the chain of a stream.
  mutating func append(_ entry: WritableProducedEntry) {
    entry.fields.previous = last
    entry.fields.next = nil
    link(entry.reading, behind: last)
    last = entry.reading
  }

  /// Takes a name out of the chain of a stream.
  mutating func remove(_ entry: ProducedEntry) {
    let next = entry.fields.next
    let previous = entry.fields.previous
    link(next, behind: previous)
    if let next {
      WritableProducedEntry(owned: next).fields.previous = previous
    } else {
      last = previous
    }
  }

  /// Lets a name of the chain of a stream, or none, follow another one; nil: at the front.
  private mutating func link(_ entry: ProducedEntry?, behind previous: ProducedEntry?) {
    if let previous {
      WritableProducedEntry(owned: previous).fields.next = entry
    } else {
      first = entry
    }
  }

  /// Adds a name to the chain of its producer.
  mutating func appendOfProducer(_ entry: ProducedEntry) {
    if let last {
      WritableProducedEntry(owned: last).fields.nextOfProducer = entry
    } else {
      first = entry
    }
    last = entry
  }

  /// Takes the first name out of the chain of its producer.
  mutating func removeFirstOfProducer() {
    first = first?.fields.nextOfProducer
    if first == nil { last = nil }
  }
}
