// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// A file under way to its name: written beside it, synced, then renamed, so that the name always
/// means a whole file.
final class SnapshotFile: SnapshotSink {
  private let disk: Disk
  private let temporary: String
  private let file: DiskFile
  /// Bytes written so far.
  private(set) var byteCount = 0
  /// Bytes that may be written before the file is synced.
  private let bytesPerSync: Int
  private var unsynced = 0

  /// Makes the temporary file; one that is left of a crash is replaced.
  ///
  /// - Parameter syncsIncrementally: the file is synced while it grows, so that the last sync does
  ///   not find all of it.
  init(
    disk: Disk, temporary: String, syncsIncrementally: Bool = false
  ) throws(DiskError) {
    self.disk = disk
    self.temporary = temporary
    bytesPerSync = syncsIncrementally ? 4 << 20 : .max
    file = try disk.open(temporary, .replace)
  }

  /// Appends bytes.
  func write(_ bytes: RawSpan) throws(DiskError) {
    try file.write(bytes)
    byteCount += bytes.byteCount
    unsynced += bytes.byteCount
    guard unsynced >= bytesPerSync else { return }
    unsynced = 0
    try file.sync()
  }

  /// Makes everything durable under the final name.
  func commit(as path: String) throws(DiskError) {
    try file.sync()
    file.close()
    try disk.rename(temporary, to: path)
    try disk.syncDirectory(Disk.directory(of: path))
  }

  /// Ends the writing without a rename: the bytes can be read under the temporary name.
  func close() { file.close() }

  /// Removes what was written.
  func abandon() {
    file.close()
    try? disk.remove(temporary)
  }
}
