// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A fingerprint of a part of a value, equal on all servers that hold the same.
///
/// It covers more than DEBUG DIGEST: of a stream its counters, consumer groups and pending entries,
/// too, as many as are named there. Encodings and access times are left out, ids that XADD IDMP has
/// taken, and what PFCOUNT keeps in a HyperLogLog, as followers keep it, too.
struct ValueDigest {
  /// Of a longer element only its ends and its length count.
  static let elementByteCountMax = 8 << 10

  private var state: UInt64 = 0
  /// What it has cost: bytes, and a few for each text.
  private(set) var work = 0

  /// The digest of a part of an entry's value; what isn't there adds nothing.
  init(of part: ValuePart, in entry: Entry) {
    switch entry.header.type {
    case .string: take(part, of: StringValue(entry))
    case .list: take(part, of: ListValue(entry))
    case .set: take(part, of: SetValue(entry))
    case .sortedSet: take(part, of: SortedSetValue(entry))
    case .hash: take(part, of: HashValue(entry))
    case .stream: take(part, of: StreamValue(entry).stream)
    }
  }

  private init() {}

  /// Its 32 bits.
  var short: UInt32 { UInt32(truncatingIfNeeded: state ^ state >> 32) }

  // MARK: - Operations

  /// Takes in a number whose place matters.
  mutating func mix(_ number: UInt64) {
    var mixed = (state ^ number) &* 0x9E37_79B9_7F4A_7C15
    mixed ^= mixed >> 32
    mixed &*= 0xD6E8_FEB8_6659_FD93
    state = mixed ^ mixed >> 29
  }

  /// Takes in bytes whose place matters.
  mutating func mix(_ bytes: RawSpan) {
    work += bytes.byteCount + 16
    mix(XXH3.hash64(bytes))
  }

  /// Takes in an element whose place matters.
  mutating func mix(element: RawSpan) {
    guard element.byteCount > ValueDigest.elementByteCountMax else { return mix(element) }
    mix(UInt64(element.byteCount))
    mix(element.extracting(first: ValueDigest.elementByteCountMax / 2))
    mix(element.extracting(last: ValueDigest.elementByteCountMax / 2))
  }

  /// Takes in an element whose place doesn't matter.
  private mutating func add(_ element: ValueDigest) {
    state &+= element.state
    work += element.work
  }

  // MARK: - Types

  private mutating func take(_ part: ValuePart, of string: StringValue) {
    var scratch = DecimalScratch()
    let text = string.text(&scratch)
    let range = part.range(within: text.byteCount)
    let bytes = text.extracting(range)
    guard range.lowerBound == 0, HyperLogLog(text) != nil else { return mix(bytes) }
    mix(bytes.extracting(first: 8))
    mix(bytes.extracting(droppingFirst: 16))
  }

  private mutating func take(_ part: ValuePart, of list: ListValue) {
    let range = part.range(within: list.count)
    var cursor = range.isEmpty ? nil : list.cursor(at: range.lowerBound)
    var scratch = DecimalScratch()
    for _ in range {
      guard let element = cursor else { return }
      mix(element: element.text(&scratch))
      cursor = element.next
    }
  }

  private mutating func take(_ part: ValuePart, of set: SortedSetValue) {
    let range = part.range(within: set.count)
    var walk = SortedSetWalk(set, from: range.lowerBound, count: range.count)
    var scratch = DecimalScratch()
    while let member = walk.next() {
      mix(element: member.text(&scratch))
      // Minus zero is zero for whoever reads it.
      mix(member.score == 0 ? 0 : member.score.bitPattern)
    }
  }

  private mutating func take(_ part: ValuePart, of set: SetValue) {
    func digest(of member: RawSpan) -> ValueDigest {
      var one = ValueDigest()
      one.mix(element: member)
      return one
    }
    guard case .named(let members) = part else {
      var sum = self
      set.forEach {
        sum.add(digest(of: $0))
        return true
      }
      self = sum
      return
    }
    for member in members where contains(member.rawSpan, set) {
      add(digest(of: member.rawSpan))
    }
  }

  private func contains(_ member: RawSpan, _ set: SetValue) -> Bool {
    // Only tables hash.
    let isTable = set.form == .table
    let seed = isTable ? set.table.pointee.seed : HashSeed(k0: 0, k1: 0)
    return set.contains(member, seed: seed)
  }

  private mutating func take(_ part: ValuePart, of hash: HashValue) {
    func digest(of name: RawSpan, _ value: StoredText, _ deadline: Int64?) -> ValueDigest {
      var one = ValueDigest()
      one.mix(element: name)
      var scratch = DecimalScratch()
      one.mix(element: value.text(&scratch))
      one.mix(UInt64(bitPattern: deadline ?? 0))
      return one
    }
    guard case .named(let names) = part else {
      var sum = self
      hash.forEach(before: .min) { name, value, deadline in
        var scratch = DecimalScratch()
        sum.add(digest(of: name.text(&scratch), value, deadline))
      }
      self = sum
      return
    }
    for name in names {
      let name = name.rawSpan
      guard let value = hash.find(name, before: .min) else { continue }
      var deadline: Int64?
      if case .expiring(let moment) = hash.state(of: name, before: .min) { deadline = moment }
      add(digest(of: name, value, deadline))
    }
  }
}
