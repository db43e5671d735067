// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Values in all forms in which Redis and Valkey have ever written them.

extension RDBReader {
  /// Reads the value of a key and makes an entry of it that no table knows yet.
  ///
  /// - Parameters:
  ///   - hasDeadline: whether the entry needs room for a deadline, which the caller fills.
  ///   - database: where the entry is going to live.
  ///   - scratch: memory for strings on the way.
  func value(
    _ kind: RDBFormat.ValueKind, key: RawSpan, hasDeadline: Bool, _ database: Database,
    _ scratch: inout ByteBuffer
  ) throws(RDBError) -> ValueOutcome {
    guard kind.isKnown(to: dialect) else { throw failure(.unknownType(kind.rawValue)) }
    switch kind {
    case .string:
      try string(into: &scratch)
      return .entry(
        DetachedEntry.make(
          key: key, text: scratch.bytes, hasDeadline: hasDeadline,
          allocator: database.allocator))
    case .oldModule: throw failure(.module("of a release candidate of Redis 4.0"))
    case .module: throw failure(.module(RDBFormat.moduleName(try number())))
    case .list, .listZiplist, .listQuicklist, .listQuicklist2:
      return try list(kind, key: key, hasDeadline: hasDeadline, database, &scratch)
    case .hash, .hashZipmap, .hashZiplist, .hashListpack, .hashDeadlines,
      .oldHashListpackDeadlines, .hashMetadata, .hashListpackDeadlines:
      return try hash(kind, key: key, hasDeadline: hasDeadline, database, &scratch)
    case .sortedSetText, .sortedSet, .sortedSetZiplist, .sortedSetListpack:
      return try sortedSet(kind, key: key, hasDeadline: hasDeadline, database, &scratch)
    case .streamListpacks, .streamListpacks2, .streamListpacks3, .streamListpacks4,
      .streamListpacks5:
      return try stream(kind, key: key, hasDeadline: hasDeadline, database, &scratch)
    case .set, .setIntset, .setListpack:
      return try set(kind, key: key, hasDeadline: hasDeadline, database, &scratch)
    }
  }

  /// The listpack that `bytes` are in every detail.
  func listpack(_ bytes: RawSpan) throws(RDBError) -> Listpack {
    noteSanitization()
    guard Listpack.isValid(bytes) else { throw broken("listpack") }
    return Listpack(validated: bytes)
  }

  /// Elements of collections are shorter than 1 GB.
  func checkTextLength(_ count: Int) throws(RDBError) {
    if count >= 1 << 30 { throw malformed("element: too long") }
  }
}

extension DetachedEntry {
  /// Makes the entry of a string, as an integer if the text is the canonical one of an integer.
  static func make(
    key: RawSpan, text: RawSpan, hasDeadline: Bool, allocator: Allocator
  ) -> DetachedEntry {
    if text.byteCount <= 20, let integer = DecimalText.parse(text) {
      return make(
        key: key, string: .integer(integer), hasDeadline: hasDeadline, allocator: allocator)
    }
    return make(key: key, string: .bytes(text), hasDeadline: hasDeadline, allocator: allocator)
  }
}
