// SPDX-License-Identifier: Apache-2.0

/// A log of producers for whoever may change it, as its stream hands it out.
@safe
public struct WritableProducerLog {
  /// The same log for whoever reads.
  public let reading: ProducerLog

  /// How many names whose time is over are forgotten when one is added.
  private static var forgottenAtOnce: Int { 32 }

  /// A log of an owner that the caller may change.
  init(owned log: ProducerLog) { reading = log }

  /// A new log without names.
  static func make(_ allocator: Allocator) -> WritableProducerLog {
    let memory = unsafe allocator.allocate(MemoryLayout<ProducerLog.Fields>.size)
    allocator.newerParts.producerLogs += 1
    unsafe memory.initializeMemory(
      as: ProducerLog.Fields.self,
      to: ProducerLog.Fields(allocator: allocator, epoch: allocator.epoch))
    return WritableProducerLog(owned: ProducerLog(word: UInt64(UInt(bitPattern: memory))))
  }

  private var pointer: UnsafeMutablePointer<ProducerLog.Fields> {
    // Made from an address by `make`, hence not zero.
    unsafe UnsafeMutablePointer(bitPattern: UInt(reading.word)).unsafelyUnwrapped
  }

  var fields: ProducerLog.Fields {
    unsafeAddress { unsafe UnsafePointer(pointer) }
    nonmutating unsafeMutableAddress { unsafe pointer }
  }

  // MARK: - Figures

  /// Seconds for which a name is remembered.
  public var duration: Int {
    get { fields.duration }
    nonmutating set {
      willChange()
      fields.duration = newValue
    }
  }

  /// Names of each producer that are remembered.
  public var maxCount: Int {
    get { fields.maxCount }
    nonmutating set {
      willChange()
      fields.maxCount = newValue
    }
  }

  /// How many entries with a name were ever added.
  public var added: UInt64 {
    get { fields.added }
    nonmutating set {
      willChange()
      fields.added = newValue
    }
  }

  /// How many entries were sent again.
  public var duplicates: UInt64 {
    get { fields.duplicates }
    nonmutating set {
      willChange()
      fields.duplicates = newValue
    }
  }

  // MARK: - Names

  /// Remembers that a producer has added the entry `id`, larger than all before, under a name.
  public func remember(_ producer: RawSpan, _ name: RawSpan, as id: StreamID, now: Int64) {
    willChange()
    var budget = WritableProducerLog.forgottenAtOnce
    while budget > 0, let oldest = fields.chain.first, reading.isOver(oldest, now: now) {
      forget(oldest)
      budget -= 1
    }
    if let known = fields.producers.find(producer) {
      // A name is taken again only when its time is over, and so is that of all older ones.
      while known.fields.names.count > 0, known.fields.names.find(name) != nil {
        forgetOldest(of: known)
      }
    }
    if let known = fields.producers.find(producer), known.count >= maxCount {
      forgetOldest(of: known)
    }
    append(name, id, time: now, to: self.producer(producer))
  }

  /// Forgets all names if one of them stands for an entry behind `last`: the stream's last id has
  /// been set back, and the ids of entries to come must be larger than those of all names.
  public func lastIDChanged(to last: StreamID) {
    guard let newest = fields.chain.last, newest.id > last else { return }
    willChange()
    while let oldest = fields.chain.first { forget(oldest) }
  }

  private func forgetOldest(of producer: Producer) {
    if let oldest = producer.first { forget(oldest) }
  }

  /// The producer with this name, which is made if it isn't there.
  func producer(_ name: RawSpan) -> WritableProducer {
    if let producer = fields.producers.find(name) { return WritableProducer(owned: producer) }
    let producer = WritableProducer(ProducerFields(), name: name, allocator: fields.allocator)
    fields.producers.insert(producer, allocator: fields.allocator)
    return producer
  }

  /// Takes in a name, the newest of the stream.
  func append(_ name: RawSpan, _ id: StreamID, time: Int64, to producer: WritableProducer) {
    let allocator = fields.allocator
    let entry = WritableProducedEntry(
      ProducedEntryFields(id, time: time, producer: producer.reading), name: name,
      allocator: allocator)
    producer.fields.names.insert(entry, allocator: allocator)
    producer.fields.chain.appendOfProducer(entry.reading)
    fields.chain.append(entry)
    fields.count += 1
    fields.nameBytes += entry.reading.allocatedSize(allocator)
  }

  /// Forgets a name, which is the oldest of its producer; the producer goes with the last one.
  private func forget(_ entry: ProducedEntry) {
    let allocator = fields.allocator
    let producer = WritableProducer(owned: entry.producer)
    assert(
      producer.reading.first == entry, "names are forgotten in the order in which they came")
    producer.fields.chain.removeFirstOfProducer()
    fields.chain.remove(entry)
    fields.count -= 1
    fields.nameBytes -= entry.allocatedSize(allocator)
    producer.fields.names.remove(entry.name, allocator: allocator)?.freeBlock(allocator)
    guard producer.reading.count == 0 else { return }
    fields.producers.remove(producer.reading.name, allocator: allocator)?.free(allocator)
  }

  // MARK: - Files

  /// Makes a producer of a file; nil if it is there already.
  public func restoreProducer(_ name: RawSpan) -> Producer? {
    fields.producers.find(name) == nil ? producer(name).reading : nil
  }

  /// Takes in a name of a file, behind all older ones of its producer, which is one of this log;
  /// false if it is there already or older than those, or if there are too many.
  public func restore(_ name: RawSpan, _ id: StreamID, time: Int64, to producer: Producer) -> Bool {
    guard producer.count < maxCount, producer.fields.names.find(name) == nil,
      producer.fields.chain.last.map({ $0.id < id }) ?? true
    else { return false }
    append(name, id, time: time, to: WritableProducer(owned: producer))
    return true
  }

  /// Puts what was restored in the order in which it was added; false if an entry has two names.
  public func finishRestoring() -> Bool {
    var entries: [ProducedEntry] = []
    while let entry = fields.chain.first {
      fields.chain.remove(entry)
      entries.append(entry)
    }
    entries.sort { $0.id < $1.id }
    var previous: StreamID?
    var isRight = true
    for entry in entries {
      if entry.id == previous { isRight = false }
      previous = entry.id
      fields.chain.append(WritableProducedEntry(owned: entry))
    }
    return isRight
  }

  // MARK: - Memory

  /// Frees names and producers until `budget` is counted down; true when the log itself is gone.
  func free(budget: inout Int) -> Bool {
    willChange()
    let allocator = fields.allocator
    while let entry = fields.chain.first {
      if budget <= 0 { return false }
      budget -= 1
      fields.chain.remove(entry)
      WritableProducedEntry(owned: entry).freeBlock(allocator)
    }
    while let producer = fields.producers.popLast(allocator: allocator) {
      budget -= 1
      producer.free(allocator)
      if budget <= 0, fields.producers.count > 0 { return false }
    }
    unsafe allocator.deallocate(pointer, byteCount: MemoryLayout<ProducerLog.Fields>.size)
    allocator.newerParts.producerLogs -= 1
    return true
  }
}
