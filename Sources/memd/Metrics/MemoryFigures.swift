// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// Where the server's memory goes, as of one moment; INFO and MEMORY show parts of it.
///
/// An object rather than a value: a structure of so many words crashes the optimiser of Swift 6.3.1
/// (pass LoadableByAddress) in a module with typed throws.
final class MemoryFigures {
  /// Everything that counts against `maxmemory`, in bytes.
  let used: Int
  let peak: Int
  /// What an empty server needs.
  let startup: Int
  /// History of the stream of effects, whether there is as much of it already or not.
  let backlog: Int
  let clients: Int
  /// Buckets of the tables, and records of the timing wheels, per database with keys.
  let tables: [Table]
  /// Keys in all databases.
  let keyCount: Int
  /// Bytes of the allocator's slabs in which no block is.
  let slabFree: Int
  let allocated: Int
  /// Resident bytes of the process.
  let resident: Int

  /// Overhead of one database.
  struct Table {
    let database: Int
    let main: Int
    let expires: Int
  }

  /// Bytes of the wheel per key with a deadline: the record and its share of chunk and directory.
  static let wheelByteCount = 9

  init(_ server: Server) {
    allocated = server.allocator.bytesInUse
    backlog = server.effects.stream.capacity
    startup = backlog
    clients = server.clientMemory.total + server.clients.count * Client.objectByteCount
    used = server.evictableMemory
    peak = max(used, server.statistics.memoryPeak)
    tables = server.keyspace.databases.filter { $0.count > 0 }.map { database in
      Table(
        database: database.number, main: database.keys.bucketBytes,
        expires: database.expiringCount * MemoryFigures.wheelByteCount)
    }
    keyCount = server.keyspace.keyCount
    slabFree = server.allocator.slabBytesFree
    resident = ProcessFacts.residentByteCount
  }

  /// Memory that is not data.
  var overhead: Int { startup + clients + tables.reduce(0) { $0 + $1.main + $1.expires } }
  /// Memory of keys and values.
  var dataset: Int { max(0, used - overhead) }
  /// Share of the dataset in what was added since the start, in percent.
  var datasetPercentage: Double {
    used > startup ? Double(dataset) * 100 / Double(used - startup) : 0
  }
  var peakPercentage: Double { Double(used) * 100 / Double(max(1, peak)) }
  /// Bytes of keys and values, and of tables, per key.
  var bytesPerKey: Int { keyCount == 0 ? 0 : max(0, used - startup) / keyCount }

  // MARK: - Ratios

  /// Blocks and the free space of their slabs.
  var active: Int { allocated + slabFree }
  var fragmentationRatio: Double { Double(active) / Double(max(1, allocated)) }
  var overheadRatio: Double { Double(resident) / Double(max(1, active)) }
  var residentRatio: Double { Double(resident) / Double(max(1, used)) }
}
