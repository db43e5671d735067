// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@Suite struct SetMemberTests {
  private func has(_ member: SetMember, _ key: [UInt8]) -> Bool { member.hasKey(key.rawSpan) }

  @Test(arguments: [0, 1, 15, 16, 17, 2046, 2047, 2048, 2055, 100_000])
  func `a member of any length has its bytes and gives its memory back`(count: Int) {
    let allocator = Allocator.create()
    defer { allocator.destroy() }
    let before = allocator.bytesInUse
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let member = SetMember(bytes.rawSpan, allocator: allocator)
    let copy = SetMember(word: member.word).bytes.copied
    #expect(copy == bytes)
    #expect(member.byteCount == count)
    #expect(member.word >> 56 == 0)
    #expect(has(member, bytes))
    var other = bytes
    if other.isEmpty { other = [1] } else { other[count - 1] ^= 1 }
    #expect(!has(member, other))
    #expect(!has(member, bytes + [0]))
    #expect(member.allocatedSize(allocator) == allocator.bytesInUse - before)
    member.free(allocator)
    #expect(allocator.bytesInUse == before)
  }

  @Test func `sixteen bytes take sixteen bytes`() {
    let allocator = Allocator.create()
    defer { allocator.destroy() }
    let bytes = [UInt8](repeating: 7, count: 16)
    let member = SetMember(bytes.rawSpan, allocator: allocator)
    #expect(member.allocatedSize(allocator) == 16)
    member.free(allocator)
  }
}
