// SPDX-License-Identifier: Apache-2.0

/// A producer and the names under which it has added entries: the address of one block, followed by
/// the bytes of its own name.
@safe
public struct Producer: NamedItem, Equatable {
  let word: UInt64

  struct Fields: ~Copyable {
    var names = NameTable<ProducedEntry>()
    var chain = ProducedChain()
    let nameCount: Int
  }

  init(word: UInt64) { self.word = word }

  static func make(_ name: RawSpan, allocator: Allocator) -> Producer {
    let memory = unsafe allocator.allocate(MemoryLayout<Fields>.size + name.byteCount)
    unsafe memory.bindMemory(to: Fields.self, capacity: 1).initialize(
      to: Fields(nameCount: name.byteCount))
    unsafe (memory + MemoryLayout<Fields>.size).write(name)
    return Producer(word: UInt64(UInt(bitPattern: memory)))
  }

  private var pointer: UnsafeMutablePointer<Fields> {
    // Made from an address by `make`, hence not zero.
    unsafe UnsafeMutablePointer(bitPattern: UInt(word)).unsafelyUnwrapped
  }

  var fields: Fields {
    unsafeAddress { unsafe UnsafePointer(pointer) }
    nonmutating unsafeMutableAddress { unsafe pointer }
  }

  /// The name; valid as long as the producer.
  public var name: RawSpan {
    @_lifetime(borrow self)
    get {
      let start = unsafe UnsafeRawPointer(pointer) + MemoryLayout<Fields>.size
      let span = unsafe RawSpan(_unsafeStart: start, byteCount: fields.nameCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  func compareName(_ name: RawSpan) -> Int { self.name.compare(name) }

  /// Number of names under which the producer has added entries.
  public var count: Int { fields.names.count }

  /// The oldest of them.
  public var first: ProducedEntry? { fields.chain.first }

  private var byteCount: Int { MemoryLayout<Fields>.size + fields.nameCount }

  /// Frees the producer, whose names are free or going to be.
  func free(_ allocator: Allocator) {
    fields.names.removeAll(allocator: allocator)
    unsafe allocator.deallocate(pointer, byteCount: byteCount)
  }

  func allocatedSize(_ allocator: Allocator) -> Int {
    unsafe allocator.allocatedSize(of: byteCount, at: pointer)
      + fields.names.allocatedSize(allocator)
  }
}

/// A name under which a producer has added an entry: the address of one block, followed by the
/// bytes of the name.
@safe
public struct ProducedEntry: NamedItem, Equatable {
  let word: UInt64

  struct Fields: ~Copyable {
    let id: StreamID
    let time: Int64
    let producer: Producer
    /// The next newer one of the same producer.
    var nextOfProducer: ProducedEntry?
    /// The next newer and older ones of the stream.
    var next: ProducedEntry?
    var previous: ProducedEntry?
    let nameCount: Int
  }

  init(word: UInt64) { self.word = word }

  static func make(
    _ name: RawSpan, _ id: StreamID, time: Int64, of producer: Producer, _ allocator: Allocator
  ) -> ProducedEntry {
    let memory = unsafe allocator.allocate(MemoryLayout<Fields>.size + name.byteCount)
    unsafe memory.bindMemory(to: Fields.self, capacity: 1).initialize(
      to: Fields(id: id, time: time, producer: producer, nameCount: name.byteCount))
    unsafe (memory + MemoryLayout<Fields>.size).write(name)
    return ProducedEntry(word: UInt64(UInt(bitPattern: memory)))
  }

  private var pointer: UnsafeMutablePointer<Fields> {
    // Made from an address by `make`, hence not zero.
    unsafe UnsafeMutablePointer(bitPattern: UInt(word)).unsafelyUnwrapped
  }

  var fields: Fields {
    unsafeAddress { unsafe UnsafePointer(pointer) }
    nonmutating unsafeMutableAddress { unsafe pointer }
  }

  /// The id of the entry.
  public var id: StreamID { fields.id }

  /// Who has added it.
  var producer: Producer { fields.producer }

  /// The next newer name of the same producer.
  public var nextOfProducer: ProducedEntry? { fields.nextOfProducer }

  /// The name; valid as long as it is remembered.
  public var name: RawSpan {
    @_lifetime(borrow self)
    get {
      let start = unsafe UnsafeRawPointer(pointer) + MemoryLayout<Fields>.size
      let span = unsafe RawSpan(_unsafeStart: start, byteCount: fields.nameCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  func compareName(_ name: RawSpan) -> Int { self.name.compare(name) }

  private var byteCount: Int { MemoryLayout<Fields>.size + fields.nameCount }

  func free(_ allocator: Allocator) {
    unsafe allocator.deallocate(pointer, byteCount: byteCount)
  }

  func allocatedSize(_ allocator: Allocator) -> Int {
    unsafe allocator.allocatedSize(of: byteCount, at: pointer)
  }
}

/// Names from the oldest to the newest. They are linked by their own fields, and each stands in two
/// chains: that of its stream, which it may leave anywhere, and that of its producer, which it
/// leaves at the front.
struct ProducedChain {
  private(set) var first: ProducedEntry?
  private(set) var last: ProducedEntry?

  /// Adds a name to the chain of a stream.
  mutating func append(_ entry: ProducedEntry) {
    entry.fields.previous = last
    entry.fields.next = nil
    if let last { last.fields.next = entry } else { first = entry }
    last = entry
  }

  /// Takes a name out of the chain of a stream.
  mutating func remove(_ entry: ProducedEntry) {
    let previous = entry.fields.previous
    let next = entry.fields.next
    if let previous { previous.fields.next = next } else { first = next }
    if let next { next.fields.previous = previous } else { last = previous }
  }

  /// Adds a name to the chain of its producer.
  mutating func appendOfProducer(_ entry: ProducedEntry) {
    if let last { last.fields.nextOfProducer = entry } else { first = entry }
    last = entry
  }

  /// Takes the first name out of the chain of its producer.
  mutating func removeFirstOfProducer() {
    first = first?.fields.nextOfProducer
    if first == nil { last = nil }
  }
}
