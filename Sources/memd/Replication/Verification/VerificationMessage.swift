// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What a leader says of some of its keys at a point of the stream, as the argument of a PING.
///
///     memd-verify:2 number round flags keys, then for each key: state database name ...
///
/// Numbers are variable in length, seven bits in a byte and the lowest first.
struct VerificationMessage: Equatable {
  /// What the leader has under a name.
  struct State: Equatable {
    var type: Entry.ValueType
    /// Milliseconds since 1970.
    var deadline: Int64?
    /// Elements, or bytes of a string.
    var elementCount: Int
    var part: ValuePart
    var digest: UInt32
  }

  /// A key, or a part of a large one.
  struct Item: Equatable {
    var name: KeyName
    /// Whether no other part of the key has come before.
    var isFirst = true
    /// Nil: the leader doesn't have the key.
    var state: State?
  }

  /// Messages of a leader have numbers without a gap, and rounds.
  var number: Int
  var round: Int
  var beginsRound = false
  var endsRound = false
  /// Keys of all databases.
  var keyCount: Int
  var items: [Item] = []

  /// A longer message is none.
  static let byteCountMax = 64 << 10

  // MARK: - Text

  private static let beginning = Array("memd-verify:2".utf8)

  /// Whether a PING's argument begins as messages do.
  static func looksLikeOne(_ text: RawSpan) -> Bool {
    text.byteCount >= beginning.count
      && text.extracting(first: beginning.count).equals(beginning.rawSpan)
  }

  var text: ByteText {
    var writer = NumberWriter(VerificationMessage.beginning)
    writer.append(number)
    writer.append(round)
    writer.append((beginsRound ? 1 : 0) | (endsRound ? 2 : 0))
    writer.append(keyCount)
    for item in items { item.write(to: &writer) }
    return ByteText(writer.bytes)
  }

  /// Reads a message; nil if it is none.
  init?(_ text: RawSpan) {
    guard text.byteCount <= VerificationMessage.byteCountMax,
      VerificationMessage.looksLikeOne(text)
    else { return nil }
    var reader = NumberReader(text.copied[VerificationMessage.beginning.count...])
    guard let number = reader.number(), let round = reader.number(),
      let flags = reader.number(), flags < 4, let keyCount = reader.number()
    else { return nil }
    self.init(
      number: number, round: round, beginsRound: flags & 1 != 0, endsRound: flags & 2 != 0,
      keyCount: keyCount)
    while !reader.isAtEnd {
      guard let item = Item(from: &reader) else { return nil }
      items.append(item)
    }
  }

  init(
    number: Int, round: Int, beginsRound: Bool = false, endsRound: Bool = false, keyCount: Int,
    items: [Item] = []
  ) {
    self.number = number
    self.round = round
    self.beginsRound = beginsRound
    self.endsRound = endsRound
    self.keyCount = keyCount
    self.items = items
  }
}

/// A key and its database.
struct KeyName: Equatable {
  var database: Int
  var key: ByteText

  /// Longer keys are neither sent nor asked for.
  static let byteCountMax = 4 << 10

  /// Names as a follower asks for them.
  static func text(of names: [KeyName]) -> ByteText {
    var writer = NumberWriter([])
    for name in names { name.write(to: &writer) }
    return ByteText(writer.bytes)
  }

  /// Reads names that are asked for; nil if they are none.
  static func read(_ text: RawSpan) -> [KeyName]? {
    guard text.byteCount <= VerificationMessage.byteCountMax else { return nil }
    var reader = NumberReader(text.copied[...])
    var names: [KeyName] = []
    while !reader.isAtEnd {
      guard let name = KeyName(from: &reader) else { return nil }
      names.append(name)
    }
    return names
  }
}

// MARK: - Parts of a message

extension KeyName {
  fileprivate func write(to writer: inout NumberWriter) {
    writer.append(database)
    writer.append(key)
  }

  fileprivate init?(from reader: inout NumberReader) {
    guard let database = reader.number(), let key = reader.text(),
      key.count <= KeyName.byteCountMax
    else { return nil }
    self.init(database: database, key: key)
  }
}

extension VerificationMessage.Item {
  // What an item is, from the lowest bit: three of the type, one each for the first part and a
  // deadline, two of the kind of part. A type that there is not: the key is absent.
  private static let absent: UInt8 = 7
  private static let firstBit: UInt8 = 8
  private static let deadlineBit: UInt8 = 16

  fileprivate func write(to writer: inout NumberWriter) {
    guard let state else {
      writer.append(octet: VerificationMessage.Item.absent)
      return name.write(to: &writer)
    }
    var octet = state.type.rawValue | state.part.kind << 5
    if isFirst { octet |= VerificationMessage.Item.firstBit }
    if state.deadline != nil { octet |= VerificationMessage.Item.deadlineBit }
    writer.append(octet: octet)
    name.write(to: &writer)
    if let deadline = state.deadline { writer.append(word: UInt64(bitPattern: deadline)) }
    writer.append(state.elementCount)
    state.part.write(to: &writer)
    writer.append(half: state.digest)
  }

  fileprivate init?(from reader: inout NumberReader) {
    guard let octet = reader.octet(), octet < 128, let name = KeyName(from: &reader) else {
      return nil
    }
    if octet == VerificationMessage.Item.absent {
      self.init(name: name)
      return
    }
    guard let type = Entry.ValueType(rawValue: octet & 7) else { return nil }
    var deadline: Int64?
    if octet & VerificationMessage.Item.deadlineBit != 0 {
      guard let word = reader.word() else { return nil }
      deadline = Int64(bitPattern: word)
    }
    guard let count = reader.number(), let part = ValuePart(kind: octet >> 5, from: &reader),
      let digest = reader.half()
    else { return nil }
    self.init(
      name: name, isFirst: octet & VerificationMessage.Item.firstBit != 0,
      state: VerificationMessage.State(
        type: type, deadline: deadline, elementCount: count, part: part, digest: digest))
  }
}

extension ValuePart {
  fileprivate var kind: UInt8 {
    switch self {
    case .whole: 0
    case .range: 1
    case .entries: 2
    case .named: 3
    }
  }

  fileprivate func write(to writer: inout NumberWriter) {
    switch self {
    case .whole: return
    case .range(let start, let count):
      writer.append(start)
      writer.append(count)
    case .entries(let first, let count):
      writer.append(word: first.milliseconds)
      writer.append(word: first.sequence)
      writer.append(count)
    case .named(let names):
      writer.append(names.count)
      for name in names { writer.append(name) }
    }
  }

  fileprivate init?(kind: UInt8, from reader: inout NumberReader) {
    switch kind {
    case 0: self = .whole
    case 1:
      guard let start = reader.number(), let count = reader.number() else { return nil }
      self = .range(start: start, count: count)
    case 2:
      guard let milliseconds = reader.word(), let sequence = reader.word(),
        let count = reader.number()
      else { return nil }
      self = .entries(from: StreamID(milliseconds, sequence), count: count)
    default:
      guard let count = reader.number() else { return nil }
      var names: [ByteText] = []
      while names.count < count {
        guard let name = reader.text() else { return nil }
        names.append(name)
      }
      self = .named(names)
    }
  }
}

// MARK: - Bytes

/// Puts numbers and texts together.
private struct NumberWriter {
  private(set) var bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func append(octet: UInt8) { bytes.append(octet) }

  /// A number that isn't negative.
  mutating func append(_ number: Int) {
    var rest = UInt(bitPattern: number)
    while rest > 127 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func append(_ text: ByteText) {
    append(text.count)
    bytes += text.bytes
  }

  mutating func append(half: UInt32) {
    for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: half >> UInt32(shift * 8))) }
  }

  mutating func append(word: UInt64) {
    for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift * 8))) }
  }
}

/// Takes numbers and texts apart; nil for what isn't there.
private struct NumberReader {
  private var bytes: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

  var isAtEnd: Bool { bytes.isEmpty }

  mutating func octet() -> UInt8? { bytes.popFirst() }

  mutating func number() -> Int? {
    var number = 0
    for place in 0..<9 {
      guard let octet = bytes.popFirst() else { return nil }
      number |= Int(octet & 127) << (place * 7)
      if octet < 128 { return number }
    }
    return nil
  }

  mutating func text() -> ByteText? {
    guard let count = number(), count <= bytes.count else { return nil }
    defer { bytes = bytes.dropFirst(count) }
    return ByteText(bytes.prefix(count))
  }

  mutating func half() -> UInt32? { littleEndian(4).map { UInt32(truncatingIfNeeded: $0) } }

  mutating func word() -> UInt64? { littleEndian(8) }

  private mutating func littleEndian(_ count: Int) -> UInt64? {
    guard bytes.count >= count else { return nil }
    defer { bytes = bytes.dropFirst(count) }
    return bytes.prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
