// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// Encodes RDB bytes into chunks, which go to a file or stay in memory.
///
/// An error of the file is remembered and everything after it is thrown away, so that encoders have
/// no error branches; `finish` reports it.
final class RDBWriter {
  /// Bytes are handed to the file in chunks of about this size.
  private static let chunkByteCount = 64 << 10

  private let sink: (any SnapshotSink)?
  private let compresses: Bool
  private let compressor = Held(LZFCompressor())
  private let chunk = Held(ByteBuffer())
  private var checksum = CRC64()
  /// What went wrong with the file.
  private(set) var failure: DiskError?
  /// The version that the reader of these bytes is told.
  let version: Int
  /// The lowest version that can express everything written so far.
  private(set) var neededVersion = RDBFormat.lowestVersion

  /// - Parameters:
  ///   - sink: where the bytes go; without one they stay in memory.
  ///   - version: what may be used of the format; more is only noted in `neededVersion`.
  init(
    to sink: (any SnapshotSink)? = nil, compresses: Bool, version: Int = RDBFormat.lowestVersion
  ) {
    self.sink = sink
    self.compresses = compresses
    self.version = version
  }

  deinit {
    compressor.free()
    chunk.free()
  }

  /// The bytes that stayed in memory.
  func takeBytes() -> [UInt8] { chunk.value.bytes.copied }

  /// What follows can't be expressed in versions below `version`.
  func require(version: Int) { neededVersion = max(neededVersion, version) }

  // MARK: - Bytes

  /// Appends bytes as they are.
  func raw(_ bytes: RawSpan) {
    chunk.value.append(bytes)
    passOnIfFull()
  }

  /// Appends one byte.
  func byte(_ value: UInt8) { chunk.value.append(byte: value) }

  /// Appends an opcode.
  func opcode(_ opcode: RDBFormat.Opcode) { byte(opcode.rawValue) }

  /// Appends the number of a type.
  func kind(_ kind: RDBFormat.ValueKind) { byte(kind.rawValue) }

  /// Appends an integer of fixed size, the lowest byte first.
  func littleEndian<Number: FixedWidthInteger>(_ value: Number) {
    var little = value.littleEndian
    unsafe withUnsafeBytes(of: &little) { unsafe chunk.value.append(RawSpan(_unsafeBytes: $0)) }
  }

  /// Appends a double as eight bytes.
  func double(_ value: Double) { littleEndian(value.bitPattern) }

  /// Appends a length, or any other number from zero up, in as few bytes as it takes.
  func length(_ value: UInt64) {
    if value < 1 << 6 {
      byte(UInt8(value))
    } else if value < 1 << 14 {
      byte(RDBFormat.LengthForm.bits14 << 6 | UInt8(value >> 8))
      byte(UInt8(truncatingIfNeeded: value))
    } else if value <= UInt64(UInt32.max) {
      byte(RDBFormat.LengthForm.bytes4)
      littleEndian(UInt32(value).byteSwapped)
    } else {
      byte(RDBFormat.LengthForm.bytes8)
      littleEndian(value.byteSwapped)
    }
  }

  /// Appends a length. A number below zero is written as the same 64 bits, as Redis does.
  func length(_ value: Int) { length(UInt64(bitPattern: Int64(value))) }

  // MARK: - Strings

  /// Appends a string in its shortest form: as an integer, compressed, or as it is.
  func string(_ bytes: RawSpan) {
    passOnIfFull()
    let count = bytes.byteCount
    // Eleven bytes hold the longest integer of 32 bits.
    if count <= 11, let integer = DecimalText.parse(bytes), short(integer) { return }
    if compresses, count > 20, compressor.value.compress(bytes) {
      byte(RDBFormat.LengthForm.encoded << 6 | UInt8(RDBFormat.StringForm.compressed))
      length(compressor.value.compressed.byteCount)
      length(count)
      raw(compressor.value.compressed)
      return
    }
    length(count)
    raw(bytes)
  }

  /// Appends the text of an integer.
  func string(_ integer: Int) {
    passOnIfFull()
    if short(integer) { return }
    var scratch = DecimalScratch()
    let digits = scratch.write(integer)
    length(digits.byteCount)
    raw(digits)
  }

  /// Appends the text of a literal.
  func string(_ text: StaticString) {
    string(unsafe RawSpan(_unsafeStart: text.utf8Start, byteCount: text.utf8CodeUnitCount))
  }

  /// Appends an integer of up to 32 bits as a number; false if it has more.
  private func short(_ integer: Int) -> Bool {
    let prefix = RDBFormat.LengthForm.encoded << 6
    if let value = Int8(exactly: integer) {
      byte(prefix | UInt8(RDBFormat.StringForm.int8))
      littleEndian(value)
    } else if let value = Int16(exactly: integer) {
      byte(prefix | UInt8(RDBFormat.StringForm.int16))
      littleEndian(value)
    } else if let value = Int32(exactly: integer) {
      byte(prefix | UInt8(RDBFormat.StringForm.int32))
      littleEndian(value)
    } else {
      return false
    }
    return true
  }

  // MARK: - The end

  /// Appends the checksum of everything before, or zeros, and hands the rest to the file.
  ///
  /// - Parameter hasChecksum: whether readers shall verify it.
  /// - Throws: what went wrong with the file, now or before.
  func finish(hasChecksum: Bool) throws(DiskError) {
    if sink == nil {
      checksum.update(chunk.value.bytes)
    } else {
      passOn()
    }
    littleEndian(hasChecksum ? checksum.value : 0)
    if sink != nil { passOn() }
    if let failure { throw failure }
  }

  private func passOnIfFull() {
    if sink != nil, chunk.value.count >= RDBWriter.chunkByteCount { passOn() }
  }

  private func passOn() {
    guard let sink else { return }
    checksum.update(chunk.value.bytes)
    if failure == nil {
      do throws(DiskError) {
        try sink.write(chunk.value.bytes)
      } catch {
        failure = error
      }
    }
    chunk.value.removeAll(keepingCapacity: chunk.value.capacity <= 4 * RDBWriter.chunkByteCount)
  }
}
