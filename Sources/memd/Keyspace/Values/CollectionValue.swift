// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What the keyspace must be able to do with a value of any type but string.
///
/// A conforming type is a view on an entry: it owns nothing and dies with the next change of the
/// keyspace. What concerns packed forms alone is done by the keyspace; the functions that speak of
/// a large form are called only for entries whose value is one.
protocol CollectionValue {
  init(_ entry: Entry)

  /// Number of elements: items, members, fields or entries.
  var count: Int { get }

  /// Frees at most about `budget` elements of a large form, counting it down, and in the end what
  /// held them; true when all is gone. Called again and again until then, and nothing else is.
  static func free(_ value: UnlinkedValue, budget: inout Int, _ allocator: Allocator) -> Bool

  /// A large form with the same contents and nothing in common with this one.
  func copiedWord(_ allocator: Allocator, seed: HashSeed) -> UInt64

  /// Memory of a large form, in usable bytes.
  ///
  /// - Parameter samples: how many elements are measured to estimate all; 0 measures all.
  func allocatedSize(_ allocator: Allocator, samples: Int) -> Int

  /// Moves what lies in sparse slabs of a part of a large form. A pass begins with cursor 0 and has
  /// come round when 0 is returned; in between the collection may change. `visit` learns of every
  /// element whether it has moved.
  static func leaveSparseSlabs(
    of entry: WritableEntry, _ cursor: UInt64, _ allocator: Allocator,
    visit: (_ hasMoved: Bool) -> Void
  ) -> UInt64

  /// Mixes the contents into a fingerprint, as DEBUG DIGEST of redis-server does for the type.
  func mix(into digest: inout DatasetDigest)
}

extension CollectionValue {
  /// A view on an entry that was opened for writing.
  @inline(__always)
  init(_ entry: WritableEntry) { self.init(entry.entry) }

  // Most blocks of lists and streams are too large for slabs, and what leads to them is little.
  static func leaveSparseSlabs(
    of entry: WritableEntry, _ cursor: UInt64, _ allocator: Allocator,
    visit: (_ hasMoved: Bool) -> Void
  ) -> UInt64 { 0 }
}

extension Entry {
  /// A copy of the large form of a collection: its address.
  func copiedCollection(_ allocator: Allocator, seed: HashSeed) -> UInt64 {
    switch header.type {
    case .string: valueWord
    case .list: ListValue(self).copiedWord(allocator, seed: seed)
    case .set: SetValue(self).copiedWord(allocator, seed: seed)
    case .sortedSet: SortedSetValue(self).copiedWord(allocator, seed: seed)
    case .hash: HashValue(self).copiedWord(allocator, seed: seed)
    case .stream: StreamValue(self).copiedWord(allocator, seed: seed)
    }
  }

  /// Whether the value is a collection in its large form.
  var hasLargeForm: Bool {
    let header = self.header
    return !header.isString && !CollectionEncoding.isPacked(header.encoding)
  }

  /// Memory of what hangs off the entry, in usable bytes.
  func valueAllocatedSize(_ allocator: Allocator, samples: Int) -> Int {
    let header = self.header
    if header.isEmbedded { return 0 }
    if header.isString {
      guard header.encoding == StringEncoding.block.rawValue else { return 0 }
      return StringBlock(word: valueWord).allocatedSize(allocator)
    }
    if CollectionEncoding.isPacked(header.encoding) {
      return PackedBlock(word: valueWord).allocatedSize(allocator)
    }
    return switch header.type {
    case .string: 0
    case .list: ListValue(self).allocatedSize(allocator, samples: samples)
    case .set: SetValue(self).allocatedSize(allocator, samples: samples)
    case .sortedSet: SortedSetValue(self).allocatedSize(allocator, samples: samples)
    case .hash: HashValue(self).allocatedSize(allocator, samples: samples)
    case .stream: StreamValue(self).allocatedSize(allocator, samples: samples)
    }
  }
}

extension WritableEntry {
  /// Moves a part of a collection's large form out of sparse slabs, as its type does it.
  func leaveSparseSlabs(
    _ cursor: UInt64, _ allocator: Allocator, visit: (_ hasMoved: Bool) -> Void
  ) -> UInt64 {
    switch header.type {
    case .string, .list, .stream: 0
    case .set: SetValue.leaveSparseSlabs(of: self, cursor, allocator, visit: visit)
    case .sortedSet: SortedSetValue.leaveSparseSlabs(of: self, cursor, allocator, visit: visit)
    case .hash: HashValue.leaveSparseSlabs(of: self, cursor, allocator, visit: visit)
    }
  }
}

/// The address of a large form in the keyspace's memory, and the form at it, to be read only.
@safe
struct Boxed<Value: ~Copyable> {
  let word: UInt64

  @inline(__always)
  init(word: UInt64) { self.word = word }

  private var pointer: UnsafePointer<Value> {
    // Made from an address by `WritableBox`, hence not zero.
    unsafe UnsafePointer(bitPattern: UInt(word)).unsafelyUnwrapped
  }

  var pointee: Value {
    @inline(__always) unsafeAddress { unsafe pointer }
  }

  /// Memory of the block itself.
  func allocatedSize(_ allocator: Allocator) -> Int {
    unsafe allocator.allocatedSize(
      of: MemoryLayout<Value>.size, at: UnsafeMutableRawPointer(mutating: pointer))
  }
}
