// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A fingerprint of keys and values that doesn't depend on their order, equal to DEBUG DIGEST of
/// redis-server for the same data.
///
/// Two operations on 20 bytes make it (published in Redis' debug.c): `add` exclusive-ors the SHA-1
/// of some bytes, so that order doesn't matter; `mix` does that and then takes the SHA-1 of the
/// result, so that it does. A key contributes the mix of its bytes, its type and its value; that it
/// expires is added, but not when. Keys that are due and not removed yet are keys like others.
struct DatasetDigest {
  private var bytes = [20 of UInt8](repeating: 0)

  /// The digest as forty hexadecimal digits; forty zeros for no data.
  var text: String { SHA1Digest(bytes: bytes).description }

  /// The digest of all databases.
  ///
  /// - Complexity: O(n), about a microsecond per key: for tests.
  init(_ keyspace: Keyspace) {
    for database in keyspace.databases where database.count > 0 {
      mix(number: UInt32(database.number))
      var keys = DatasetDigest()
      database.contents.table.forEach { entry in
        var one = DatasetDigest()
        one.mix(entry.key)
        one.mix(entry)
        keys.add(one)
      }
      for index in 0..<20 { bytes[index] ^= keys.bytes[index] }
    }
  }

  /// The digest of a value with its type, without its key (DEBUG DIGEST-VALUE).
  init(valueOf entry: Entry) { mix(entry) }

  /// The digest of nothing.
  init() {}

  // MARK: - Values

  private mutating func mix(_ entry: Entry) {
    mix(number: DatasetDigest.typeNumber(entry.header.type))
    switch entry.header.type {
    case .string:
      var scratch = DecimalScratch()
      mix(StringValue(entry).text(&scratch))
    case .list: ListValue(entry).mix(into: &self)
    case .set: SetValue(entry).mix(into: &self)
    case .sortedSet: SortedSetValue(entry).mix(into: &self)
    case .hash: HashValue(entry).mix(into: &self)
    case .stream: StreamValue(entry).mix(into: &self)
    }
    if entry.header.hasDeadline { add(DatasetDigest.expires.rawSpan) }
  }

  /// What is added for a key that expires, whenever that is.
  private static let expires = Array("!!expire!!".utf8)

  /// The number by which Redis knows a type; modules' values have the one between hash and stream.
  private static func typeNumber(_ type: Entry.ValueType) -> UInt32 {
    type == .stream ? 6 : UInt32(type.rawValue)
  }

  // MARK: - Operations

  /// Takes in the digest of an element whose order among others doesn't matter.
  mutating func add(_ element: DatasetDigest) {
    unsafe add(element.bytes.span.bytes)
  }

  /// Takes in bytes whose order among others doesn't matter.
  mutating func add(_ data: RawSpan) {
    let digest = SHA1.digest(of: data).bytes
    for index in 0..<20 { bytes[index] ^= digest[index] }
  }

  /// Takes in bytes whose order matters.
  mutating func mix(_ data: RawSpan) {
    add(data)
    bytes = unsafe SHA1.digest(of: bytes.span.bytes).bytes
  }

  /// Takes in a number, most significant byte first.
  mutating func mix(number: UInt32) {
    let octets = [4 of UInt8] { UInt8(truncatingIfNeeded: number >> UInt32(24 - 8 * $0)) }
    unsafe mix(octets.span.bytes)
  }
}
