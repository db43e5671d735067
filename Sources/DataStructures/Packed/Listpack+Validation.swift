// SPDX-License-Identifier: Apache-2.0

extension Listpack {
  /// Whether `bytes` are a listpack in every detail; for payloads that came from outside.
  ///
  /// Reads no byte outside of them, whatever they hold. A listpack that passes can be read and
  /// edited with all operations.
  ///
  /// - Complexity: O(n)
  public static func isValid(_ bytes: RawSpan) -> Bool {
    guard bytes.byteCount >= emptyByteCount, Int(bytes.octets4(at: 0)) == bytes.byteCount else {
      return false
    }
    let end = bytes.byteCount - 1
    guard bytes.octet(at: end) == 0xFF else { return false }
    let stored = Int(bytes.octet(at: 4)) | Int(bytes.octet(at: 5)) << 8
    var position = headerCount
    var count = 0
    while position < end {
      guard let entryCount = validEntryCount(bytes.extracting(position..<end)) else {
        return false
      }
      position += entryCount
      count += 1
    }
    return position == end && (stored == unknownCount || stored == count)
  }

  /// Bytes of the entry at the beginning of `bytes`, which end where the entries end; nil if it is
  /// none.
  private static func validEntryCount(_ bytes: RawSpan) -> Int? {
    guard let encodedCount = encodedCount(bytes) else { return nil }
    let backlenCount = ListpackForm.backlenCount(encodedCount)
    guard encodedCount + backlenCount <= bytes.byteCount else { return nil }
    var rest = encodedCount
    for index in (0..<backlenCount).reversed() {
      let group = UInt8(truncatingIfNeeded: rest & 127) | (index > 0 ? 128 : 0)
      guard bytes.octet(at: encodedCount + index) == group else { return nil }
      rest >>= 7
    }
    return encodedCount + backlenCount
  }

  /// Bytes of head and text by the head at the beginning of `bytes`; nil if it is none.
  private static func encodedCount(_ bytes: RawSpan) -> Int? {
    let head = bytes.octet(at: 0)
    switch head {
    case 0..<0x80: return 1
    case 0x80..<0xC0: return 1 + Int(head & 0x3F)
    case 0xC0..<0xE0: return 2
    case 0xE0..<0xF0:
      guard bytes.byteCount >= 2 else { return nil }
      return 2 + (Int(head & 0xF) << 8 | Int(bytes.octet(at: 1)))
    case 0xF0:
      guard bytes.byteCount >= 5 else { return nil }
      return 5 + Int(bytes.octets4(at: 1))
    case 0xF1: return 3
    case 0xF2: return 4
    case 0xF3: return 5
    case 0xF4: return 9
    default: return nil
    }
  }

  /// Stops the process if the bytes are no listpack; for tests.
  public func checkInvariants() {
    precondition(Listpack.isValid(allBytes), "damaged listpack")
  }
}
