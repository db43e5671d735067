// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// Encodes the images of a cut into a file, or into memory for followers. All calls come from one
/// thread at a time: a helper, or the loop while clients wait for SAVE.
final class SnapshotOutput: @unchecked Sendable {
  /// What a file consists of.
  enum Format {
    /// An RDB file.
    case rdb
    /// Commands that make the same data of nothing, as clients send them.
    case commands
  }

  /// How a snapshot is written. Version, checksum and properties are of RDB files only.
  struct Options: Sendable {
    var format = Format.rdb
    var version = RDBFormat.lowestVersion
    var compresses = true
    var hasChecksum = true
    /// Whether the file is synced every few megabytes instead of as a whole at the end.
    var syncsIncrementally = true
    /// Seconds since 1970 that stand in front of commands, if that is wanted.
    var timestamp: Int?
    /// Names and values in front of the keys.
    var properties: [(name: String, value: String)] = []
    /// Code of the libraries of functions, behind those.
    var libraries: [[UInt8]] = []
  }

  private let disk: Disk
  private let temporary: String?
  private let options: Options
  private var file: SnapshotFile?
  /// What was written, if it goes to no file.
  private let memory: SnapshotMemory?
  private var encoder: (any ImageEncoder)?
  /// The first thing that went wrong; nothing is written after it.
  private(set) var failure: DiskError?

  /// - Parameter temporary: the name of the file while it is written; nil if there is to be none.
  init(disk: Disk, temporary: String?, options: Options) {
    self.disk = disk
    self.temporary = temporary
    memory = temporary == nil ? SnapshotMemory() : nil
    self.options = options
  }

  /// Bytes of the file so far.
  var byteCount: Int { file?.byteCount ?? 0 }

  /// Makes the file and writes what comes before the keys.
  func begin() {
    attempt { () throws(DiskError) in
      let sink = try makeSink()
      if options.format == .commands, let timestamp = options.timestamp {
        try sink.write(LogAnnotation.line(timestamp: timestamp).rawSpan)
      }
      let encoder = makeEncoder(to: sink)
      encoder.begin()
      self.encoder = encoder
    }
  }

  private func makeSink() throws(DiskError) -> any SnapshotSink {
    if let memory { return memory }
    let file = try SnapshotFile(
      disk: disk, temporary: temporary ?? "", syncsIncrementally: options.syncsIncrementally)
    self.file = file
    return file
  }

  private func makeEncoder(to sink: any SnapshotSink) -> any ImageEncoder {
    switch options.format {
    case .rdb: RDBEncoder(to: sink, options)
    case .commands: CommandEncoder(to: sink, options)
    }
  }

  /// What was written into memory since this was called last.
  func takeBytes() -> [UInt8] { memory?.take() ?? [] }

  /// Writes what images show.
  func write(_ pieces: [ImagePiece]) {
    guard failure == nil, let encoder else { return }
    for piece in pieces { encoder.encode(piece) }
    if let error = encoder.failure { failure = error }
  }

  /// Writes the end of the file, which stays under its temporary name.
  func finish() {
    guard failure == nil, let encoder else { return }
    attempt { () throws(DiskError) in try encoder.finish() }
  }

  /// Makes the file durable under its final name.
  func commit(as path: String) {
    guard failure == nil, let file else { return }
    attempt { () throws(DiskError) in try file.commit(as: path) }
  }

  /// The file, for reading; it must be complete.
  func open() throws(DiskError) -> DiskFile { try disk.open(temporary ?? "", .read) }

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
