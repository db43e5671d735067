// SPDX-License-Identifier: Apache-2.0
import Glibc
import RESP
import Testing

@Suite struct DoubleTextTests {
  private func parse(_ text: String) -> Double? { DoubleText.parse(unsafe text.bytes.span.bytes) }

  private func printed(_ value: Double) -> String {
    var text = [CChar](repeating: 0, count: 64)
    let count = unsafe withVaList([value]) { unsafe vsnprintf(&text, 64, "%.17g", $0) }
    return String(decoding: text[..<Int(count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Texts that redis-server 7.0.15 gave for ZSCORE.
  @Test(arguments: [
    (3.1, "3.1000000000000001"), (0, "0"), (-0.0, "-0"), (5, "5"), (1e16, "10000000000000000"),
    (1e17, "1e+17"), (1e22, "1e+22"), (-1e21, "-1e+21"), (0.0001, "0.0001"),
    (0.00001, "1.0000000000000001e-05"), (1.5e-7, "1.4999999999999999e-07"), (3.141, "3.141"),
    (.leastNonzeroMagnitude, "4.9406564584124654e-324"),
    (1.7976931348623157e308, "1.7976931348623157e+308"),
    (123_456_789_012_345_680, "1.2345678901234568e+17"),
    (9_007_199_254_740_992, "9007199254740992"),
    (.infinity, "inf"), (-.infinity, "-inf"), (.nan, "nan"), (0.5, "0.5"), (-2.5, "-2.5"),
  ]) func `Numbers are written as Redis writes them`(value: Double, text: String) {
    #expect(DoubleText.string(value) == text)
  }

  @Test func `Random numbers are written as printf writes them`() {
    var random = SeededGenerator(seed: 11)
    for index in 0..<20000 {
      let value: Double
      switch index % 5 {
      case 0: value = Double(bitPattern: random.next())
      case 1: value = Double(Int(truncatingIfNeeded: random.next()) >> 30) / 100
      case 2: value = Double.random(in: -1...1, using: &random)
      case 3:
        value = Double(random.below(2_000_000) - 1_000_000) / pow(10, Double(random.below(12)))
      default:
        let power = pow(10, Double(random.below(36) - 10))
        value = [power.nextUp, power, power.nextDown][random.below(3)]
      }
      guard value.isFinite else { continue }
      #expect(DoubleText.string(value) == printed(value), "\(value.bitPattern)")
      #expect(parse(DoubleText.string(value)) == value, "\(value.bitPattern)")
    }
  }

  @Test func `Ties are rounded to even`() {
    // 2^-k multiples have more than 17 digits and end in 5.
    for numerator in stride(from: 1.0, to: 4000, by: 2) {
      for exponent in [-20, -30, -40, -50] {
        let value = numerator * pow(2, Double(exponent)) + 7
        #expect(DoubleText.string(value) == printed(value), "\(value.bitPattern)")
      }
    }
  }

  @Test(
    arguments: [
      ("0x1p3", 8), ("0X1.8", 1.5), ("inf", .infinity), ("+inf", .infinity), ("-inf", -.infinity),
      ("Infinity", .infinity), ("INFINITY", .infinity), ("+1", 1), (".5", 0.5), ("5.", 5),
      ("-.5", -0.5), ("4e-324", .leastNonzeroMagnitude), ("1e5", 1e5), ("1e+5", 1e5), ("007", 7),
      ("-0", -0.0),
      ("123456789012345", 123_456_789_012_345), ("0.000000000000001", 1e-15), ("-12.375", -12.375),
      (String(repeating: "0", count: 300) + "1", 1),
      ("1." + String(repeating: "0", count: 6000), 1),
    ] as [(String, Double)])
  func `What strtod reads is read`(text: String, value: Double) {
    #expect(parse(text)?.bitPattern == value.bitPattern)
  }

  @Test(arguments: [
    "", "infinit", "infinityx", "nan", "-nan", "nan(1)", "1e400", "-1e400", "1e-400", "1e-324",
    " 1",
    "1 ", "1\0", "\01", "1e", "0x", "0x1p", "1_0", "1,5", "\t1", "\u{b}1", "1\n", "0b1", "--1",
    "1d5",
    ".", "-", "+", "-.", "1.2.3", "e5", "..", "1..",
  ]) func `What Redis refuses is refused`(text: String) {
    #expect(parse(text) == nil)
    // A long double has room for the numbers that are only out of a double's range.
    guard !["1e400", "-1e400", "1e-400", "1e-324"].contains(text) else { return }
    #expect(LongDoubleText.parse(unsafe text.bytes.span.bytes) == nil)
  }

  @Test func `Plain decimals are read like strtod reads them`() {
    var random = SeededGenerator(seed: 5)
    for _ in 0..<20000 {
      var text = random.next() & 1 == 0 ? "-" : ""
      let digits = 1 + random.below(17)
      let point = random.below(digits + 1)
      for index in 0..<digits {
        if index == point { text += "." }
        text += String(random.below(10))
      }
      let expected = unsafe strtod(text, nil)
      #expect(parse(text)?.bitPattern == expected.bitPattern, "\(text)")
    }
  }
}

@Suite struct LongDoubleTextTests {
  private func parse(_ text: String) -> LongDouble? {
    LongDoubleText.parse(unsafe text.bytes.span.bytes)
  }

  private func sum(_ left: String, _ right: String) -> String? {
    guard let left = parse(left), let right = parse(right) else { return nil }
    return LongDoubleText.string(left + right)
  }

  /// Results of INCRBYFLOAT in redis-server 7.0.15.
  @Test(arguments: [
    ("0", "-0", "0"), ("0.1", "0.2", "0.3"), ("3.0", "1.1", "4.1"), ("10.50", "0.1", "10.6"),
    ("5.0e3", "2.0e2", "5200"), ("0", "1e17", "100000000000000000"), ("0", "0.00001", "0.00001"),
    ("0", "1.5e-7", "0.00000015"), ("0", "-1e21", "-1000000000000000000000"), ("100", "0", "100"),
    ("0", "1e-400", "0"), ("-1", "1", "0"), ("0", "123456789012345678", "123456789012345678"),
    ("0", "-1e-30", "0"), ("0", "0x1p3", "8"),
  ]) func `Sums are written as Redis writes them`(left: String, right: String, text: String) {
    #expect(sum(left, right) == text)
  }

  @Test func `Numbers without an exponent can be long`() throws {
    let text = try #require(sum("0", "1e400"))
    #expect(text.utf8.count == 401)
    #expect(text.hasPrefix("100000000000000000002818806839475865145864534336290520"))
    #expect(LongDoubleText.string(.greatestFiniteMagnitude).utf8.count == 4933)
  }

  @Test func `Infinities have names and cannot be NaN`() {
    #expect(LongDoubleText.string(.infinity) == "inf")
    #expect(LongDoubleText.string(-.infinity) == "-inf")
    #expect(LongDoubleText.string(.nan) == "nan")
    #expect(parse("1e99999") == nil)
    #expect(parse("-inf") == -.infinity)
  }

  @Test func `The longest text that is read has 5119 bytes`() {
    #expect(parse("1." + String(repeating: "0", count: 5117)) == 1)
    #expect(parse("1." + String(repeating: "0", count: 5118)) == nil)
  }
}
