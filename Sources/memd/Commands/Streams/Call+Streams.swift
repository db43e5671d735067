// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// What the commands on streams have in common: ids in requests, entries in replies.

extension CommandError {
  static var streamID: CommandError {
    CommandError("ERR Invalid stream ID specified as stream command argument")
  }
}

extension KeyEvent {
  static var streamAdd: KeyEvent { KeyEvent("xadd", .stream) }
  static var streamTrim: KeyEvent { KeyEvent("xtrim", .stream) }
  static var streamDelete: KeyEvent { KeyEvent("xdel", .stream) }
  static var streamSetID: KeyEvent { KeyEvent("xsetid", .stream) }
  static var groupCreate: KeyEvent { KeyEvent("xgroup-create", .stream) }
  static var groupSetID: KeyEvent { KeyEvent("xgroup-setid", .stream) }
  static var groupDestroy: KeyEvent { KeyEvent("xgroup-destroy", .stream) }
  static var consumerCreate: KeyEvent { KeyEvent("xgroup-createconsumer", .stream) }
  static var consumerDelete: KeyEvent { KeyEvent("xgroup-delconsumer", .stream) }
}

/// The fields of an entry in a request.
struct RequestFields: StreamTextSource {
  let arguments: Arguments
  /// The argument that is the first name.
  let first: Int

  var count: Int { arguments.count - first }

  @_lifetime(borrow self)
  func text(_ index: Int) -> RawSpan { arguments[first &+ index] }
}

extension Call {
  /// The argument at `index` as an id, whose sequence may be left out.
  func streamID(_ index: Int, missing: UInt64 = 0) throws(CommandError) -> StreamID {
    guard let id = StreamID.parse(arguments[index], missing: missing) else { throw .streamID }
    return id
  }

  /// The argument at `index` as the first id of a range: `-`, `+`, an id, or `(` and an id.
  func firstOfRange(_ index: Int) throws(CommandError) -> StreamID {
    let (id, isExclusive) = try boundOfRange(index, missing: 0)
    guard isExclusive else { return id }
    guard let next = id.successor else {
      throw CommandError("ERR invalid start ID for the interval")
    }
    return next
  }

  /// The argument at `index` as the last id of a range.
  func lastOfRange(_ index: Int) throws(CommandError) -> StreamID {
    let (id, isExclusive) = try boundOfRange(index, missing: .max)
    guard isExclusive else { return id }
    guard let previous = id.predecessor else {
      throw CommandError("ERR invalid end ID for the interval")
    }
    return previous
  }

  private func boundOfRange(
    _ index: Int, missing: UInt64
  ) throws(CommandError) -> (id: StreamID, isExclusive: Bool) {
    let text = arguments[index]
    if text.byteCount > 1, text.byte(0) == 0x28 {
      let rest = text.extracting(1..<text.byteCount)
      guard let id = StreamID.parse(rest, missing: missing) else { throw .streamID }
      return (id, true)
    }
    if text.byteCount == 1, text.byte(0) == 0x2D { return (.zero, false) }
    if text.byteCount == 1, text.byte(0) == 0x2B { return (.maximum, false) }
    return (try streamID(index, missing: missing), false)
  }

  /// The error of a command that names a group that isn't there.
  func noGroup(_ key: Int, _ group: Int) -> CommandError {
    failure(
      "NOGROUP No such key '\(echo: arguments[key])' or consumer group '\(echo: arguments[group])'")
  }

  /// True if the argument at `index` is the one character `character`.
  func isCharacter(_ index: Int, _ character: Unicode.Scalar) -> Bool {
    let text = arguments[index]
    return text.byteCount == 1 && text.byte(0) == UInt8(ascii: character)
  }
}

extension ReplyWriter {
  /// Replies with an id.
  mutating func streamID(_ id: StreamID) {
    var scratch = StreamIDScratch()
    bulk(scratch.write(id))
  }

  /// Replies with the name of the consumer that has an entry; empty if nobody has it.
  mutating func consumerName(of entry: PendingEntry) {
    if let consumer = entry.consumer { bulk(consumer.name) } else { bulk("") }
  }

  /// Replies with an entry: its id, and an array of names and values.
  mutating func streamEntry(_ entry: StreamEntry) {
    array(2)
    streamFields(of: entry)
  }

  /// The two elements of an entry, without the array around them.
  mutating func streamFields(of entry: StreamEntry) {
    streamID(entry.id)
    array(entry.fieldCount * 2)
    var scratch = DecimalScratch()
    var texts = entry.texts
    while let text = texts.next(&scratch) { bulk(text) }
  }

  /// Replies with the entries of a walk, at most `limit`; 0: all.
  mutating func streamEntries(_ walk: consuming StreamEntries, limit: Int) {
    let mark = beginAggregate()
    var entries = walk
    var count = 0
    while limit == 0 || count < limit, let entry = entries.next() {
      streamEntry(entry)
      count += 1
    }
    endArray(mark, count: count)
  }
}

extension Effects {
  /// The next argument of a rewritten command.
  func append(_ id: StreamID) {
    var scratch = StreamIDScratch()
    append(scratch.write(id))
  }
}
