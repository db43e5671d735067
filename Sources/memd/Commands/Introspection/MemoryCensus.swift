// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// MEMORY CENSUS: what the census has found, and what commands do to keys by prefix.

extension MemoryCommands {
  static func census(_ call: inout Call) throws(CommandError) {
    let report = CensusReport(call.server)
    let result = report.result ?? CensusResult()
    call.reply.map(14)
    call.write("active", report.isOn ? 1 : 0)
    call.write("progress-percent", report.isOn ? Int(report.progress * 100) : 0)
    call.write("passes", report.passCount)
    call.write("age-ms", report.ageMilliseconds.map { Int($0) } ?? -1)
    call.write("started-unix-ms", Int(result.startedAt))
    call.write("duration-ms", Int(result.milliseconds))
    call.write("disturbed", result.isDisturbed ? 1 : 0)
    call.write("keys", result.keyCount)
    call.write("bytes", result.byteCount)
    writeTypes(result, call)
    writeDatabases(result, call)
    call.reply.bulk("prefixes")
    call.reply.array(report.prefixes.count)
    for prefix in report.prefixes { write(prefix, call) }
    write(result.byBytes.keys, as: "largest-by-bytes", call)
    write(result.byElements.keys, as: "largest-by-elements", call)
  }

  private static func writeTypes(_ result: CensusResult, _ call: borrowing Call) {
    let types = result.types.filter { $0.count.keys > 0 }
    call.reply.bulk("types")
    call.reply.map(types.count)
    for type in types {
      call.reply.bulk(type.type.name)
      call.reply.map(5)
      call.write(type.count)
      call.write("most-bytes", type.mostBytes)
      call.write("most-elements", type.mostElements)
    }
  }

  private static func writeDatabases(_ result: CensusResult, _ call: borrowing Call) {
    call.reply.bulk("databases")
    call.reply.map(result.databases.count)
    for database in result.databases {
      call.reply.bulk("db\(database.number)")
      call.reply.map(3)
      call.write(database.count)
    }
  }

  private static func write(_ prefix: CensusReport.Prefix, _ call: borrowing Call) {
    call.reply.map(10)
    call.reply.bulk("prefix")
    if let name = prefix.name { call.reply.bulk(name.rawSpan) } else { call.reply.null() }
    call.write(prefix.count)
    call.write("reads", prefix.traffic.reads)
    call.write("writes", prefix.traffic.writes)
    call.write("hits", prefix.traffic.hits)
    call.write("misses", prefix.traffic.misses)
    call.write("expired", prefix.traffic.expired)
    call.write("evicted", prefix.traffic.evicted)
  }

  private static func write(
    _ keys: [CensusResult.Key], as name: StaticString, _ call: borrowing Call
  ) {
    call.reply.bulk(name)
    call.reply.array(keys.count)
    for key in keys {
      call.reply.map(6)
      call.reply.bulk("key")
      call.reply.bulk(key.name.rawSpan)
      call.write("key-length", key.nameByteCount)
      call.write("database", key.database)
      call.reply.bulk("type")
      call.reply.bulk(key.type.name)
      call.write("bytes", key.bytes)
      call.write("elements", key.elements)
    }
  }
}

extension Call {
  fileprivate func write(_ name: StaticString, _ value: Int) {
    reply.bulk(name)
    reply.integer(value)
  }

  /// Three fields.
  fileprivate func write(_ count: CensusResult.Count) {
    write("keys", count.keys)
    write("bytes", count.bytes)
    write("elements", count.elements)
  }
}
