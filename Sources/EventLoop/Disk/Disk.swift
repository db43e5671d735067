// SPDX-License-Identifier: Apache-2.0

/// Why a disk can't do something.
public struct DiskError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The call that failed: "open", "write", "fsync"...
  public let operation: String
  /// The file.
  public let path: String
  /// The error of the system.
  public let cause: SystemError

  /// Describes a failure.
  public init(operation: String, path: String, cause: SystemError) {
    self.operation = operation
    self.path = path
    self.cause = cause
  }

  /// "open dump.rdb: No such file or directory".
  public var description: String { "\(operation) \(path): \(cause.text)" }

  /// Whether the file isn't there.
  public var isMissing: Bool { cause == .missing }
  /// Whether another process has locked it.
  public var isLocked: Bool { cause == .locked }
}

/// How a file is opened.
public enum DiskMode: Sendable {
  /// Must exist; from the start.
  case read
  /// Made or emptied; a symbolic link is not followed.
  case create
  /// Made anew, as a file that nobody else has: what has the path already goes first, and a link
  /// that somebody planted there is not followed. For files that get their name when complete.
  case replace
  /// Made if it is missing; every write goes to the end.
  case append
}

/// The claim to a name, as long as its file is open.
public struct DiskClaim {
  /// Closing it gives the name up.
  public let file: DiskFile
  /// Whether somebody else had claimed the name and not given it up.
  public let isShared: Bool

  /// For disks.
  public init(file: DiskFile, isShared: Bool) {
    self.file = file
    self.isShared = isShared
  }
}

/// The files of a server: the system's or a simulation. Paths are relative to the working
/// directory.
open class Disk {
  /// For subclasses.
  public init() {}

  /// Opens a file.
  open func open(_ path: String, _ mode: DiskMode) throws(DiskError) -> DiskFile {
    throw DiskError(operation: "open", path: path, cause: .missing)
  }

  /// Whether something has this path.
  open func exists(_ path: String) -> Bool { false }

  /// Whether a directory has this path.
  open func isDirectory(_ path: String) -> Bool { false }

  /// The size of a file in bytes.
  open func byteCount(of path: String) throws(DiskError) -> Int {
    throw DiskError(operation: "stat", path: path, cause: .missing)
  }

  /// Removes a file.
  open func remove(_ path: String) throws(DiskError) {}

  /// Gives a file another path; a file that has it is replaced in one step.
  open func rename(_ source: String, to target: String) throws(DiskError) {}

  /// Makes a directory; it is no error if it exists.
  open func makeDirectory(_ path: String) throws(DiskError) {}

  /// Claims a directory for this process; the claim ends when the result is closed, or with the
  /// process. Throws `.locked` if another process has it.
  open func lock(directory path: String) throws(DiskError) -> DiskFile {
    throw DiskError(operation: "flock", path: path, cause: .missing)
  }

  /// Lets other processes know that this one writes files of a name, whether there is one or not:
  /// whoever claims it, too, is told, and nobody is refused. The claim ends when its file is
  /// closed, or with the process.
  open func claim(_ path: String) throws(DiskError) -> DiskClaim {
    throw DiskError(operation: "fcntl", path: path, cause: .missing)
  }

  /// The names in a directory in bytewise order.
  open func names(inDirectory path: String) throws(DiskError) -> [String] { [] }

  /// Makes creations, renames and removals in a directory durable.
  open func syncDirectory(_ path: String) throws(DiskError) {}
}

extension Disk {
  /// The whole file.
  public final func read(_ path: String) throws(DiskError) -> [UInt8] {
    try read(path, atMost: .max) ?? []
  }

  /// The whole file; nil if it is longer than `limit`, or a device that doesn't end.
  public final func read(_ path: String, atMost limit: Int) throws(DiskError) -> [UInt8]? {
    let file = try open(path, .read)
    defer { file.close() }
    let byteCount = try file.byteCount()
    guard byteCount <= limit else { return nil }
    var bytes = [UInt8](repeating: 0, count: byteCount)
    var count = 0
    while true {
      guard count <= limit else { return nil }
      // One byte more than the known size shows that the file has not grown meanwhile.
      if count == bytes.count { bytes.append(contentsOf: repeatElement(0, count: 4096)) }
      let received = try file.read(into: &bytes, from: count)
      if received == 0 { break }
      count += received
    }
    bytes.removeLast(bytes.count - count)
    return bytes
  }

  /// Puts the bytes at the end of a file, which is made if it is missing; not synced.
  public final func append(to path: String, _ bytes: [UInt8]) throws(DiskError) {
    let file = try open(path, .append)
    defer { file.close() }
    try file.write(bytes)
  }

  /// Replaces a file so that after a crash either the old or the new content is there, whole.
  ///
  /// Writes "<path>.tmp", syncs it, renames it and syncs the directory; a failure removes the
  /// temporary file and leaves the old one.
  public final func writeAtomically(_ path: String, _ bytes: [UInt8]) throws(DiskError) {
    let temporary = path + ".tmp"
    do throws(DiskError) {
      let file = try open(temporary, .replace)
      defer { file.close() }
      try file.write(bytes)
      try file.sync()
    } catch {
      try? remove(temporary)
      throw error
    }
    do throws(DiskError) {
      try rename(temporary, to: path)
    } catch {
      try? remove(temporary)
      throw error
    }
    try syncDirectory(Disk.directory(of: path))
  }

  /// The directory part of a path; "." if it has none.
  public static func directory(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The name part of a path: what stands behind the last slash.
  static func name(of path: String) -> Substring.UTF8View {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path[...].utf8 }
    return path[path.utf8.index(after: slash)...].utf8
  }
}
