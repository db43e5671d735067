// SPDX-License-Identifier: Apache-2.0

import CLinux
import DataStructures

/// A key with its value: one allocation, one reference of six bytes.
///
/// Layout (fields in brackets are there only if the header says so):
///
///     0         8            16         24         ..
///     +--------+------------+----------+----------+--------------+-----------+--------------+
///     | header | [deadline] | [record] | [word]   | [key length] | key bytes | [value bytes] |
///     +--------+------------+----------+----------+--------------+-----------+--------------+
///
///     header, from the least bit:
///      0- 3 type          4- 7 encoding       8 has deadline     9 has key length
///     10 value embedded  11-18 epoch in which the entry was made or last announced
///     19-47 access clock (LRU: units of 16 ms; LFU: 21 bits of 1/32 minutes, 8 bits of counter)
///     48-55 key length (255: in its own field)                  56-63 value length, if embedded
///
/// `word` holds an integer, or the address of a value too large to be embedded. Deadlines are
/// milliseconds since 1970; `record` is the place in the timing wheel.
///
/// An `Entry` is a view: it can't change anything. `WriteDoor.swift` has the types that can.
@safe
struct Entry: HashTableElement {
  let word: UInt64

  init(word: UInt64) { self.word = word }

  init(_ pointer: UnsafeMutableRawPointer) {
    word = UInt64(UInt(bitPattern: pointer))
  }

  var pointer: UnsafeMutableRawPointer {
    // The word of an entry is never zero: it was made from an address.
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(word)).unsafelyUnwrapped
  }

  var header: Header { unsafe Header(bits: pointer.load(as: UInt64.self)) }

  // MARK: - HashTableElement

  /// The key's bytes, valid until the entry is moved or freed.
  var key: RawSpan {
    @_lifetime(borrow self)
    get {
      let layout = Layout(header, at: self)
      let span = unsafe RawSpan(
        _unsafeStart: pointer + layout.keyOffset, byteCount: layout.keyCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  func hash(_ seed: HashSeed) -> UInt64 { SipHash13.hash(key, seed) }

  @inline(__always)
  func hasKey(_ other: RawSpan) -> Bool { key.equals(other) }

  /// Both cache lines of a typical entry; one of 40 bytes straddles two half of the time.
  @inline(__always)
  func prefetch() {
    unsafe memd_prefetch(UnsafeRawPointer(pointer))
    unsafe memd_prefetch(UnsafeRawPointer(pointer + 40))
  }

  // MARK: - Deadline

  /// Milliseconds since 1970; only for entries whose header says that they have one.
  var deadline: Int64 { unsafe pointer.load(fromByteOffset: 8, as: Int64.self) }

  /// The deadline, or nil for a key that lives until it is deleted.
  var deadlineIfAny: Int64? { header.hasDeadline ? deadline : nil }

  // MARK: - Value

  /// The integer or address beside the key; only if the encoding is not embedded.
  var valueWord: UInt64 {
    unsafe pointer.load(fromByteOffset: header.wordOffset, as: UInt64.self)
  }

  /// The large form of a collection, which the caller knows to be a `Value`.
  @inline(__always)
  func box<Value: ~Copyable>(of type: Value.Type) -> Boxed<Value> { Boxed(word: valueWord) }

  /// Bytes of the allocation, as they were asked for.
  var byteCount: Int { Layout(header, at: self).byteCount }

  // MARK: - Access

  /// Dates the last access, or counts it; the one thing that readers change.
  @inline(__always)
  func note(access: UInt32) {
    var header = self.header
    header.access = access
    unsafe pointer.storeBytes(of: header.bits, as: UInt64.self)
  }
}

extension Entry {
  /// Kinds of values; the numbers are stored.
  enum ValueType: UInt8, CaseIterable {
    case string = 0
    case list = 1
    case set = 2
    case sortedSet = 3
    case hash = 4
    case stream = 5

    /// The word in TYPE's reply.
    var name: StaticString {
      switch self {
      case .string: "string"
      case .list: "list"
      case .set: "set"
      case .sortedSet: "zset"
      case .hash: "hash"
      case .stream: "stream"
      }
    }
  }

  /// How a value is stored; the numbers are stored. Those of one type may repeat another's.
  enum StringEncoding: UInt8 {
    /// Bytes behind the key.
    case embedded = 0
    /// A 64-bit integer in `word`.
    case integer = 1
    /// A block of its own, at the address in `word`.
    case block = 2
    /// Bytes behind the key that were changed in place, which OBJECT ENCODING calls raw.
    case embeddedRaw = 3
  }

  /// How a list, set, sorted set, hash or stream is stored; the numbers are stored.
  ///
  /// Small collections are packed: bytes without inner structure in memory, behind the key while
  /// the entry stays small, else in a block of their own. Large forms hang off one address.
  enum CollectionEncoding: UInt8 {
    /// A listpack behind the key.
    case embeddedPacked = 0
    /// A listpack in a `PackedBlock`.
    case packed = 1
    /// A hash table of members or fields.
    case table = 2
    /// A sorted set of two indexes: by member, and by score.
    case skipList = 3
    /// A sorted array of integers behind the key.
    case embeddedIntset = 4
    /// A sorted array of integers in a `PackedBlock`.
    case intset = 5
    /// A linked list of listpacks.
    case quicklist = 6
    /// Blocks of stream entries, and consumer groups.
    case stream = 7
    /// A listpack of fields, values and deadlines behind the key.
    case embeddedPackedDeadlines = 8
    /// A listpack of fields, values and deadlines in a `PackedBlock`.
    case packedDeadlines = 9

    /// True for the raw values whose bytes stand behind the key: the multiples of four.
    static func isEmbedded(_ rawValue: UInt8) -> Bool { rawValue & 3 == 0 }
    /// True for the raw values of bytes that stand behind the key or in a `PackedBlock`.
    static func isPacked(_ rawValue: UInt8) -> Bool { rawValue & 2 == 0 }

    /// The same contents behind the key, for packed encodings.
    var embedded: CollectionEncoding {
      CollectionEncoding(rawValue: rawValue & ~1) ?? .embeddedPacked
    }
    /// The same contents in a block, for packed encodings.
    var outOfLine: CollectionEncoding { CollectionEncoding(rawValue: rawValue | 1) ?? .packed }
  }

  /// The first eight bytes of an entry.
  struct Header {
    var bits: UInt64

    static let accessMask: UInt32 = 0x1FFF_FFFF
    private static let accessShift: UInt64 = 19
    private static let epochShift: UInt64 = 11
    static let longKey: UInt64 = 255
    static let embeddedBit: UInt64 = 1 << 10

    init(bits: UInt64) { self.bits = bits }

    init(type: ValueType, encoding: UInt8, keyCount: Int, embeddedCount: Int, deadline: Bool) {
      bits = UInt64(type.rawValue) | UInt64(encoding) << 4
      if Header.embeds(type, encoding) { bits |= Header.embeddedBit }
      if deadline { bits |= 1 << 8 }
      if keyCount >= Int(Header.longKey) {
        bits |= 1 << 9 | Header.longKey << 48
      } else {
        bits |= UInt64(keyCount) << 48
      }
      bits |= UInt64(embeddedCount) << 56
    }

    /// True for the encodings whose bytes stand behind the key.
    private static func embeds(_ type: ValueType, _ encoding: UInt8) -> Bool {
      type == .string
        ? encoding == StringEncoding.embedded.rawValue
          || encoding == StringEncoding.embeddedRaw.rawValue
        : CollectionEncoding.isEmbedded(encoding)
    }

    var type: ValueType { ValueType(rawValue: UInt8(bits & 0xF)).unsafelyUnwrappedInRelease }
    var encoding: UInt8 {
      get { UInt8(bits >> 4 & 0xF) }
      set { bits = bits & ~(0xF << 4) | UInt64(newValue) << 4 }
    }
    var hasDeadline: Bool { bits & 1 << 8 != 0 }
    var hasLongKey: Bool { bits & 1 << 9 != 0 }
    var epoch: UInt8 {
      get { UInt8(truncatingIfNeeded: bits >> Header.epochShift) }
      set {
        bits = bits & ~(0xFF << Header.epochShift) | UInt64(newValue) << Header.epochShift
      }
    }
    var access: UInt32 {
      get { UInt32(truncatingIfNeeded: bits >> Header.accessShift) & Header.accessMask }
      set {
        bits =
          bits & ~(UInt64(Header.accessMask) << Header.accessShift)
          | UInt64(newValue & Header.accessMask) << Header.accessShift
      }
    }
    var shortKeyCount: Int { Int(bits >> 48 & 0xFF) }
    var embeddedCount: Int {
      get { Int(bits >> 56) }
      set { bits = bits & ~(0xFF << 56) | UInt64(newValue) << 56 }
    }
    /// True for a value whose bytes stand behind the key.
    var isEmbedded: Bool { bits & Header.embeddedBit != 0 }
    /// True for a string, whatever its encoding.
    var isString: Bool { bits & 0xF == UInt64(ValueType.string.rawValue) }
    var wordOffset: Int { hasDeadline ? 24 : 8 }
  }

  /// Offsets that follow from a header.
  struct Layout {
    let keyOffset: Int
    let keyCount: Int
    let embeddedCount: Int

    @inline(__always)
    init(_ header: Header, at entry: Entry) {
      var offset = header.wordOffset
      if !header.isEmbedded { offset += 8 }
      if header.hasLongKey {
        keyCount = unsafe entry.pointer.load(fromByteOffset: offset, as: Int.self)
        offset += 8
      } else {
        keyCount = header.shortKeyCount
      }
      keyOffset = offset
      embeddedCount = header.isEmbedded ? header.embeddedCount : 0
    }

    /// Of an entry that is still to be made.
    init(_ header: Header, keyCount: Int) {
      var offset = header.wordOffset
      if !header.isEmbedded { offset += 8 }
      if header.hasLongKey { offset += 8 }
      self.keyCount = keyCount
      keyOffset = offset
      embeddedCount = header.isEmbedded ? header.embeddedCount : 0
    }

    var valueOffset: Int { keyOffset + keyCount }
    var byteCount: Int { keyOffset + keyCount + embeddedCount }
  }
}

extension Optional {
  /// The value: checked in debug builds, assumed in release ones.
  @inline(__always)
  fileprivate var unsafelyUnwrappedInRelease: Wrapped {
    assert(self != nil, "a stored code has no meaning")
    return unsafe unsafelyUnwrapped
  }
}
