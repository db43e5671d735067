// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

@Suite struct HashFieldTests {
  private static func bytes(_ count: Int, _ factor: UInt8) -> [UInt8] {
    var bytes = [UInt8](repeating: factor, count: count)
    for index in stride(from: 0, to: count, by: 1 + count / 500) {
      bytes[index] = UInt8(truncatingIfNeeded: index) &* factor
    }
    return bytes
  }

  /// Bytes of the block of a field.
  private static func size(_ name: Int, _ value: Int, hasDeadline: Bool) -> Int {
    let isLong = name > 255 || value >= 1 << 22
    return 4 + (hasDeadline ? 12 : 0) + (isLong ? 16 : 0) + name + value
  }

  private static func check(
    _ field: HashField, _ name: [UInt8], _ value: [UInt8], deadline: Int64?
  ) {
    // Compared as a whole: a message about four megabytes helps nobody.
    let same = field.name.copied == name && field.value.copied == value
    #expect(same, "\(name.count) and \(value.count) bytes")
    #expect(field.nameCount == name.count && field.valueCount == value.count)
    #expect(field.deadlineIfAny == deadline)
    let size = size(name.count, value.count, hasDeadline: deadline != nil)
    #expect(field.byteCount == size)
    #expect(field.word >> 48 == 0)
    #expect(field.hasKey(name.rawSpan) && !field.hasKey((name + [0]).rawSpan))
  }

  /// The header has eight bits for the length of the name and 22 for that of the value.
  @Test(
    arguments: [0, 16, 254, 255, 256, 257, 70_000],
    [0, 16, (1 << 22) - 1, 1 << 22, (1 << 22) + 1])
  func `a field has its name and value, whatever their lengths`(_ nameCount: Int, _ count: Int) {
    let allocator = Allocator.create()
    defer { allocator.destroy() }
    let name = HashFieldTests.bytes(nameCount, 7)
    let value = HashFieldTests.bytes(count, 5)
    for deadline in [nil, 77] as [Int64?] {
      let before = allocator.bytesInUse
      var field = WritableHashField(
        name.rawSpan, value.rawSpan, deadline: deadline, allocator: allocator)
      HashFieldTests.check(field.reading, name, value, deadline: deadline)
      let copy = field.reading.copied(allocator)
      HashFieldTests.check(copy.reading, name, value, deadline: deadline)
      copy.free(allocator)
      let other: Int64? = deadline == nil ? 99 : nil
      field = field.reshaped(deadline: other, allocator: allocator)
      HashFieldTests.check(field.reading, name, value, deadline: other)
      field.free(allocator)
      #expect(allocator.bytesInUse == before)
    }
  }

  /// Values of neighbouring lengths would fit into the same block.
  @Test(arguments: [16, 255, 256])
  func `a value grows and shrinks over the border of the header's bits`(_ nameCount: Int) {
    let allocator = Allocator.create()
    defer { allocator.destroy() }
    let name = HashFieldTests.bytes(nameCount, 7)
    var field = WritableHashField(name.rawSpan, [1].rawSpan, allocator: allocator)
    for count in [(1 << 22) - 1, 1 << 22, (1 << 22) + 1, (1 << 22) - 2, 1 << 22, 3, 0, 4, 5] {
      let value = HashFieldTests.bytes(count, 11)
      field = field.replacingValue(value.rawSpan, allocator: allocator)
      HashFieldTests.check(field.reading, name, value, deadline: nil)
    }
    field.free(allocator)
  }

  @Test func `a field of 16 and 16 bytes takes 40, and 48 with a deadline`() {
    let allocator = Allocator.create()
    defer { allocator.destroy() }
    let text = HashFieldTests.bytes(16, 1)
    let field = WritableHashField(text.rawSpan, text.rawSpan, allocator: allocator)
    #expect(field.reading.allocatedSize(allocator) == 40)
    let timed = field.reshaped(deadline: 5, allocator: allocator)
    #expect(timed.reading.allocatedSize(allocator) == 48)
    timed.free(allocator)
  }
}
