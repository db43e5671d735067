// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What the beginning of a snapshot tells about the memory that it will take.
struct SnapshotBeginning: Equatable {
  /// Bytes at the start of a file that are looked at.
  static let byteCountMax = 4096

  /// Memory of the server that made it, as it says; nil if it doesn't.
  private(set) var usedMemory: Int?
  /// Keys of the first database; 0 if it doesn't say.
  private(set) var keyCount = 0

  /// Reads as far as there is something to understand.
  init(_ bytes: [UInt8]) {
    unsafe bytes.withUnsafeBytes { bytes in
      let reader = unsafe RDBReader(unowned: bytes)
      // What doesn't fit in is not looked at, and damage is met when all of it is loaded.
      try? read(reader)
    }
  }

  private mutating func read(_ reader: RDBReader) throws(RDBError) {
    try reader.skip(9)
    var name = ByteBuffer()
    var value = ByteBuffer()
    while let opcode = RDBFormat.Opcode(rawValue: try reader.byte()) {
      switch opcode {
      case .aux:
        try reader.string(into: &name)
        try reader.string(into: &value)
        if FoldedName(folding: name.bytes) == FoldedName("used-mem") {
          usedMemory = DecimalText.parse(value.bytes)
        }
      case .selectDatabase: _ = try reader.length()
      case .resize:
        keyCount = try reader.length()
        return
      default: return
      }
    }
  }

  /// A key takes at least so much.
  private static let bytesPerKeyMin = 40

  /// What the data will take, in bytes: what their maker took, else what is here now, which may
  /// well be as much; and not less than the file has bytes and than its keys need.
  ///
  /// - Parameters:
  ///   - byteCount: of the whole file.
  ///   - current: memory that this server takes.
  func estimate(byteCount: Int, current: Int) -> Int {
    let (keys, overflows) = keyCount.multipliedReportingOverflow(
      by: SnapshotBeginning.bytesPerKeyMin)
    return max(byteCount, usedMemory ?? current, overflows ? byteCount : keys)
  }
}
