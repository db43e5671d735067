// SPDX-License-Identifier: Apache-2.0
//
// Producers that get no answer send an entry again. With IDMP they name the entry (the idempotent
// id, iid) and themselves, and the log remembers what each of them has added lately: the entry
// that is sent again is not added, its first id is the answer.
//
// Every name is one block. It stands in a table of its producer, sorted by name, and in two chains
// from the oldest to the newest: that of its producer, whose head goes when there are too many, and
// that of the stream, whose head goes when its time is over.

/// What producers have added to a stream lately: the address of one block.
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
    var producers = NameTable<Producer>()
    var chain = ProducedChain()
    var count = 0
    var nameBytes = 0
  }

  /// Seconds for which a name is remembered unless somebody says otherwise.
  public static var defaultDuration: Int { 100 }
  /// Names of each producer that are remembered unless somebody says otherwise.
  public static var defaultMaxCount: Int { 100 }
  /// How many names whose time is over are forgotten when one is added.
  private static var forgottenAtOnce: Int { 32 }

  static func make(_ allocator: Allocator) -> ProducerLog {
    let memory = unsafe allocator.allocate(MemoryLayout<Fields>.size)
    unsafe memory.bindMemory(to: Fields.self, capacity: 1).initialize(
      to: Fields(allocator: allocator, epoch: allocator.epoch))
    return ProducerLog(word: UInt64(UInt(bitPattern: memory)))
  }

  private var pointer: UnsafeMutablePointer<Fields> {
    // Made from an address by `make`, hence not zero.
    unsafe UnsafeMutablePointer(bitPattern: UInt(word)).unsafelyUnwrapped
  }

  var fields: Fields {
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

  private func isOver(_ entry: ProducedEntry, now: Int64) -> Bool {
    now &- entry.fields.time >= Int64(duration) &* 1000
  }

  /// Remembers that a producer has added the entry `id`, larger than all before, under a name.
  public func remember(_ producer: RawSpan, _ name: RawSpan, as id: StreamID, now: Int64) {
    willChange()
    var budget = ProducerLog.forgottenAtOnce
    while budget > 0, let oldest = fields.chain.first, isOver(oldest, now: now) {
      forget(oldest)
      budget -= 1
    }
    if let known = fields.producers.find(producer) {
      // A name is taken again only when its time is over, and so is that of all older ones.
      while known.fields.names.count > 0, known.fields.names.find(name) != nil {
        forgetOldest(of: known)
      }
    }
    if let known = fields.producers.find(producer), known.fields.names.count >= maxCount {
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
    if let oldest = producer.fields.chain.first { forget(oldest) }
  }

  /// The producer with this name, which is made if it isn't there.
  private func producer(_ name: RawSpan) -> Producer {
    if let producer = fields.producers.find(name) { return producer }
    let producer = Producer.make(name, allocator: fields.allocator)
    fields.producers.insert(producer, name: name, allocator: fields.allocator)
    return producer
  }

  private func append(_ name: RawSpan, _ id: StreamID, time: Int64, to producer: Producer) {
    let allocator = fields.allocator
    let entry = ProducedEntry.make(name, id, time: time, of: producer, allocator)
    producer.fields.names.insert(entry, name: name, allocator: allocator)
    producer.fields.chain.appendOfProducer(entry)
    fields.chain.append(entry)
    fields.count += 1
    fields.nameBytes += entry.allocatedSize(allocator)
  }

  /// Forgets a name, which is the oldest of its producer; the producer goes with the last one.
  private func forget(_ entry: ProducedEntry) {
    let allocator = fields.allocator
    let producer = entry.producer
    assert(producer.first == entry, "names are forgotten in the order in which they came")
    producer.fields.chain.removeFirstOfProducer()
    fields.chain.remove(entry)
    _ = producer.fields.names.remove(entry.name, allocator: allocator)
    fields.count -= 1
    fields.nameBytes -= entry.allocatedSize(allocator)
    entry.free(allocator)
    guard producer.fields.names.count == 0 else { return }
    _ = fields.producers.remove(producer.name, allocator: allocator)
    producer.free(allocator)
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

  // MARK: - Files

  /// Makes a producer of a file; nil if it is there already.
  public func restoreProducer(_ name: RawSpan) -> Producer? {
    fields.producers.find(name) == nil ? producer(name) : nil
  }

  /// Takes in a name of a file, behind all older ones of its producer; false if it is there already
  /// or older than those, or if there are too many.
  public func restore(_ name: RawSpan, _ id: StreamID, time: Int64, to producer: Producer) -> Bool {
    guard producer.fields.names.count < maxCount, producer.fields.names.find(name) == nil,
      producer.fields.chain.last.map({ $0.id < id }) ?? true
    else { return false }
    append(name, id, time: time, to: producer)
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
      fields.chain.append(entry)
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
      entry.free(allocator)
    }
    while let producer = fields.producers.popLast(allocator: allocator) {
      budget -= 1
      producer.free(allocator)
      if budget <= 0, fields.producers.count > 0 { return false }
    }
    unsafe allocator.deallocate(pointer, byteCount: MemoryLayout<Fields>.size)
    return true
  }

  /// A log with the same contents and nothing in common with this one.
  func copied(_ allocator: Allocator) -> ProducerLog {
    let copy = ProducerLog.make(allocator)
    copy.duration = duration
    copy.maxCount = maxCount
    copy.added = added
    copy.duplicates = duplicates
    var next = fields.chain.first
    while let entry = next {
      let producer = copy.producer(entry.producer.name)
      copy.append(entry.name, entry.id, time: entry.fields.time, to: producer)
      next = entry.fields.next
    }
    return copy
  }

  /// - Complexity: O(producers)
  func allocatedSize(_ allocator: Allocator) -> Int {
    var size = unsafe allocator.allocatedSize(of: MemoryLayout<Fields>.size, at: pointer)
    size += fields.producers.allocatedSize(allocator) + fields.nameBytes
    for index in 0..<producerCount { size += producer(at: index).allocatedSize(allocator) }
    return size
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
