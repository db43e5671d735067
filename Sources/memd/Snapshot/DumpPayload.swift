// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A value as DUMP prints and RESTORE reads it:
///
///     +------+------------------------+---------+----------------------------+
///     | type | value as in an RDB file| version | CRC-64 of all bytes before |
///     +------+------------------------+---------+----------------------------+
///      1                                2         8, both the lowest byte first
enum DumpPayload {
  /// Bytes of version and checksum.
  static let footerCount = 10
  /// Bytes of a payload that are not the value's.
  static let overheadCount = 1 + footerCount

  /// The payload of a value.
  static func make(of entry: Entry, compresses: Bool) -> [UInt8] {
    // What can't be expressed in the lowest version is written as the newest one has it.
    let writer = RDBWriter(compresses: compresses, version: RDBFormat.fieldDeadlineVersion)
    let kind = writer.kind(of: entry)
    writer.kind(kind)
    writer.value(of: entry, as: kind)
    return seal(writer)
  }

  /// The payload of what was written into memory: type and value.
  static func seal(_ writer: RDBWriter) -> [UInt8] {
    writer.littleEndian(UInt16(writer.neededVersion))
    // Nothing can fail in memory.
    try? writer.finish(hasChecksum: true)
    return writer.takeBytes()
  }

  /// The version of a payload; nil if its footer is wrong.
  static func version(of payload: RawSpan, verifiesChecksum: Bool) -> Int? {
    let count = payload.byteCount
    guard count >= footerCount else { return nil }
    let low = payload.byte(count - 10)
    let version = Int(low) | Int(payload.byte(count - 9)) << 8
    guard RDBFormat.isKnown(version: version) else { return nil }
    guard verifiesChecksum else { return version }
    let expected = UInt64(littleEndian: payload.word(count - 8))
    return CRC64.of(payload.extracting(first: count - 8)) == expected ? version : nil
  }

  /// Makes an entry of a payload whose footer is right.
  static func entry(
    _ payload: RawSpan, version: Int, key: RawSpan, hasDeadline: Bool, in database: Database,
    persistence: Persistence? = nil
  ) throws(RDBError) -> DetachedEntry {
    unsafe try payload.withUnsafeBytes { bytes throws(RDBError) in
      let body = unsafe UnsafeRawBufferPointer(rebasing: bytes.dropLast(footerCount))
      let reader = unsafe RDBReader(unowned: body)
      reader.dialect = RDBFormat.Dialect(version: version)
      let code = try reader.byte()
      guard let kind = RDBFormat.ValueKind(rawValue: code) else {
        throw reader.failure(.unknownType(code))
      }
      defer { persistence?.sanitizations += reader.sanitizations }
      do throws(RDBError) {
        var scratch = ByteBuffer()
        let outcome = try reader.value(
          kind, key: key, hasDeadline: hasDeadline, database, &scratch)
        switch consume outcome {
        case .entry(let entry): return entry
        case .empty: throw reader.malformed("empty value")
        }
      } catch {
        throw RDBError(error.reason, offset: error.offset, key: key.copied, kind: kind)
      }
    }
  }
}
