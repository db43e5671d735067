// SPDX-License-Identifier: Apache-2.0
import RESP
import Testing

@Suite struct DecimalTextTests {
  private func parse(_ text: String) -> Int? { DecimalText.parse(unsafe text.bytes.span.bytes) }

  private func parseUnsigned(_ text: String) -> UInt? {
    DecimalText.parseUnsigned(unsafe text.bytes.span.bytes)
  }

  private func written(_ value: Int) -> String {
    var buffer = ByteBuffer()
    buffer.append(integer: value)
    return array(buffer.bytes).text
  }

  private static let borders: [Int] = {
    var values = [0, Int.max, Int.min, Int.max - 1, Int.min + 1]
    var power = 1
    while power < Int.max / 10 {
      power *= 10
      values += [power, power - 1, power + 1, -power, -power - 1, -power + 1]
    }
    return values
  }()

  @Test(arguments: borders) func `Border values survive a round trip`(value: Int) {
    #expect(written(value) == String(value))
    #expect(parse(String(value)) == value)
    #expect(DecimalText.byteCount(value) == String(value).utf8.count)
  }

  @Test func `Random values survive a round trip`() {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<5000 {
      let value = Int(truncatingIfNeeded: random.next()) >> random.below(64)
      #expect(written(value) == String(value))
      #expect(parse(String(value)) == value)
    }
  }

  @Test(arguments: [
    "", "-", "+1", "-0", "00", "01", "-01", " 1", "1 ", "1\n", "1.0", "1e3", "a", "0x1", "--1",
    "9223372036854775808", "-9223372036854775809", "18446744073709551616", "99999999999999999999",
    "-99999999999999999999", "100000000000000000000", "111111111111111111111111", "1\0", "/", ":",
    "1/", "1:", "1234567890123456789a",
  ])
  func `What is not the canonical text of an integer is refused`(text: String) {
    #expect(parse(text) == nil)
  }

  @Test func `Unsigned integers reach 64 bits`() {
    #expect(parseUnsigned("0") == 0)
    #expect(parseUnsigned("18446744073709551615") == UInt.max)
    for text in [
      "18446744073709551616", "99999999999999999999", "-1", "+1", "01", "", "1844674407370955161a",
    ] {
      #expect(parseUnsigned(text) == nil, "\(text)")
    }
    var random = SeededGenerator(seed: 3)
    for _ in 0..<2000 {
      let value = UInt(random.next()) >> UInt(random.below(64))
      #expect(parseUnsigned(String(value)) == value)
      #expect(DecimalText.digitCount(value) == String(value).utf8.count)
    }
  }

  @Test func `Every number of up to five digits, and all with few digits that differ from zero`() {
    var wrong = 0
    for value in 0..<100_000 where written(value) != String(value) { wrong += 1 }
    #expect(wrong == 0)
    for first in 1...9 {
      var power = 1
      while power <= 1_000_000_000_000_000_000 / 10 {
        for last in [0, 1, 9, power - 1] {
          let value = first * power + last
          #expect(written(value) == String(value))
        }
        power *= 10
      }
    }
  }
}
