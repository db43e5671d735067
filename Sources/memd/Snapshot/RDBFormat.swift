// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Facts about the RDB format: versions, opcodes and type numbers of Redis and Valkey.
///
/// A file is
///
///     "REDIS" or "VALKEY" with a version of 9 bytes together
///     AUX fields, libraries of functions, then per database SELECTDB, RESIZEDB and its keys:
///         [EXPIRETIME_MS deadline] [IDLE seconds | FREQ counter] type key value
///     EOF and, from version 5 on, the CRC-64 of all bytes before it
enum RDBFormat {
  /// What redis-server 7.0 writes and everything newer reads.
  static let lowestVersion = 10
  /// The first version with hashes whose fields expire.
  static let fieldDeadlineVersion = 12
  /// The first version with streams that remember what their producers have added.
  static let producerVersion = 13
  /// The first version with streams whose groups got entries back from consumers.
  static let releaseVersion = 14
  /// The newest version of Redis whose types are known.
  static let redisVersionMax = 15
  /// Versions of Valkey that count on their own.
  static let valkeyVersions = 80...81
  /// From this version on there is a checksum at the end.
  static let checksumVersion = 5

  /// Whether files and payloads of this version can be read.
  static func isKnown(version: Int) -> Bool {
    (1...redisVersionMax).contains(version) || valkeyVersions.contains(version)
  }

  /// Whose numbers a version uses: some types and opcodes mean different things.
  enum Dialect {
    case redis, valkey

    /// The dialect of a DUMP payload, which has a version and no name in front.
    init(version: Int) { self = valkeyVersions.contains(version) ? .valkey : .redis }
  }

  /// What a byte in the place of a type announces instead.
  enum Opcode: UInt8 {
    /// Of Redis Enterprise: when the next key was used, and its slot; a number each.
    case enterpriseUse = 107
    case enterpriseSlot = 121
    case slotInfo = 244
    case function = 245
    /// Of release candidates of Redis 7.0.
    case oldFunction = 246
    case moduleAux = 247
    case idle = 248
    case frequency = 249
    case aux = 250
    case resize = 251
    case deadlineMilliseconds = 252
    case deadlineSeconds = 253
    case selectDatabase = 254
    case end = 255
  }

  /// How a value is written.
  enum ValueKind: UInt8 {
    case string = 0
    case list = 1
    case set = 2
    case sortedSetText = 3
    case hash = 4
    case sortedSet = 5
    /// Of release candidates of Redis 4.0.
    case oldModule = 6
    case module = 7
    case hashZipmap = 9
    case listZiplist = 10
    case setIntset = 11
    case sortedSetZiplist = 12
    case hashZiplist = 13
    case listQuicklist = 14
    case streamListpacks = 15
    case hashListpack = 16
    case sortedSetListpack = 17
    case listQuicklist2 = 18
    case streamListpacks2 = 19
    case setListpack = 20
    case streamListpacks3 = 21
    /// Under VALKEY: a hash whose fields may expire. Under REDIS: of release candidates of 7.4.
    case hashDeadlines = 22
    /// Of release candidates of Redis 7.4.
    case oldHashListpackDeadlines = 23
    case hashMetadata = 24
    case hashListpackDeadlines = 25
    /// Knows producers.
    case streamListpacks4 = 26
    /// Knows producers, and entries that were given back.
    case streamListpacks5 = 27

    /// Whether a file in this dialect may hold the type: Valkey counts on its own from 22 on.
    func isKnown(to dialect: Dialect) -> Bool {
      dialect == .redis || rawValue <= ValueKind.hashDeadlines.rawValue
    }
  }

  /// The two highest bits of a length say how it goes on.
  enum LengthForm {
    static let bits6: UInt8 = 0
    static let bits14: UInt8 = 1
    static let wide: UInt8 = 2
    static let encoded: UInt8 = 3
    /// The whole byte in front of a length of four or eight bytes, the highest first.
    static let bytes4: UInt8 = 0x80
    static let bytes8: UInt8 = 0x81
  }

  /// The lower six bits of an encoded string.
  enum StringForm {
    static let int8: UInt64 = 0
    static let int16: UInt64 = 1
    static let int32: UInt64 = 2
    static let compressed: UInt64 = 3
  }

  /// What stands in front of each part of a module's data.
  enum ModulePart {
    static let end: UInt64 = 0
    static let signed: UInt64 = 1
    static let unsigned: UInt64 = 2
    static let float: UInt64 = 3
    static let double: UInt64 = 4
    static let string: UInt64 = 5
  }

  /// The name of a module from its 64-bit number: nine letters of six bits above a version of ten.
  static func moduleName(_ number: UInt64) -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    let name = (0..<9).map { letters[Int(number >> UInt64(58 - 6 * $0) & 63)] }
    return ByteText(name).logText
  }
}
