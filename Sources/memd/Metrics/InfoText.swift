// SPDX-License-Identifier: Apache-2.0

/// The text of INFO while it is written: sections of `name:value` lines.
struct InfoText {
  private(set) var text = ""

  /// Begins a section; sections are separated by an empty line.
  mutating func section(_ title: StaticString) {
    if !text.isEmpty { text += "\r\n" }
    text += "# \(title)\r\n"
  }

  mutating func field(_ name: StaticString, _ value: Int) { line("\(name):\(value)") }

  mutating func field(_ name: StaticString, _ value: Int64) { line("\(name):\(value)") }

  mutating func field(_ name: StaticString, _ value: String) { line("\(name):\(value)") }

  /// A flag as 0 or 1.
  mutating func field(_ name: StaticString, _ value: Bool) { line("\(name):\(value ? 1 : 0)") }

  /// A number with so many digits behind the point.
  mutating func field(
    _ name: StaticString, _ value: Double, digits: Int = 2, unit: StaticString = ""
  ) {
    line("\(name):\(FixedPoint.text(value, digits: digits))\(unit)")
  }

  /// A number of bytes, and the same once more for people.
  mutating func bytes(_ name: StaticString, _ value: Int) {
    line("\(name):\(value)")
    line("\(name)_human:\(FixedPoint.human(bytes: value))")
  }

  /// A line whose name is made at run time.
  mutating func line(_ line: String) {
    text += line
    text += "\r\n"
  }
}

/// Numbers with a fixed count of digits behind the point.
enum FixedPoint {
  /// The value rounded to `digits` digits; what has no such text is 0.
  static func text(_ value: Double, digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 1e18 else { return text(0, digits: digits) }
    let whole = Int(scaled / scale)
    let fraction = Int(scaled - Double(whole) * scale)
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard digits > 0 else { return "\(sign)\(whole)" }
    let shown = String(fraction)
    let zeros = String(repeating: "0", count: max(0, digits - shown.utf8.count))
    return "\(sign)\(whole).\(zeros)\(shown)"
  }

  /// The value with up to six digits behind the point, without zeros at the end.
  static func trimmed(_ value: Double) -> String {
    var digits = text(value, digits: 6)
    while digits.hasSuffix("0") { digits.removeLast() }
    if digits.hasSuffix(".") { digits.removeLast() }
    return digits
  }

  /// Bytes for people: 512B, 1.50K, 2.00M.
  static func human(bytes: Int) -> String {
    if bytes < 1024 { return "\(bytes)B" }
    var value = Double(bytes)
    for unit in ["", "K", "M", "G", "T", "P"] {
      if value < 1024 { return text(value, digits: 2) + unit }
      value /= 1024
    }
    return text(value, digits: 2) + "E"
  }
}
