// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

@testable import memd

/// What a generator looks up in a running server without leaving a trace: nothing is counted,
/// dated or removed.
struct KeyspaceView {
  let server: Server

  private func withEntry<Result>(
    _ key: [UInt8], _ database: Int, _ body: (Entry) -> Result
  ) -> Result? {
    guard let database = server.keyspace.database(database) else { return nil }
    let hash = SipHash13.hash(key.rawSpan, database.seed)
    guard let entry = database.contents.table.find(key.rawSpan, hash: hash) else { return nil }
    return body(entry)
  }

  /// The type of a key's value; nil if there is none.
  func type(of key: [UInt8], in database: Int) -> Entry.ValueType? {
    withEntry(key, database) { $0.header.type }
  }

  /// How a key's value is stored, and where; nil if there is none.
  func place(of key: [UInt8], in database: Int) -> (form: ValueForm, address: UInt64)? {
    withEntry(key, database) { (ValueForm($0), $0.word) }
  }

  /// Whether a key holds an integer.
  func isInteger(_ key: [UInt8], in database: Int) -> Bool {
    withEntry(key, database) { $0.header.isString && StringValue($0).encoding == .integer } ?? false
  }

  /// The text of a key that holds a string of moderate size.
  func text(of key: [UInt8], in database: Int) -> [UInt8]? {
    withEntry(key, database) { entry -> [UInt8]? in
      guard entry.header.isString else { return nil }
      let value = StringValue(entry)
      guard value.count <= 4096 else { return nil }
      var scratch = DecimalScratch()
      return unsafe value.text(&scratch).withUnsafeBytes { unsafe Array($0) }
    } ?? nil
  }

  /// Whether a key holds a HyperLogLog.
  func isSketch(_ key: [UInt8], in database: Int) -> Bool {
    withEntry(key, database) { entry in
      guard entry.header.isString, StringValue(entry).encoding != .integer else { return false }
      var scratch = DecimalScratch()
      return unsafe StringValue(entry).text(&scratch).withUnsafeBytes {
        unsafe $0.starts(with: "HYLL".utf8)
      }
    } ?? false
  }

  /// An id that means something to a stream: of an entry, of a pending entry, the last one.
  func streamID(of key: [UInt8], in database: Int, _ dice: inout Dice) -> StreamID? {
    let draw = dice.below(8)
    let steps = dice.below(12)
    return withEntry(key, database) { entry -> StreamID? in
      guard entry.header.type == .stream else { return nil }
      let stream = StreamValue(entry).stream
      switch draw {
      case 0: return stream.lastID
      case 1: return stream.maxDeletedID
      case 2, 3: return KeyspaceView.pendingID(of: stream, steps)
      default:
        var entries = stream.entries()
        var found: StreamID?
        for _ in 0...steps {
          guard let next = entries.next() else { break }
          found = next.id
        }
        return found
      }
    } ?? nil
  }

  private static func pendingID(of stream: DataStructures.Stream, _ steps: Int) -> StreamID? {
    guard stream.groupCount > 0 else { return nil }
    let group = stream.group(at: steps % stream.groupCount)
    var found: StreamID?
    for _ in 0...steps {
      guard let next = group.firstPending(from: found?.successor ?? .zero) else { break }
      found = next.id
    }
    return found
  }
}

/// What must hold of a server at any moment between turns; a violation traps, or is told.
enum KeyspaceInvariants {
  /// Looks at every table, wheel and large value; nil if all is well.
  static func violation(in server: Server) -> String? {
    for database in server.keyspace.databases {
      database.contents.table.checkInvariants(mayBeOverfull: true)
      database.contents.expirations.checkInvariants()
      database.contents.fieldExpirations.checkInvariants()
      var expiring = 0
      var fieldExpiring = 0
      var violation: String?
      database.contents.table.forEach { entry in
        if entry.header.hasDeadline { expiring += 1 }
        if entry.header.type == .hash, HashValue(entry).earliestDeadline != nil {
          fieldExpiring += 1
        }
        violation = violation ?? violationIn(entry)
      }
      if let violation { return violation }
      if expiring != database.expiringCount {
        return "\(expiring) keys have a deadline, the wheel has \(database.expiringCount)"
      }
      if fieldExpiring != database.fieldExpiringCount {
        return
          "\(fieldExpiring) hashes have deadlines, the wheel has \(database.fieldExpiringCount)"
      }
    }
    return nil
  }

  private static func violationIn(_ entry: Entry) -> String? {
    switch entry.header.type {
    case .string: return nil
    case .list: return ListValue(entry).count > 0 ? nil : "an empty list"
    case .set:
      let value = SetValue(entry)
      if value.form == .table { value.table.pointee.checkInvariants() }
      return value.count > 0 ? nil : "an empty set"
    case .sortedSet:
      let value = SortedSetValue(entry)
      if value.isLarge { value.large.pointee.checkInvariants() }
      return value.count > 0 ? nil : "an empty sorted set"
    case .hash:
      let value = HashValue(entry)
      if value.isTable { value.table.pointee.fields.checkInvariants() }
      return value.count > 0 ? nil : "an empty hash"
    case .stream:
      StreamValue(entry).stream.checkInvariants()
      return nil
    }
  }
}
