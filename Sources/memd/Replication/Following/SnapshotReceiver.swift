// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// A snapshot on its way from the leader into a file, which a helper writes.
final class SnapshotReceiver {
  /// With so many bytes that the helper has not written, no more are received.
  static let backlogMax = 8 << 20

  /// How its end is known.
  enum Extent: Equatable {
    case length(Int)
    /// By these bytes behind it.
    case marker([UInt8])

    /// The line in front of a snapshot; nil if it is none.
    init?(_ line: ByteText) {
      let bytes = line.bytes
      guard bytes.first == UInt8(ascii: "$") else { return nil }
      if bytes.starts(with: "$EOF:".utf8) {
        guard bytes.count == 45 else { return nil }
        self = .marker(Array(bytes[5...]))
      } else {
        guard let count = ByteText(bytes[1...]).integer(), count >= 0 else { return nil }
        self = .length(count)
      }
    }
  }

  /// The history that the snapshot belongs to, and where that goes on behind it.
  let id: ByteText
  let offset: Int
  let file: ReceivedFile
  /// Nil as long as its first line hasn't come.
  var extent: Extent?
  /// Bytes of the snapshot so far, the marker included.
  private(set) var byteCount = 0
  /// What it begins with, as far as that is of interest.
  private var beginning: [UInt8] = []
  /// The last bytes, as many as a marker has.
  private var end: [UInt8] = []
  /// Whether all of it has come.
  private(set) var isComplete = false
  /// Bytes that the helper has not written.
  var backlog = 0
  /// Whether nobody wants it any more.
  var isAbandoned = false

  init(id: ByteText, offset: Int, file: ReceivedFile) {
    self.id = id
    self.offset = offset
    self.file = file
  }

  /// Bytes that are still to come; nil if that isn't known.
  var missing: Int? {
    if case .length(let length) = extent { length - byteCount } else { nil }
  }

  /// What the data will take in memory, in bytes.
  ///
  /// - Parameter current: what this server takes now.
  func estimate(current: Int) -> Int {
    SnapshotBeginning(beginning).estimate(byteCount: contentCount, current: current)
  }

  /// Bytes of the snapshot without the marker.
  var contentCount: Int {
    if case .marker(let marker) = extent { byteCount - marker.count } else { byteCount }
  }

  /// Takes bytes of the snapshot and tells whether it is complete. What is behind a snapshot of
  /// known length is not taken.
  ///
  /// - Returns: how many bytes were taken.
  func take(_ bytes: ArraySlice<UInt8>) -> (count: Int, isComplete: Bool) {
    if extent != nil, beginning.count < SnapshotBeginning.byteCountMax {
      beginning += bytes.prefix(SnapshotBeginning.byteCountMax - beginning.count)
    }
    switch extent {
    case .length(let length):
      let count = min(bytes.count, length - byteCount)
      byteCount += count
      isComplete = byteCount == length
      return (count, isComplete)
    case .marker(let marker):
      byteCount += bytes.count
      end = Array((end + bytes.suffix(marker.count)).suffix(marker.count))
      isComplete = end == marker
      return (bytes.count, isComplete)
    case nil: return (0, false)
    }
  }
}

/// The file of a snapshot that is being received. All calls come from one helper.
final class ReceivedFile: @unchecked Sendable {
  private(set) var path: String
  /// Whether it has got a name of its own, and stays.
  private var isKept = false
  private let disk: Disk
  private var file: DiskFile?
  private(set) var failure: DiskError?

  init(path: String, disk: Disk) {
    self.path = path
    self.disk = disk
  }

  func write(_ bytes: [UInt8]) {
    attempt { () throws(DiskError) in
      if file == nil { file = try disk.open(path, .replace) }
      try file?.write(bytes.rawSpan)
    }
  }

  /// Nothing follows; what is behind so many bytes is no part of it.
  ///
  /// - Parameter syncs: whether it is to be durable.
  func finish(byteCount: Int, syncs: Bool) {
    attempt { () throws(DiskError) in
      if file == nil { file = try disk.open(path, .replace) }
      try file?.truncate(to: byteCount)
      if syncs { try file?.sync() }
    }
    file?.close()
    file = nil
  }

  /// Has it stay under another name; called on the loop when it is complete.
  func keep(as name: String) throws(DiskError) {
    try disk.rename(path, to: name)
    path = name
    isKept = true
  }

  /// Has it go after all.
  func giveUp() { isKept = false }

  func abandon() {
    file?.close()
    file = nil
    if isKept {
      try? disk.syncDirectory(Disk.directory(of: path))
    } else {
      try? disk.remove(path)
    }
  }

  private func attempt(_ work: () throws(DiskError) -> Void) {
    guard failure == nil else { return }
    do throws(DiskError) {
      try work()
    } catch {
      failure = error
    }
  }
}

/// What a helper does for a snapshot that is being received.
final class ReceiveJob: Job, @unchecked Sendable {
  enum Work {
    case write([UInt8])
    case finish(byteCount: Int, syncs: Bool)
    case abandon
  }

  let work: Work
  private let file: ReceivedFile
  private let done: (ReceiveJob) -> Void
  private(set) var failure: DiskError?

  /// - Parameter done: called on the loop.
  init(_ work: Work, for file: ReceivedFile, done: @escaping (ReceiveJob) -> Void) {
    self.work = work
    self.file = file
    self.done = done
  }

  override func perform() {
    switch work {
    case .write(let bytes): file.write(bytes)
    case .finish(let byteCount, let syncs): file.finish(byteCount: byteCount, syncs: syncs)
    case .abandon: file.abandon()
    }
    failure = file.failure
  }

  override func finish() { done(self) }
}
