// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// `memd --check-rdb FILE`: reads a file as loading would, keeps nothing of it, and tells what is
/// in it or where it is damaged. Lines and exit codes are redis-check-rdb's, with more of them.
///
/// Memory stays that of the largest value, so a key that is there twice goes unnoticed.
final class RDBCheck {
  private let reader: RDBReader
  private let loader: RDBLoader
  private let report: RDBReport
  private let scratch: ScratchKeyspace
  private let write: (String) -> Void

  /// Checks a file; 0 if it can be loaded, else 1.
  static func run(
    path: String, disk: Disk, clock: Clock, write: @escaping (String) -> Void
  ) -> Int32 {
    do throws(DiskError) {
      let file = try disk.open(path, .read)
      defer { file.close() }
      let byteCount = try file.byteCount()
      guard let end = end(of: file, path: path, clock: clock, write: write) else { return 1 }
      let rest = byteCount - end
      if rest > 0 { write("[info] \(rest) bytes behind the end, such as those of a log") }
      return 0
    } catch {
      write("Cannot open file \(path): \(error)")
      return 1
    }
  }

  /// Checks the RDB that an open file begins with, and tells where it ends; nil if it is damaged.
  static func end(
    of file: DiskFile, path: String, clock: Clock, write: @escaping (String) -> Void
  ) -> Int? {
    write("[offset 0] Checking RDB file \(path)")
    return RDBCheck(file, clock, write).run()
  }

  private init(_ file: DiskFile, _ clock: Clock, _ write: @escaping (String) -> Void) {
    let reader = RDBReader(file: file)
    let report = RDBReport { [unowned reader] in write("[offset \(reader.offset)] \($0)") }
    let scratch = ScratchKeyspace(clock)
    var options = RDBLoader.Options()
    options.report = report
    loader = RDBLoader(
      reader: reader, into: scratch.keyspace.databases, log: Log(), options: options)
    self.reader = reader
    self.report = report
    self.scratch = scratch
    self.write = write
  }

  private func run() -> Int? {
    do throws(RDBError) {
      while try !loader.load(stepsPerQuestion: 1, isTimeOver: { true }) {
        while scratch.keyspace.unlinked.free(upTo: .max) {}
      }
      printChecksum()
      write("[offset \(reader.offset)] \\o/ RDB looks OK! \\o/")
      printReport()
      return reader.offset
    } catch {
      printError(error)
      printReport()
      return nil
    }
  }

  private func printReport() {
    if loader.version > 0 { write("[info] RDB version \(loader.version)") }
    for line in report.lines { write("[info] \(line)") }
  }

  private func printChecksum() {
    let text =
      switch report.checksum {
      case .unknown: "No checksum was read"
      case .none: "There is no checksum in a file of this version"
      case .disabled: "RDB file was saved with checksum disabled: no check performed."
      case .right: "Checksum OK"
      }
    write("[offset \(reader.offset)] \(text)")
  }

  private func printError(_ error: RDBError) {
    write("--- RDB ERROR DETECTED ---")
    write("[offset \(error.offset)] \(error.reasonText)")
    if let kind = error.kind {
      write("[additional info] Reading key \(RDBReport.shown(error.key.rawSpan))")
      write("[additional info] Reading type \(kind.rawValue) (\(kind))")
    }
  }
}

/// A keyspace that values can be made in without a server.
private final class ScratchKeyspace {
  let keyspace: Keyspace
  private let observer = NobodyWatches()

  init(_ clock: Clock) {
    var random = RandomGenerator(seed: .random(in: .min ... .max))
    let seed = HashSeed(k0: random.next(), k1: random.next())
    keyspace = Keyspace(
      databaseCount: 1, allocator: Allocator.create(), seed: seed,
      moment: Moment(
        microseconds: clock.wallMicroseconds(), random: RandomGenerator(seed: random.next())),
      attention: Attention(), observer: observer, received: nil,
      random: RandomGenerator(seed: random.next()))
  }
}
