// SPDX-License-Identifier: Apache-2.0

import DataStructures

@testable import memd

/// The whole dataset as sorted lines; small test datasets only.
enum DatasetText {
  static func of(_ keyspace: Keyspace) -> [String] {
    var lines: [String] = []
    for database in keyspace.databases where database.count > 0 {
      database.contents.table.forEach { entry in
        let value = text(of: entry)
        let deadline = entry.deadlineIfAny.map(String.init) ?? "-"
        lines.append("\(database.number) \(entry.key.text) \(deadline) \(value)")
      }
    }
    return lines.sorted()
  }

  /// A string as it is; other values as their digest, a hash with the deadlines of its fields.
  private static func text(of entry: Entry) -> String {
    if entry.header.isString {
      var scratch = DecimalScratch()
      return StringValue(entry).text(&scratch).text
    }
    var text = "\(entry.header.type) \(ValueDigest(of: .whole, in: entry).short)"
    if entry.header.type == .hash { text += HashValue(entry).deadlinesText }
    if entry.header.type == .stream { text += StreamText.of(StreamValue(entry).stream) }
    return text
  }
}

extension HashValue {
  /// Fields with their deadlines, sorted.
  var deadlinesText: String {
    var texts: [String] = []
    forEach(before: .min) { name, _, deadline in
      var scratch = DecimalScratch()
      if let deadline { texts.append(" \(name.text(&scratch).text)@\(deadline)") }
    }
    return texts.sorted().joined()
  }
}
