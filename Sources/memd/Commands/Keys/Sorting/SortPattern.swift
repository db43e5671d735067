// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A pattern of SORT's BY or GET: a key with an asterisk for the element, and maybe a field of a
/// hash, as in `user:*->name`. `#` alone is the element itself.
struct SortPattern {
  private let bytes: [UInt8]
  private let asterisk: Int?
  /// The key ends here: where an arrow stands, or at the end.
  private let keyEnd: Int
  private let field: [UInt8]?

  init(_ text: RawSpan) {
    let bytes = text.copied
    self.bytes = bytes
    asterisk = bytes.firstIndex(of: UInt8(ascii: "*"))
    var arrow: Int?
    if let asterisk {
      for index in bytes.indices.dropFirst(asterisk + 1).dropLast(2)
      where bytes[index] == UInt8(ascii: "-") && bytes[index + 1] == UInt8(ascii: ">") {
        arrow = index
        break
      }
    }
    keyEnd = arrow ?? bytes.count
    field = arrow.map { Array(bytes[($0 + 2)...]) }
  }

  var hasAsterisk: Bool { asterisk != nil }

  /// The key of an element; nil if there is none to look up.
  private func key(for element: [UInt8]) -> [UInt8]? {
    guard let asterisk else { return nil }
    return Array(bytes[..<asterisk] + element + bytes[(asterisk + 1)..<keyEnd])
  }

  /// How many bytes `value` would give.
  func byteCount(for element: [UInt8], in database: Database) -> Int {
    if bytes == [UInt8(ascii: "#")] { return element.count }
    guard let octets = key(for: element),
      let entry = database.find(Key(octets.rawSpan, seed: database.seed))
    else { return 0 }
    guard let field else { return entry.header.isString ? StringValue(entry).count : 0 }
    guard entry.header.type == .hash else { return 0 }
    let threshold = database.moment.fieldThreshold
    return HashValue(entry).find(field.rawSpan, before: threshold)?.count ?? 0
  }

  /// What the pattern leads to for an element; nil if it leads nowhere.
  func value(for element: [UInt8], in database: Database) -> [UInt8]? {
    if bytes == [UInt8(ascii: "#")] { return element }
    guard let octets = key(for: element) else { return nil }
    guard let entry = database.read(Key(octets.rawSpan, seed: database.seed)) else { return nil }
    if let field {
      guard entry.header.type == .hash else { return nil }
      let threshold = database.moment.fieldThreshold
      var scratch = DecimalScratch()
      return HashValue(entry).find(field.rawSpan, before: threshold)?.text(&scratch).copied
    }
    guard entry.header.isString else { return nil }
    var scratch = DecimalScratch()
    return StringValue(entry).text(&scratch).copied
  }
}
