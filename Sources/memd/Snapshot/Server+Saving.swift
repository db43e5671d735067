// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// The whole dataset into a file, in the foreground: SAVE, the end of the server, DEBUG RELOAD and
// followers that ask for everything. Nothing else runs meanwhile.

extension Server {
  /// Saves all keys under `dbfilename`; false if that failed, and then the log says why.
  func save() -> Bool {
    let path = configuration.dbFilename
    let started = clock.monotonicNanoseconds()
    do throws(DiskError) {
      let file = try writeSnapshot(temporary: temporaryName())
      do throws(DiskError) {
        try file.commit(as: path)
      } catch {
        file.abandon()
        throw error
      }
    } catch {
      log.warning(
        "Write error while saving DB to the disk(\(error.operation)): \(error.cause.text)")
      return false
    }
    persistence.lastSave = clock.wallMicroseconds() / 1_000_000
    persistence.savedChangeCount = effects.changeCount
    persistence.saveCount += 1
    let seconds = Double(clock.monotonicNanoseconds() - started) / 1e9
    log.notice("DB saved on disk: \(FixedPoint.text(seconds, digits: 3)) seconds")
    return true
  }

  /// All data was thrown away: with save rules the file must not bring it back after a crash.
  ///
  /// Compatibility: FLUSHALL alone does that, at once and also inside MULTI; FLUSHDB is a change like
  /// any other. A failure is in the log and changes nothing about the reply.
  func saveEmptied() {
    guard !configuration.saveRules.isEmpty else { return }
    _ = save()
  }

  /// Removes what servers have left in the working directory that ended while they wrote a
  /// snapshot: files of the names below, unless a process of that number is there, other than this.
  func removeLeftovers() {
    // A directory that can't be read holds nothing to remove.
    guard let names = try? disk.names(inDirectory: ".") else { return }
    for name in names {
      guard let process = Server.savingProcess(ofTemporary: name),
        process == log.processID || !disk.exists("/proc/\(process)")
      else { continue }
      do throws(DiskError) {
        try disk.remove(name)
        log.notice("Removed \(name), which an interrupted save has left behind")
      } catch {
        log.warning("Can't remove \(name): \(error.cause.text)")
      }
    }
  }

  /// The name under which a snapshot is written: temp-<pid>.rdb, or for a follower
  /// temp-sync-<client>.<pid>.rdb.
  func temporaryName(forFollower client: Int? = nil) -> String {
    let owner = client.map { "sync-\($0)." } ?? ""
    return "temp-\(owner)\(log.processID).rdb"
  }

  /// The process in the name of a temporary file; nil for any other name.
  private static func savingProcess(ofTemporary name: String) -> Int32? {
    guard name.hasPrefix("temp-"), name.hasSuffix(".rdb") else { return nil }
    var digits = name.dropFirst(5).dropLast(4)
    if digits.hasPrefix("sync-") {
      let parts = digits.dropFirst(5).split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count == 2, number(parts[0], Int.self) != nil else { return nil }
      digits = parts[1]
    }
    return number(digits, Int32.self).flatMap { $0 > 0 ? $0 : nil }
  }

  /// The number that is written so and not otherwise.
  private static func number<Number: FixedWidthInteger>(
    _ digits: Substring, _: Number.Type
  ) -> Number? {
    guard let number = Number(digits), String(number) == digits else { return nil }
    return number
  }

  /// Writes all keys into a temporary file, in the lowest version that can hold them.
  ///
  /// - Throws: what the disk has to say; nothing is left of the file then.
  func writeSnapshot(temporary: String) throws(DiskError) -> SnapshotFile {
    var version = RDBFormat.lowestVersion
    while true {
      let file = try SnapshotFile(disk: disk, temporary: temporary)
      let writer = RDBWriter(
        to: file, compresses: configuration.rdbCompression, version: version)
      writeAllKeys(writer)
      // The version stands in front, and what it must be is known at the end: seldom again.
      if writer.failure == nil, writer.neededVersion > version {
        version = writer.neededVersion
        file.abandon()
        continue
      }
      do throws(DiskError) {
        try writer.finish(hasChecksum: configuration.rdbChecksum)
      } catch {
        file.abandon()
        throw error
      }
      return file
    }
  }

  /// Everything but the checksum.
  private func writeAllKeys(_ writer: RDBWriter) {
    let digits = String(writer.version)
    let name = "REDIS" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
    writer.raw(Array(name.utf8).rawSpan)
    writeAux(writer, "redis-ver", Version.redis)
    writeAux(writer, "redis-bits", "64")
    writeAux(writer, "ctime", "\(clock.wallMicroseconds() / 1_000_000)")
    writeAux(writer, "used-mem", "\(evictableMemory)")
    writeAux(writer, "aof-base", "0")
    for database in keyspace.databases where database.count > 0 {
      writer.opcode(.selectDatabase)
      writer.length(database.number)
      writer.opcode(.resize)
      writer.length(database.count)
      writer.length(database.expiringCount)
      database.keys.forEach { entry in
        if writer.failure == nil { writer.key(entry, access: access(of: entry, in: database)) }
      }
    }
    writer.opcode(.end)
  }

  private func writeAux(_ writer: RDBWriter, _ name: StaticString, _ value: String) {
    writer.opcode(.aux)
    writer.string(name)
    writer.string(Array(value.utf8).rawSpan)
  }

  /// What is kept of a key's use, if the policy in force looks at it.
  private func access(of entry: Entry, in database: Database) -> RDBAccess? {
    let policy = configuration.maxMemoryPolicy
    guard policy.watchesAccesses else { return nil }
    if policy.countsAccesses { return .frequency(database.accessFrequency(of: entry)) }
    return .idle(database.idleSeconds(of: entry))
  }
}
