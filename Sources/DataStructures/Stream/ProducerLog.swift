// SPDX-License-Identifier: Apache-2.0
//
// Producers that get no answer send an entry again. With IDMP they name the entry (the idempotent
// id, iid) and themselves, and the log remembers what each of them has added lately: the entry
// that is sent again is not added, its first id is the answer.
//
// Every name is one block. It stands in a table of its producer, sorted by name, and in two chains
// from the oldest to the newest: that of its producer, whose head goes when there are too many, and
// that of the stream, whose head goes when its time is over.

/// What producers have added to a stream lately: the address of one block, to be read only.
///
/// - Complexity: O(log producers + log names of one), and a move of the words of the tables.
@safe
public struct ProducerLog: Equatable {
  let word: UInt64

  struct Fields: ~Copyable {
    let allocator: Allocator
    var epoch: UInt8
    var duration = ProducerLog.defaultDuration
    var maxCount = ProducerLog.defaultMaxCount
    var added: UInt64 = 0
    var duplicates: UInt64 = 0
    var producers = NameTable<ProducerFields>()
    var chain = ProducedChain()
    var count = 0
    var nameBytes = 0
  }

  /// Seconds for which a name is remembered unless somebody says otherwise.
  public static var defaultDuration: Int { 100 }
  /// Names of each producer that are remembered unless somebody says otherwise.
  public static var defaultMaxCount: Int { 100 }

  private var pointer: UnsafePointer<Fields> {
    // Made from an address by `WritableProducerLog`, hence not zero.
    unsafe UnsafePointer(bitPattern: UInt(word)).unsafelyUnwrapped
  }

  var fields: Fields { unsafeAddress { unsafe pointer } }

  // MARK: - Figures

  /// Seconds for which a name is remembered.
  public var duration: Int { fields.duration }

  /// Names of each producer that are remembered.
  public var maxCount: Int { fields.maxCount }

  /// How many entries with a name were ever added.
  public var added: UInt64 { fields.added }

  /// How many entries were sent again.
  public var duplicates: UInt64 { fields.duplicates }

  /// Number of producers.
  public var producerCount: Int { fields.producers.count }

  /// The producer with this number in the order of names.
  public func producer(at index: Int) -> Producer { fields.producers[index] }

  /// Number of names, those included whose time is over.
  public var count: Int { fields.count }

  /// Whether there is nothing that a stream without a log would not have.
  public var isPristine: Bool {
    duration == ProducerLog.defaultDuration && maxCount == ProducerLog.defaultMaxCount
      && count == 0 && added == 0 && duplicates == 0
  }

  // MARK: - Names

  /// The entry that a producer has added under a name that is still remembered.
  public func find(_ producer: RawSpan, _ name: RawSpan, now: Int64) -> StreamID? {
    guard let entry = fields.producers.find(producer)?.fields.names.find(name),
      !isOver(entry, now: now)
    else { return nil }
    return entry.id
  }

  /// Whether the time of a name is over.
  func isOver(_ entry: ProducedEntry, now: Int64) -> Bool {
    now &- entry.fields.time >= Int64(duration) &* 1000
  }

  /// Number of producers and names whose time isn't over.
  ///
  /// - Complexity: O(names whose time is over)
  public func tracked(now: Int64) -> (producers: Int, names: Int) {
    var names = count
    var producers = producerCount
    var next = fields.chain.first
    while let entry = next, isOver(entry, now: now) {
      names -= 1
      if entry.nextOfProducer == nil { producers -= 1 }
      next = entry.fields.next
    }
    return (producers, names)
  }

  // MARK: - Memory

  /// A log with the same contents and nothing in common with this one.
  func copied(_ allocator: Allocator) -> WritableProducerLog {
    let copy = WritableProducerLog.make(allocator)
    copy.duration = duration
    copy.maxCount = maxCount
    copy.added = added
    copy.duplicates = duplicates
    var next = fields.chain.first
    while let entry = next {
      copy.append(
        entry.name, entry.id, time: entry.fields.time, to: copy.producer(entry.producer.name))
      next = entry.fields.next
    }
    return copy
  }

  /// - Parameter samples: how many producers are measured to estimate all; 0: all.
  func allocatedSize(_ allocator: Allocator, samples: Int) -> Int {
    var size = unsafe allocator.allocatedSize(
      of: MemoryLayout<Fields>.size, at: UnsafeMutableRawPointer(mutating: pointer))
    size += fields.producers.allocatedSize(allocator) + fields.nameBytes
    return size
      + SampledSum.of(producerCount, samples: samples) { producer(at: $0).allocatedSize(allocator) }
  }

  /// Stops the process if tables, chains and counts disagree.
  func checkInvariants() {
    var total = 0
    var previous: StreamID?
    var next = fields.chain.first
    while let entry = next {
      if let previous { precondition(previous < entry.id, "order of names") }
      previous = entry.id
      precondition(entry.producer.fields.names.find(entry.name) == entry, "a name's place")
      total += 1
      next = entry.fields.next
    }
    precondition(total == count, "count of names")
    for index in 0..<producerCount {
      let producer = self.producer(at: index)
      precondition(producer.fields.names.count > 0, "a producer without names")
      var next = producer.fields.chain.first
      while let entry = next {
        precondition(entry.producer == producer, "owner of a name")
        total -= 1
        next = entry.nextOfProducer
      }
    }
    precondition(total == 0, "names of producers")
  }
}
