// SPDX-License-Identifier: Apache-2.0

/// A member of a consumer group: the address of one block, followed by the bytes of its name.
///
/// Everything that changes a consumer is done by its group.
@safe
public struct Consumer: NamedItem, Equatable {
  let word: UInt64

  struct Fields: ~Copyable {
    /// Ids of the entries that wait for the consumer's acknowledgement.
    var pending = OrderedPages<StreamID>()
    var seenTime: Int64
    var activeTime: Int64 = -1
    let nameCount: Int
  }

  init(word: UInt64) { self.word = word }

  /// A consumer without pending entries.
  static func make(_ name: RawSpan, seenTime: Int64, allocator: Allocator) -> Consumer {
    let memory = unsafe allocator.allocate(MemoryLayout<Fields>.size + name.byteCount)
    unsafe memory.bindMemory(to: Fields.self, capacity: 1).initialize(
      to: Fields(seenTime: seenTime, nameCount: name.byteCount))
    unsafe (memory + MemoryLayout<Fields>.size).write(name)
    return Consumer(word: UInt64(UInt(bitPattern: memory)))
  }

  private var pointer: UnsafeMutablePointer<Fields> {
    // Made from an address by `make`, hence not zero.
    unsafe UnsafeMutablePointer(bitPattern: UInt(word)).unsafelyUnwrapped
  }

  var fields: Fields {
    unsafeAddress { unsafe UnsafePointer(pointer) }
    nonmutating unsafeMutableAddress { unsafe pointer }
  }

  /// The name; valid as long as the consumer.
  public var name: RawSpan {
    @_lifetime(borrow self)
    get {
      let start = unsafe UnsafeRawPointer(pointer) + MemoryLayout<Fields>.size
      let span = unsafe RawSpan(_unsafeStart: start, byteCount: fields.nameCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  func compareName(_ name: RawSpan) -> Int { self.name.compare(name) }

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

  private var byteCount: Int { MemoryLayout<Fields>.size + fields.nameCount }

  /// Frees the consumer with its ids.
  func free(_ allocator: Allocator) {
    while fields.pending.dropLastPage(allocator: allocator) > 0 {}
    unsafe allocator.deallocate(pointer, byteCount: byteCount)
  }

  func allocatedSize(_ allocator: Allocator) -> Int {
    unsafe allocator.allocatedSize(of: byteCount, at: pointer)
      + fields.pending.allocatedSize(allocator)
  }
}

extension UnsafeMutableRawPointer {
  /// Copies all bytes of a span to this address.
  func write(_ bytes: RawSpan) {
    guard bytes.byteCount > 0 else { return }
    unsafe bytes.withUnsafeBytes {
      unsafe copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: $0.count)
    }
  }
}
