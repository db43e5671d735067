// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// Bytes of the stream of effects where they lie. Whoever hands them to a helper keeps a cursor in
/// front of them until it has them back, so that they stay.
@safe
struct StreamPart: @unchecked Sendable {
  private let bytes: UnsafeRawBufferPointer
  /// Where in the stream they begin.
  let offset: Int

  init(_ span: RawSpan, at offset: Int) {
    unsafe bytes = unsafe span.withUnsafeBytes { unsafe $0 }
    self.offset = offset
  }

  var count: Int { unsafe bytes.count }

  var span: RawSpan {
    @_lifetime(borrow self)
    get { unsafe _overrideLifetime(RawSpan(_unsafeBytes: bytes), borrowing: self) }
  }
}

/// A point of the stream of effects.
struct LogPosition: Equatable, Sendable {
  /// The history's name: 40 hexadecimal digits.
  let replicationID: ByteText
  var offset: Int
  /// The database that what follows is for until it says otherwise.
  var database = 0

  mutating func advance(_ byteCount: Int) { offset += byteCount }
}

extension LogPosition {
  /// The point that an annotation stands at; nil if no stream can be so long.
  init?(_ annotation: LogAnnotation) {
    guard annotation.offset <= ReplicationStream.offsetMax else { return nil }
    self.init(replicationID: annotation.replicationID, offset: annotation.offset)
  }
}

/// A part of the stream that goes into the log.
struct LogPortion: Sendable {
  /// Where the portion before ends.
  let start: Int
  /// Where its own bytes begin: not in front of what is still there.
  let begin: Int
  let parts: [StreamPart]
  /// The point behind it; what lies between and is not among the parts belongs to followers only.
  let end: LogPosition
  /// Seconds since 1970 to write in front, if that is wanted.
  let timestamp: Int?
}

/// Why something could not be written.
enum LogWriteFailure: Error, Equatable {
  /// Nothing of it is in the log; trying again may help.
  case refused(DiskError)
  /// What the file holds is not known: a sync has failed, or half of something can't be taken back.
  /// Only another base makes the log whole again.
  case broken(DiskError)

  var cause: DiskError {
    switch self {
    case .refused(let error), .broken(let error): error
    }
  }
}

/// Writes the files of a log, and the manifest that names them. All calls come from one thread at a
/// time: from jobs in the order of their submission, or from the loop while the server starts.
///
/// Crash safety, in the order of the operations: an increment is synced before the manifest names
/// one behind it, a file is there before a manifest names it, and removed after none does.
final class LogWriter: @unchecked Sendable {
  private let disk: Disk
  private let directory: String
  private let naming: LogNaming
  private(set) var manifest: LogManifest
  /// The increment that is written to; nil while the log is off.
  private var file: DiskFile?
  /// Where that is if no manifest names it, as there is no base for it yet.
  private var unlistedPath: String?
  private var checksum = LogChecksum()
  /// Bytes of the increment that are complete.
  private var fileByteCount = 0
  private var unsyncedByteCount = 0
  private var syncedByteCount: Int { fileByteCount - unsyncedByteCount }
  /// Bytes of the base, and of the increments that nothing is written to any more.
  private var baseByteCount: Int
  private var closedByteCount: Int
  private var lastTimestamp = 0
  /// Whether the directory's own name has been synced: without that nothing in it is found again.
  private var isDirectoryDurable = false
  /// Up to here the stream has been written.
  private var offset = 0
  /// The point of the stream that a reader of the increment finds behind its last byte; nil if it
  /// would be a wrong one.
  private var readable: LogPosition?
  /// Why nobody knows what the increment holds on the disk; nothing about it is tried again.
  private var brokenBy: DiskError?

  /// Bytes of commands between two annotations, at least; fewer if they are synced, so that what is
  /// durable is confirmed, too, without making small logs large.
  private static let annotationDistance = 256 << 10
  private static let syncedAnnotationDistance = 4 << 10

  /// - Parameters:
  ///   - manifest: what stands on the disk; empty for none.
  ///   - byteCounts: of the base, and of all increments together.
  init(
    disk: Disk, directory: String, naming: LogNaming, manifest: LogManifest,
    byteCounts: (base: Int, increments: Int) = (0, 0)
  ) {
    self.disk = disk
    self.directory = directory
    self.naming = naming
    self.manifest = manifest
    baseByteCount = byteCounts.base
    closedByteCount = byteCounts.increments
  }

  /// Bytes of the whole log.
  var byteCount: Int { baseByteCount + closedByteCount + fileByteCount }

  private func path(_ name: LogFileName) -> String { "\(directory)/\(name.text)" }

  // MARK: - Increments

  /// Goes on with the last increment that the manifest names. What was found, and is about to be
  /// shown to clients, becomes durable first: the server before may have died before it was.
  ///
  /// - Parameters:
  ///   - byteCount: its bytes that are whole; what stands behind them is cut off.
  ///   - checksum: of what stands behind its last annotation.
  ///   - position: the point of the stream where it goes on.
  ///   - found: the one that a reader finds at its end; nil for none.
  func resume(
    byteCount: Int, checksum: LogChecksum, at position: LogPosition, found: LogPosition?
  ) throws(DiskError) {
    guard let last = manifest.increments.last else { return }
    let file = try disk.open(path(last.name), .append)
    if try file.byteCount() != byteCount { try file.truncate(to: byteCount) }
    try file.sync()
    try syncDirectories()
    self.file = file
    self.checksum = checksum
    self.offset = position.offset
    self.position = position
    readable = found
    fileByteCount = byteCount
    closedByteCount -= byteCount
    guard let found, found.replicationID != position.replicationID else { return }
    // The next start must know the name under which followers know this history from now on.
    do throws(LogWriteFailure) {
      try annotate(at: position, isForced: true)
      try sync()
    } catch {
      throw error.cause
    }
  }

  /// Begins another increment: what follows stands in it.
  ///
  /// - Parameters:
  ///   - after: where what was written before ends.
  ///   - timestamp: seconds since 1970 to begin with, if that is wanted.
  ///   - isListed: whether the manifest names it from now on; else that waits for a base.
  func beginIncrement(
    at position: LogPosition, after end: Int, timestamp: Int?, isListed: Bool
  ) throws(LogWriteFailure) {
    try expect(end)
    // What is to be mended can't be closed, and needn't.
    if isListed { try closeIncrement() }
    offset = position.offset
    var next = manifest
    let path = path(isListed ? next.addIncrement(naming).name : naming.temporaryIncrement)
    var checksum = LogChecksum()
    var head = ByteText()
    if let timestamp { head += LogAnnotation.line(timestamp: timestamp) }
    if position.database != 0 {
      let digits = "\(position.database)" as ByteText
      head += "*2\r\n$6\r\nSELECT\r\n$\(digits.count)\r\n\(digits)\r\n"
    }
    checksum.add(head.rawSpan)
    head +=
      checksum.seal(
        replicationID: position.replicationID, offset: position.offset, synced: 0
      ).line
    let file: DiskFile
    do throws(DiskError) { file = try disk.open(path, .replace) } catch { throw .refused(error) }
    var failure: DiskError?
    do throws(DiskError) {
      try file.write(head.bytes)
      if isListed { try persist(next) }
    } catch {
      guard isListed, manifest == next else {
        file.close()
        try? disk.remove(path)
        throw .refused(error)
      }
      failure = error
    }
    self.file?.close()
    self.file = file
    self.checksum = checksum
    readable = position
    unlistedPath = isListed ? nil : path
    closedByteCount += fileByteCount
    fileByteCount = head.count
    unsyncedByteCount = head.count
    lastTimestamp = timestamp ?? 0
    brokenBy = nil
    if let failure { throw broken(failure) }
  }

  /// Has everything in the increment confirmed by an annotation, and durable.
  private func closeIncrement() throws(LogWriteFailure) {
    guard file != nil, unlistedPath == nil else { return }
    // Also when only messages and PINGs came behind the last annotation: followers have them.
    if let position {
      try annotate(at: position, isForced: readable?.offset != position.offset)
    }
    try sync()
  }

  /// Writes the last annotation and syncs; nothing is written any more.
  func close() throws(LogWriteFailure) {
    defer {
      file?.close()
      file = nil
      closedByteCount += fileByteCount
      fileByteCount = 0
    }
    try closeIncrement()
  }

  // MARK: - Commands

  /// The last point of the stream that was written.
  private var position: LogPosition?

  /// Appends a part of the stream.
  ///
  /// - Parameter syncs: whether it is durable when this returns.
  func write(_ portion: LogPortion, syncs: Bool) throws(LogWriteFailure) {
    try expect(portion.start)
    do throws(LogWriteFailure) {
      if !portion.parts.isEmpty { try append(portion) }
    } catch {
      // What is broken is not tried again.
      if case .broken = error { offset = portion.end.offset }
      throw error
    }
    position = portion.end
    offset = portion.end.offset
    let distance = syncs ? LogWriter.syncedAnnotationDistance : LogWriter.annotationDistance
    if checksum.byteCount >= distance { try annotate(at: portion.end) }
    if syncs { try sync() }
  }

  /// What the stream had behind this point is gone, and nothing of it was for the log. The next
  /// start must know the name that the history has again.
  func goBack(to position: LogPosition) throws(LogWriteFailure) {
    guard offset >= position.offset else { return }
    offset = position.offset
    self.position = position
    try annotate(at: position, isForced: true)
  }

  /// Refuses what doesn't come next, since something in front of it has failed.
  private func expect(_ start: Int) throws(LogWriteFailure) {
    guard file == nil || start == offset else {
      throw .refused(DiskError(operation: "write", path: directory, cause: .inputOutput))
    }
    offset = start
  }

  private func append(_ portion: LogPortion) throws(LogWriteFailure) {
    let timestamp = portion.timestamp == lastTimestamp ? nil : portion.timestamp
    let id = portion.end.replicationID
    var readable = readable
    try write { (file, checksum) throws(DiskError) in
      if let timestamp {
        let line = LogAnnotation.line(timestamp: timestamp)
        checksum.add(line.rawSpan)
        try file.write(line.bytes)
      }
      for part in portion.parts {
        // A reader counts bytes: where some of the stream's are left out it is told.
        if readable?.offset != part.offset || readable?.replicationID != id {
          let annotation = checksum.seal(
            replicationID: id, offset: part.offset, synced: syncedByteCount)
          try file.write(annotation.line.bytes)
        }
        checksum.add(part.span)
        try file.write(part.span)
        readable = LogPosition(replicationID: id, offset: part.offset + part.count)
      }
    }
    self.readable = readable
    if let timestamp { lastTimestamp = timestamp }
  }

  /// Confirms what stands behind the last annotation. If there is no room for it, another one will
  /// do that.
  private func annotate(
    at position: LogPosition, isForced: Bool = false
  ) throws(LogWriteFailure) {
    guard checksum.byteCount > 0 || isForced else { return }
    do throws(LogWriteFailure) {
      try write { (file, checksum) throws(DiskError) in
        let annotation = checksum.seal(
          replicationID: position.replicationID, offset: position.offset,
          synced: syncedByteCount)
        try file.write(annotation.line.bytes)
      }
      readable = position
    } catch {
      if case .broken = error { throw error }
    }
  }

  /// Appends all that `work` writes, or nothing.
  private func write(
    _ work: (DiskFile, inout LogChecksum) throws(DiskError) -> Void
  ) throws(LogWriteFailure) {
    guard let file else { return }
    if let brokenBy { throw .broken(brokenBy) }
    var sum = checksum
    do throws(DiskError) {
      try work(file, &sum)
      // The size is asked for, and not counted: it is what a reader will find.
      let byteCount = try file.byteCount()
      unsyncedByteCount += byteCount - fileByteCount
      fileByteCount = byteCount
      checksum = sum
    } catch {
      do throws(DiskError) {
        try file.truncate(to: fileByteCount)
        try file.seek(to: fileByteCount)
      } catch let second {
        throw broken(second)
      }
      throw .refused(error)
    }
  }

  /// Makes what was written durable.
  private func sync() throws(LogWriteFailure) {
    guard let file, unsyncedByteCount > 0 else { return }
    if let brokenBy { throw .broken(brokenBy) }
    do throws(DiskError) {
      try file.sync()
      unsyncedByteCount = 0
    } catch {
      throw broken(error)
    }
  }

  private func broken(_ error: DiskError) -> LogWriteFailure {
    brokenBy = error
    return .broken(error)
  }

  // MARK: - Bases

  /// A rewrite has succeeded: its file becomes the base, what that replaces goes.
  ///
  /// - Parameters:
  ///   - path: of the file, complete and synced.
  ///   - keepsHistory: leaves the files that are no longer read where they are.
  func install(
    _ path: String, _ format: LogNaming.Format, byteCount: Int, keepsHistory: Bool
  ) throws(LogWriteFailure) {
    do throws(DiskError) {
      try put(path, format, byteCount: byteCount)
    } catch {
      throw .refused(error)
    }
    if !keepsHistory { dropHistory() }
  }

  private func put(
    _ path: String, _ format: LogNaming.Format, byteCount: Int
  ) throws(DiskError) {
    var next = manifest
    let current = unlistedPath == nil && file != nil ? next.increments.last?.sequence : nil
    let base = next.finishRewrite(naming, format, incrementsFrom: current)
    try disk.rename(path, to: self.path(base.name))
    if let unlistedPath {
      let listed = self.path(next.addIncrement(naming).name)
      try disk.rename(unlistedPath, to: listed)
      self.unlistedPath = listed
    }
    var failure: DiskError?
    do throws(DiskError) {
      try persist(next)
    } catch {
      guard manifest == next else { throw error }
      failure = error
    }
    unlistedPath = nil
    baseByteCount = byteCount
    closedByteCount = 0
    if let failure { throw failure }
  }

  /// Removes files that nobody reads any more. What can't be removed stays listed for another time.
  func dropHistory() {
    var next = manifest
    let files = next.dropHistory()
    guard !manifest.history.isEmpty else { return }
    for file in files {
      do throws(DiskError) {
        try disk.remove(path(file.name))
      } catch {
        if !error.isMissing { return }
      }
    }
    try? persist(next)
  }

  /// Writes a manifest that takes the place of the one before. The files that it names become
  /// durable under their names first, as nobody promises that names do in any order.
  func persist(_ next: LogManifest) throws(DiskError) {
    let temporary = path(naming.temporaryManifest)
    let file = try disk.open(temporary, .replace)
    do throws(DiskError) {
      try file.write(next.text.bytes)
      try file.sync()
      file.close()
    } catch {
      file.close()
      throw error
    }
    try disk.syncDirectory(directory)
    try disk.rename(temporary, to: path(naming.manifest))
    // From here on this is what stands there, whether that is durable or not.
    manifest = next
    try syncDirectories()
  }

  private func syncDirectories() throws(DiskError) {
    try disk.syncDirectory(directory)
    guard !isDirectoryDurable else { return }
    try disk.syncDirectory(Disk.directory(of: directory))
    isDirectoryDurable = true
  }
}
