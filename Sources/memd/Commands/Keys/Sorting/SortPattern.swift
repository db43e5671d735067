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

  /// What the pattern leads to for an element; nil if it leads nowhere.
  func value(for element: [UInt8], in database: Database) -> [UInt8]? {
    if bytes == [UInt8(ascii: "#")] { return element }
    guard let asterisk else { return nil }
    let name = bytes[..<asterisk] + element + bytes[(asterisk + 1)..<keyEnd]
    let octets = Array(name)
    guard let entry = database.read(Key(octets.rawSpan, seed: database.seed)) else { return nil }
    if let field {
      guard entry.header.type == .hash else { return nil }
      var scratch = DecimalScratch()
      return HashValue(entry).find(field.rawSpan, database.moment)?.text(&scratch).copied
    }
    guard entry.header.isString else { return nil }
    var scratch = DecimalScratch()
    return StringValue(entry).text(&scratch).copied
  }
}
