// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// MEMORY: where the server's memory goes.
enum MemoryCommands: CommandFamily {
  static let group = CommandGroup.server

  private static let tips: [StaticString] = [
    "nondeterministic_output", "request_policy:all_shards", "response_policy:special",
  ]

  static let commands: [Command] = [
    Command(
      "memory", [], subcommands: subcommands, since: "4.0.0",
      complexity: "Depends on subcommand.",
      summary: "A container for commands about memory.", help: help, handler: showHelp)
  ]

  private static let subcommands: [Command] = [
    Command(
      "census", [.admin, .noScript], tips: tips, since: "7.4.0",
      complexity: "O(P log P) where P is the number of prefixes that are watched",
      summary: "Shows where memory is, by type and prefix, and the largest keys.",
      handler: census),
    Command(
      "doctor", [], tips: tips, since: "4.0.0", complexity: "O(1)",
      summary: "Reports on problems with memory in words.", handler: doctor),
    Command(
      "help", [.loading, .stale], since: "4.0.0", complexity: "O(1)",
      summary: "Explains the subcommands.", handler: showHelp),
    Command(
      "malloc-stats", [], tips: tips, since: "4.0.0",
      complexity: "Depends on how much memory is allocated, could be slow",
      summary: "Shows figures of the allocator.", handler: mallocStats),
    Command(
      "purge", [], tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
      since: "4.0.0", complexity: "Depends on how much memory is allocated, could be slow",
      summary: "Gives free memory back to the system.", handler: purge),
    Command(
      "stats", [], tips: tips, since: "4.0.0", complexity: "O(1)",
      summary: "Shows figures about memory.", handler: stats),
    Command(
      "usage", [.readonly], keys: [.key(2, .readOnly)],
      [.key(), .integer("count").after("SAMPLES").optional], since: "4.0.0",
      complexity: "O(N) where N is the number of samples.",
      summary: "Tells how much memory a key and its value take.", handler: usage),
  ]

  private static let help: [StaticString] = [
    "CENSUS",
    "    Answers what the last walk over all keys has found: keys and memory by",
    "    type, database and prefix, and the largest keys.",
    "DOCTOR",
    "    Answers a report on problems with memory.",
    "MALLOC-STATS",
    "    Answers figures of the memory allocator.",
    "PURGE",
    "    Give free memory back to the system.",
    "STATS",
    "    Answers where memory goes.",
    "USAGE <key> [SAMPLES <count>]",
    "    Answers the bytes of <key> with its value. Of many",
    "    elements <count> are looked at (5 unless said, 0: all).",
  ]

  static func showHelp(_ call: inout Call) throws(CommandError) {
    call.writeHelp("MEMORY", help)
  }

  // MARK: - MEMORY USAGE

  static func usage(_ call: inout Call) throws(CommandError) {
    var samples = 5
    for index in stride(from: 3, to: call.arguments.count, by: 2) {
      guard call.keyword(index) ~= Keyword("samples"), index + 1 < call.arguments.count else {
        throw .syntax
      }
      samples = try call.integer(index + 1)
      guard samples >= 0 else { throw .syntax }
    }
    guard let entry = call.database.find(call.key(2)) else { return call.reply.null() }
    call.reply.integer(entry.memoryUsage(call.server.allocator, samples: samples))
  }

  // MARK: - MEMORY STATS

  static func stats(_ call: inout Call) throws(CommandError) {
    let figures = MemoryFigures(call.server)
    call.reply.map(30 + figures.tables.count)
    writeUse(figures, call)
    for table in figures.tables {
      call.reply.bulk("db.\(table.database)")
      call.reply.map(2)
      write("overhead.hashtable.main", table.main, call)
      write("overhead.hashtable.expires", table.expires, call)
    }
    // Tables grow by one bucket at a time: none is ever copied into a larger one.
    write("overhead.db.hashtable.lut", figures.tables.reduce(0) { $0 + $1.main }, call)
    write("overhead.db.hashtable.rehashing", 0, call)
    write("db.dict.rehashing.count", 0, call)
    writeData(figures, call)
    writeAllocator(figures, call)
  }

  private static func writeUse(_ figures: MemoryFigures, _ call: borrowing Call) {
    write("peak.allocated", figures.peak, call)
    write("total.allocated", figures.used, call)
    write("startup.allocated", figures.startup, call)
    write("replication.backlog", figures.backlog, call)
    write("clients.slaves", 0, call)
    write("clients.normal", figures.clients, call)
    write("cluster.links", 0, call)
    write("aof.buffer", 0, call)
    write("lua.caches", call.server.scripting.cache.byteCount, call)
    write("functions.caches", call.server.scripting.libraries.byteCount, call)
  }

  private static func writeData(_ figures: MemoryFigures, _ call: borrowing Call) {
    write("overhead.total", figures.overhead, call)
    write("keys.count", figures.keyCount, call)
    write("keys.bytes-per-key", figures.bytesPerKey, call)
    write("dataset.bytes", figures.dataset, call)
    write("dataset.percentage", figures.datasetPercentage, call)
    write("peak.percentage", figures.peakPercentage, call)
  }

  private static func writeAllocator(_ figures: MemoryFigures, _ call: borrowing Call) {
    write("allocator.allocated", figures.allocated, call)
    write("allocator.active", figures.active, call)
    write("allocator.resident", figures.resident, call)
    write("allocator-fragmentation.ratio", figures.fragmentationRatio, call)
    write("allocator-fragmentation.bytes", figures.slabFree, call)
    write("allocator-rss.ratio", figures.overheadRatio, call)
    write("allocator-rss.bytes", figures.resident - figures.active, call)
    write("rss-overhead.ratio", 1.0, call)
    write("rss-overhead.bytes", 0, call)
    write("fragmentation", figures.residentRatio, call)
    write("fragmentation.bytes", figures.resident - figures.used, call)
  }

  private static func write(_ name: StaticString, _ value: Int, _ call: borrowing Call) {
    call.reply.bulk(name)
    call.reply.integer(value)
  }

  private static func write(_ name: StaticString, _ value: Double, _ call: borrowing Call) {
    call.reply.bulk(name)
    call.reply.double(value)
  }

  // MARK: - MEMORY DOCTOR, PURGE, MALLOC-STATS

  static func doctor(_ call: inout Call) throws(CommandError) {
    call.reply.verbatim(MemoryReport.text(MemoryFigures(call.server)), format: "txt")
  }

  static func purge(_ call: inout Call) throws(CommandError) {
    call.server.allocator.releaseStock()
    MemoryPolicy.returnFreeMemory()
    call.reply.ok()
  }

  static func mallocStats(_ call: inout Call) throws(CommandError) {
    let allocator = call.server.allocator
    let text = """
      allocator: slabs of 16 KiB for blocks up to \(Allocator.largestSlabBlock) bytes, malloc above
      in use: \(allocator.bytesInUse)
      peak: \(allocator.bytesPeak)
      slabs: \(allocator.slabBytes)
      free in slabs: \(allocator.slabBytesFree)

      """
    call.reply.verbatim(text, format: "txt")
  }
}
