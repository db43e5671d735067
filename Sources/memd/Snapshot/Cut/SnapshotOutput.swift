// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// Encodes the images of a cut into a file. All calls come from one thread at a time: a helper, or
/// the loop while clients wait for SAVE.
final class SnapshotOutput: @unchecked Sendable {
  /// How a snapshot is written.
  struct Options: Sendable {
    var version = RDBFormat.lowestVersion
    var compresses = true
    var hasChecksum = true
    /// Whether the file is synced every few megabytes instead of as a whole at the end.
    var syncsIncrementally = true
    /// Names and values in front of the keys.
    var properties: [(name: String, value: String)] = []
  }

  private let disk: Disk
  private let temporary: String
  private let options: Options
  private var file: SnapshotFile?
  private var writer: RDBWriter?
  private var encoder: ImageEncoder?
  /// The first thing that went wrong; nothing is written after it.
  private(set) var failure: DiskError?

  init(disk: Disk, temporary: String, options: Options) {
    self.disk = disk
    self.temporary = temporary
    self.options = options
  }

  /// Bytes of the file so far.
  var byteCount: Int { file?.byteCount ?? 0 }

  /// Makes the file and writes what comes before the keys.
  func begin() {
    attempt { () throws(DiskError) in
      let file = try SnapshotFile(
        disk: disk, temporary: temporary, syncsIncrementally: options.syncsIncrementally)
      self.file = file
      let writer = RDBWriter(
        to: file, compresses: options.compresses, version: options.version)
      let digits = String(options.version)
      let name = "REDIS" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
      writer.raw(Array(name.utf8).rawSpan)
      for property in options.properties {
        writer.opcode(.aux)
        writer.string(Array(property.name.utf8).rawSpan)
        writer.string(Array(property.value.utf8).rawSpan)
      }
      self.writer = writer
      encoder = ImageEncoder(writer)
    }
  }

  /// Writes what images show.
  func write(_ pieces: [ImagePiece]) {
    guard failure == nil, let encoder, let writer else { return }
    for piece in pieces { encoder.encode(piece) }
    if let error = writer.failure { failure = error }
  }

  /// Writes the end of the file, which stays under its temporary name.
  func finish() {
    guard failure == nil, let writer else { return }
    writer.opcode(.end)
    attempt { () throws(DiskError) in try writer.finish(hasChecksum: options.hasChecksum) }
    assert(writer.neededVersion <= options.version, "a snapshot needs a newer version")
  }

  /// Makes the file durable under its final name.
  func commit(as path: String) {
    guard failure == nil, let file else { return }
    attempt { () throws(DiskError) in try file.commit(as: path) }
  }

  /// Ends the writing; the bytes can be read under the temporary name.
  func close() { file?.close() }

  /// Removes what was written.
  func abandon() { file?.abandon() }

  private func attempt(_ work: () throws(DiskError) -> Void) {
    guard failure == nil else { return }
    do throws(DiskError) {
      try work()
    } catch {
      failure = error
    }
  }
}
