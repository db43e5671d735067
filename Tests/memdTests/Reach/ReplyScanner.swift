// SPDX-License-Identifier: Apache-2.0

/// Finds where replies end, without making values of them.
enum ReplyScanner {
  /// The position behind the reply that begins at `start`; nil if it is not all there.
  static func end(of bytes: [UInt8], from start: Int) -> Int? {
    var missing = 1
    var position = start
    while missing > 0 {
      guard position < bytes.count, let line = lineEnd(bytes, position) else { return nil }
      let type = bytes[position]
      let count = number(bytes, position + 1, line)
      position = line + 2
      missing -= 1
      switch type {
      case UInt8(ascii: "$"), UInt8(ascii: "="), UInt8(ascii: "!"):
        if count >= 0 { position += count + 2 }
      case UInt8(ascii: "*"), UInt8(ascii: "~"), UInt8(ascii: ">"): missing += max(0, count)
      case UInt8(ascii: "%"): missing += 2 * count
      // An attribute stands in front of the reply that it is about.
      case UInt8(ascii: "|"): missing += 2 * count + 1
      default: break
      }
    }
    return position <= bytes.count ? position : nil
  }

  private static func lineEnd(_ bytes: [UInt8], _ start: Int) -> Int? {
    var index = start
    while index + 1 < bytes.count {
      if bytes[index] == 13, bytes[index + 1] == 10 { return index }
      index += 1
    }
    return nil
  }

  private static func number(_ bytes: [UInt8], _ start: Int, _ end: Int) -> Int {
    var value = 0
    var isNegative = false
    for index in start..<max(start, end) {
      if bytes[index] == UInt8(ascii: "-") {
        isNegative = true
      } else if bytes[index] >= 48, bytes[index] <= 57, value < 1 << 40 {
        value = value * 10 + Int(bytes[index] - 48)
      }
    }
    return isNegative ? -value : value
  }

  /// The content of the string that begins at `start`; nil if there is something else.
  static func string(_ bytes: [UInt8], from start: Int) -> [UInt8]? {
    guard start < bytes.count, bytes[start] == UInt8(ascii: "$"),
      let line = lineEnd(bytes, start)
    else { return nil }
    let count = number(bytes, start + 1, line)
    guard count >= 0, line + 2 + count <= bytes.count else { return nil }
    return Array(bytes[(line + 2)..<(line + 2 + count)])
  }

  /// The reply of a DUMP: the string ends with a version and a checksum.
  static func payload(_ bytes: [UInt8], in range: Range<Int>) -> [UInt8]? {
    guard range.count < 40_000, let text = string(bytes, from: range.lowerBound), text.count > 12
    else { return nil }
    let isPayload = text[text.count - 9] == 0 && [10, 12].contains(text[text.count - 10])
    return isPayload ? text : nil
  }

  /// The first element of the array that begins at `start`, if that is a string.
  static func firstString(_ bytes: [UInt8], from start: Int) -> [UInt8]? {
    guard start < bytes.count, bytes[start] == UInt8(ascii: "*"),
      let line = lineEnd(bytes, start)
    else { return nil }
    return string(bytes, from: line + 2)
  }
}
