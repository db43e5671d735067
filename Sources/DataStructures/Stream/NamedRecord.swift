// SPDX-License-Identifier: Apache-2.0

// Groups, consumers, producers and the names of what these have added are of one shape: a block
// that begins with fields and ends with the bytes of a name, which never changes.
//
//     0            8              8 + size of the fields
//     +------------+--------------+------------+
//     | name count | fields       | name       |
//     +------------+--------------+------------+

/// Fields with a name, at an address: to be read only.
@safe
public struct NamedRecord<Fields: ~Copyable>: Equatable {
  @usableFromInline let word: UInt64

  /// The record whose address was kept.
  init(word: UInt64) {
    assert(word != 0)
    self.word = word
  }

  static var fieldsOffset: Int { 8 }
  @usableFromInline static var nameOffset: Int {
    @inlinable get { 8 &+ MemoryLayout<Fields>.size }
  }

  @usableFromInline var pointer: UnsafeRawPointer {
    // Made from an address by `WritableNamedRecord`, hence not zero.
    @inlinable get { unsafe UnsafeRawPointer(bitPattern: UInt(word)).unsafelyUnwrapped }
  }

  /// The name; valid as long as the record.
  @inlinable
  public var name: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(
        _unsafeStart: pointer + NamedRecord.nameOffset, byteCount: pointer.load(as: Int.self))
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  var fields: Fields {
    unsafeAddress {
      let start = unsafe pointer + NamedRecord.fieldsOffset
      return unsafe start.assumingMemoryBound(to: Fields.self)
    }
  }

  /// Bytes of the block, as they were asked for.
  var byteCount: Int { NamedRecord.nameOffset + name.byteCount }

  /// Memory of the block itself.
  func blockSize(_ allocator: Allocator) -> Int {
    unsafe allocator.allocatedSize(of: byteCount, at: UnsafeMutableRawPointer(mutating: pointer))
  }
}

/// The same for whoever may change it.
@safe
public struct WritableNamedRecord<Fields: ~Copyable> {
  /// The same record for whoever reads.
  public let reading: NamedRecord<Fields>

  /// A record of an owner that the caller may change.
  init(owned record: NamedRecord<Fields>) { reading = record }

  /// Moves fields into a block of their own, and copies the name.
  init(_ fields: consuming Fields, name: RawSpan, allocator: Allocator) {
    let nameOffset = NamedRecord<Fields>.nameOffset
    let memory = unsafe allocator.allocate(nameOffset + name.byteCount)
    unsafe memory.storeBytes(of: name.byteCount, as: Int.self)
    let start = unsafe memory + NamedRecord<Fields>.fieldsOffset
    unsafe start.initializeMemory(as: Fields.self, to: fields)
    unsafe (memory + nameOffset).write(name)
    reading = NamedRecord(word: UInt64(UInt(bitPattern: memory)))
  }

  private var start: UnsafeMutablePointer<Fields> {
    let memory = unsafe UnsafeMutableRawPointer(mutating: reading.pointer)
    return unsafe (memory + NamedRecord<Fields>.fieldsOffset).assumingMemoryBound(to: Fields.self)
  }

  var fields: Fields {
    unsafeAddress { unsafe UnsafePointer(start) }
    nonmutating unsafeMutableAddress { unsafe start }
  }

  /// Gives back the block; what the fields refer to has been freed, or belongs to someone else.
  func freeBlock(_ allocator: Allocator) {
    let byteCount = reading.byteCount
    unsafe start.deinitialize(count: 1)
    unsafe allocator.deallocate(
      UnsafeMutableRawPointer(mutating: reading.pointer), byteCount: byteCount)
  }
}

extension UnsafeMutableRawPointer {
  /// Copies all bytes of a span to this address.
  fileprivate func write(_ bytes: RawSpan) {
    guard bytes.byteCount > 0 else { return }
    unsafe bytes.withUnsafeBytes {
      unsafe copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: $0.count)
    }
  }
}
