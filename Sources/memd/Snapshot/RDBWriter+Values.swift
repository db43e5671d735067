// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Values as RDB writes them, each in the oldest form that can hold it.

extension RDBWriter {
  /// Appends a key with all that is stored of it.
  ///
  /// - Parameter access: how recently or often the key was used, if that is to be kept.
  func key(_ entry: Entry, access: RDBAccess?) {
    let kind = self.kind(of: entry)
    head(entry, access: access, as: kind)
    value(of: entry, as: kind)
  }

  /// Appends what comes before a value: deadline, use, type and key.
  func head(_ entry: Entry, access: RDBAccess?, as kind: RDBFormat.ValueKind) {
    if let deadline = entry.deadlineIfAny {
      opcode(.deadlineMilliseconds)
      littleEndian(deadline)
    }
    switch access {
    case .idle(let seconds):
      opcode(.idle)
      length(seconds)
    case .frequency(let counter):
      opcode(.frequency)
      byte(counter)
    case nil: break
    }
    self.kind(kind)
    string(entry.key)
  }

  /// The form in which a value is written.
  func kind(of entry: Entry) -> RDBFormat.ValueKind {
    switch entry.header.type {
    case .string: .string
    case .list: .listQuicklist2
    case .set: SetValue(entry).form == .intset ? .setIntset : .set
    case .sortedSet: SortedSetValue(entry).isLarge ? .sortedSet : .sortedSetListpack
    case .hash: kind(of: HashValue(entry))
    case .stream: kind(of: StreamValue(entry).stream)
    }
  }

  /// Appends a value without its type.
  func value(of entry: Entry, as kind: RDBFormat.ValueKind) {
    switch entry.header.type {
    case .string:
      let value = StringValue(entry)
      if let integer = value.integer { string(integer) } else { string(value.stored) }
    case .list: list(ListValue(entry))
    case .set: set(SetValue(entry), as: kind)
    case .sortedSet: sortedSet(SortedSetValue(entry))
    case .hash: hash(HashValue(entry), as: kind)
    case .stream: stream(StreamValue(entry).stream, as: kind)
    }
  }
}

/// What an RDB tells about a key's use.
enum RDBAccess {
  /// Seconds since the last use.
  case idle(Int)
  /// The logarithmic counter of uses.
  case frequency(UInt8)
}
