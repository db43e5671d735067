// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Subcommands of DEBUG about keys, values and tables.
enum DebugKeyspace {
  static let subcommands: [DebugCommands.Subcommand] = [
    DebugCommands.Subcommand(
      name: "dict-resizing", counts: 3...3,
      help: [
        "DICT-RESIZING <0|1>",
        "    Setting it to 0 keeps the tables of keys at their size.",
      ], handler: setResizing),
    DebugCommands.Subcommand(
      name: "digest", counts: 2...2,
      help: [
        "DIGEST",
        "    Output a hex signature representing the current content of all databases.",
      ], handler: digest),
    DebugCommands.Subcommand(
      name: "digest-value", counts: 2...Int.max,
      help: [
        "DIGEST-VALUE <key> [<key> ...]",
        "    Answers a digest of each named key's value.",
      ], handler: digestValue),
    DebugCommands.Subcommand(
      name: "htstats", counts: 3...4,
      help: [
        "HTSTATS <dbid> [full]",
        "    Describes the table of a database.",
      ], handler: tableStatistics),
    DebugCommands.Subcommand(
      name: "htstats-key", counts: 3...4,
      help: [
        "HTSTATS-KEY <key> [full]",
        "    Describes the table that is the value of <key>.",
      ], handler: valueTableStatistics),
    DebugCommands.Subcommand(
      name: "object", counts: 3...4,
      help: [
        "OBJECT <key>",
        "    Tells how <key> and its value are stored.",
      ], handler: object),
    DebugCommands.Subcommand(
      name: "populate", counts: 3...5,
      help: [
        "POPULATE <count> [<prefix>] [<size>]",
        "    Create <count> string keys named key:<num>, or with another <prefix>, whose",
        "    values have <size> bytes. Followers don't get them.",
      ], handler: populate),
    DebugCommands.Subcommand(
      name: "quicklist-packed-threshold", counts: 3...3,
      help: [
        "QUICKLIST-PACKED-THRESHOLD <size>",
        "    List elements of <size> bytes and more stand alone in a node; 0: as configured.",
      ], handler: setPackedThreshold),
    DebugCommands.Subcommand(
      name: "stringmatch-len", counts: 4...4,
      help: [
        "STRINGMATCH-LEN <length> <pattern>",
        "    Match a string of <length> letters a against <pattern>.",
      ], handler: matchLongText),
  ]

  // MARK: - Digests

  static func digest(_ call: inout Call) throws(CommandError) {
    call.reply.status(DatasetDigest(call.server.keyspace).text)
  }

  static func digestValue(_ call: inout Call) throws(CommandError) {
    call.reply.array(call.arguments.count - 2)
    for index in 2..<call.arguments.count {
      let key = call.key(index)
      // A due key is shown as long as it is there.
      let entry = call.database.keys.find(key.bytes, hash: key.hash)
      let text = entry.map { DatasetDigest(valueOf: $0).text }
      call.reply.status(text ?? String(repeating: "0", count: 40))
    }
  }

  // MARK: - Tables

  static func setResizing(_ call: inout Call) throws(CommandError) {
    let isEnabled = call.looseInteger(2) != 0
    for database in call.server.keyspace.databases {
      database.setResizing(isEnabled)
    }
    call.reply.ok()
  }

  static func tableStatistics(_ call: inout Call) throws(CommandError) {
    guard let database = call.server.keyspace.database(try call.integer(2)) else {
      throw CommandError("ERR Out of range database")
    }
    var text = "[Dictionary HT]\n"
    text += TableReport.text(database.keys)
    text += "[Expires HT]\n"
    // Deadlines are kept in a timing wheel, not in a table.
    text += "\(database.expiringCount) deadlines in the timing wheel\n"
    call.reply.verbatim(text, format: "txt")
  }

  static func valueTableStatistics(_ call: inout Call) throws(CommandError) {
    guard let entry = call.database.find(call.key(2)) else { throw .noSuchKey }
    if entry.header.type == .set, SetValue(entry).form == .table {
      let text = TableReport.text(SetValue(entry).table.pointee)
      return call.reply.verbatim(text, format: "txt")
    }
    throw CommandError(
      "ERR The value stored at the specified key is not represented using an hash table")
  }

  // MARK: - Lists

  static func setPackedThreshold(_ call: inout Call) throws(CommandError) {
    let size = MemorySize.parse(call.arguments[2])
    // Compatibility: the limit is Redis's, one megabyte below the length of a block's count.
    guard let size, size <= (1 << 32) - (1 << 20) else {
      throw CommandError(
        "ERR argument must be a memory value bigger than 1 and smaller than 4gb")
    }
    call.database.limits.listPackedThreshold = Int(size)
    call.reply.ok()
  }

  // MARK: - Keys

  static func object(_ call: inout Call) throws(CommandError) {
    guard let entry = call.database.findAny(call.key(2)) else { throw .noSuchKey }
    let address = String(entry.word, radix: 16)
    let idle = call.moment.countsAccesses ? 0 : call.database.idleSeconds(of: entry)
    let configuration = call.server.configuration
    let length = SerializedLength.of(entry, compresses: configuration.rdbCompression)
    call.reply.status(
      "Value at:0x\(address) refcount:1 encoding:\(entry.encodingName)"
        + " serializedlength:\(length) lru:\(entry.header.access)"
        + " lru_seconds_idle:\(idle)" + chainText(entry, configuration))
  }

  /// What there is to say about a list of several nodes.
  private static func chainText(_ entry: Entry, _ configuration: Configuration) -> String {
    guard entry.header.type == .list, entry.hasLargeForm else { return "" }
    let chain = ListValue(entry).chain
    var byteCount = 0
    var node = chain.pointee.head
    while let current = node {
      byteCount += current.isPlain ? current.plainByteCount : current.listpack.byteCount
      node = current.next
    }
    let mean = Double(chain.pointee.count) / Double(chain.pointee.nodeCount)
    return " ql_nodes:\(chain.pointee.nodeCount) ql_avg_node:\(FixedPoint.text(mean, digits: 2))"
      + " ql_listpack_max:\(configuration.listMaxListpackSize)"
      + " ql_compressed:\(configuration.listCompressDepth == 0 ? 0 : 1)"
      + " ql_uncompressed_size:\(byteCount)"
  }

  static func populate(_ call: inout Call) throws(CommandError) {
    let notPositive = CommandError("ERR value is out of range, must be positive")
    let count = try call.integer(2, orThrow: notPositive)
    var size = 0
    if call.arguments.count > 4 { size = try call.integer(4, orThrow: notPositive) }
    guard count >= 0, size >= 0 else { throw notPositive }
    guard size <= call.server.configuration.protoMaxBulkLength else { throw .stringTooLong }
    let prefix = call.arguments.count > 3 ? call.arguments[3].copied : Array("key".utf8)
    for number in 0..<count {
      let name = prefix + Array(":\(number)".utf8)
      let key = Key(name.rawSpan, seed: call.database.seed)
      guard call.database.find(key) == nil else { continue }
      var value = Array("value:\(number)".utf8)
      if size > 0 {
        value = Array(value.prefix(size))
        value += [UInt8](repeating: 0, count: size - value.count)
      }
      call.database.setString(key, value.rawSpan)
    }
    call.reply.ok()
  }

  static func matchLongText(_ call: inout Call) throws(CommandError) {
    let length = try call.integer(2)
    guard length >= 0, length <= 1 << 20 else { throw .notInteger }
    let text = [UInt8](repeating: UInt8(ascii: "a"), count: length)
    let matches = GlobPattern.matches(pattern: call.arguments[3], text: text.rawSpan)
    call.reply.integer(matches ? 1 : 0)
  }
}

/// The shape of a table in words, for DEBUG HTSTATS.
enum TableReport {
  static func text<Element>(_ table: borrowing HashTable<Element>) -> String {
    var text = "Hash table 0 stats (main hash table):\n"
    guard table.count > 0 else { return text + "No stats available for empty dictionaries\n" }
    let statistics = table.statistics()
    let buckets = table.bucketCount
    let used = buckets - statistics.chainsByLength[0]
    text += " table size: \(buckets)\n"
    text += " number of elements: \(table.count)\n"
    text += " child buckets: \(table.childBucketCount)\n"
    text += " different slots: \(used)\n"
    text += " max chain length: \(statistics.longestChain)\n"
    let mean = FixedPoint.text(Double(table.count) / Double(max(1, used)), digits: 2)
    text += " avg chain length (counted): \(mean)\n"
    text += " avg chain length (computed): \(mean)\n"
    text += " Chain length distribution:\n"
    for (length, count) in statistics.chainsByLength.enumerated() where count > 0 {
      let share = FixedPoint.text(Double(count) * 100 / Double(buckets), digits: 2)
      text += "   \(length): \(count) (\(share)%)\n"
    }
    return text
  }
}

/// How long a value would be in a snapshot file, without compression.
enum SerializedLength {
  /// Bytes of the value without its type; strings as if nothing were compressed.
  static func of(_ entry: Entry, compresses: Bool) -> Int {
    guard entry.header.type == .string else {
      let payload = DumpPayload.make(of: entry, compresses: compresses)
      return payload.count - DumpPayload.overheadCount
    }
    let value = StringValue(entry)
    if let integer = value.integer {
      if Int8(exactly: integer) != nil { return 2 }
      if Int16(exactly: integer) != nil { return 3 }
      if Int32(exactly: integer) != nil { return 5 }
      return 1 + value.count
    }
    let count = value.count
    return count + (count < 1 << 6 ? 1 : count < 1 << 14 ? 2 : 5)
  }
}
