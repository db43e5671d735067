// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// Why RDB bytes can't be read, and where.
struct RDBError: Error {
  /// What is wrong.
  enum Reason: Sendable {
    /// The bytes end in the middle of something.
    case truncated
    /// Neither REDIS nor VALKEY stands in front.
    case notRDB
    case unknownVersion(String)
    case unknownOpcode(UInt8)
    case unknownType(UInt8)
    /// A value, or data that can't be passed over, of a module.
    case module(String)
    case malformed(StaticString)
    /// Bytes of a packed form contradict themselves.
    case integrity(StaticString)
    /// What a value may have once is there again.
    case duplicate(StaticString)
    case databaseOutOfRange(Int)
    case duplicateKey
    /// A library of functions can't be loaded.
    case library(String)
    case checksum(expected: UInt64, found: UInt64)
    case disk(DiskError)
  }

  /// Thrown errors are passed in registers: what they say lies elsewhere.
  private final class Details: Sendable {
    let reason: Reason
    let offset: Int
    let key: [UInt8]
    let kind: RDBFormat.ValueKind?

    init(_ reason: Reason, offset: Int, key: [UInt8], kind: RDBFormat.ValueKind?) {
      self.reason = reason
      self.offset = offset
      self.key = key
      self.kind = kind
    }
  }

  private let details: Details

  var reason: Reason { details.reason }
  /// Bytes that had been read when the error was found.
  var offset: Int { details.offset }
  /// The key whose value was being read.
  var key: [UInt8] { details.key }
  /// How that value is written.
  var kind: RDBFormat.ValueKind? { details.kind }

  init(_ reason: Reason, offset: Int, key: [UInt8] = [], kind: RDBFormat.ValueKind? = nil) {
    details = Details(reason, offset: offset, key: key, kind: kind)
  }

  /// For the log: what, where, and of which key.
  var text: String {
    var text = "\(reasonText), at offset \(offset)"
    if !key.isEmpty { text += ", key '\(key.rawSpan.logText(ofAtMost: 128))'" }
    if let kind { text += ", type \(kind.rawValue) (\(kind))" }
    return text
  }

  /// What is wrong, without the place.
  var reasonText: String {
    switch reason {
    case .truncated: "Unexpected end of the RDB data"
    case .notRDB: "Wrong signature trying to load DB from file"
    case .unknownVersion(let version): "Can't handle RDB format version \(version)"
    case .unknownOpcode(let code): "Unknown RDB opcode or type \(code)"
    case .unknownType(let type): "Unknown RDB encoding type \(type)"
    case .module(let name):
      "The RDB contains data of the module '\(name)', which memd doesn't have"
    case .malformed(let what): "Malformed \(what)"
    // The words by which Redis's users look for these.
    case .integrity(let form): "\(kind?.packedOwner ?? "Packed") \(form) integrity check failed"
    case .duplicate(let what): "Duplicate \(what) detected, integrity check failed"
    case .databaseOutOfRange(let number):
      "The RDB has keys in database \(number), and there are fewer databases here"
    case .duplicateKey: "The key is in the RDB twice"
    case .library(let reason): "Failed loading a library of functions: \(reason)"
    case .checksum(let expected, let found):
      "RDB CRC error: wrong checksum, expected: (\(String(expected, radix: 16))) but got"
        + " (\(String(found, radix: 16)))"
    case .disk(let error): "\(error)"
    }
  }
}

extension RDBFormat.ValueKind {
  /// What a packed form is part of, as Redis's log calls it.
  fileprivate var packedOwner: String {
    switch self {
    case .hash, .hashZipmap, .hashZiplist, .hashListpack, .hashDeadlines,
      .oldHashListpackDeadlines, .hashMetadata, .hashListpackDeadlines:
      "Hash"
    case .sortedSetText, .sortedSet, .sortedSetZiplist, .sortedSetListpack: "Zset"
    case .streamListpacks, .streamListpacks2, .streamListpacks3, .streamListpacks4,
      .streamListpacks5:
      "Stream"
    case .set, .setIntset, .setListpack: "Set"
    case .list, .listZiplist, .listQuicklist, .listQuicklist2: "List"
    case .string, .oldModule, .module: "Value"
    }
  }
}
