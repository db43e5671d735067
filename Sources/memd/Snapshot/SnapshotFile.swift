// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// A file under way to its name: written beside it, synced, then renamed, so that the name always
/// means a whole file.
final class SnapshotFile {
  private let disk: Disk
  private let temporary: String
  private let file: DiskFile
  /// Bytes written so far.
  private(set) var byteCount = 0

  /// Makes the temporary file; one that is left of a crash is replaced.
  init(disk: Disk, temporary: String) throws(DiskError) {
    self.disk = disk
    self.temporary = temporary
    file = try disk.open(temporary, .replace)
  }

  /// Appends bytes.
  func write(_ bytes: RawSpan) throws(DiskError) {
    try file.write(bytes)
    byteCount += bytes.byteCount
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
