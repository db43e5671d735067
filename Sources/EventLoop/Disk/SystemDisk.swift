// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The files of the operating system.
public final class SystemDisk: Disk {
  /// Every disk of this kind is the same.
  public override init() { super.init() }

  private func attempt<Result>(
    _ operation: String, _ path: String, _ body: () throws(SystemError) -> Result
  ) throws(DiskError) -> Result {
    do throws(SystemError) {
      return try body()
    } catch {
      throw DiskError(operation: operation, path: path, cause: error)
    }
  }

  /// open(2).
  public override func open(_ path: String, _ mode: DiskMode) throws(DiskError) -> DiskFile {
    let flags =
      switch mode {
      case .read: O_RDONLY
      case .create: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW
      case .replace: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
      case .append: O_WRONLY | O_CREAT | O_APPEND
      }
    if mode == .replace { try removeIfThere(path) }
    let descriptor = try attempt("open", path) { () throws(SystemError) in
      try Syscall.open(path, flags: flags)
    }
    return SystemFile(path: path, descriptor: descriptor)
  }

  private func removeIfThere(_ path: String) throws(DiskError) {
    do throws(DiskError) {
      try remove(path)
    } catch {
      if !error.isMissing { throw error }
    }
  }

  /// stat(2).
  public override func exists(_ path: String) -> Bool { (try? Syscall.status(path)) != nil }

  /// stat(2).
  public override func isDirectory(_ path: String) -> Bool {
    (try? Syscall.status(path))?.isDirectory ?? false
  }

  /// stat(2).
  public override func byteCount(of path: String) throws(DiskError) -> Int {
    try attempt("stat", path) { () throws(SystemError) in try Syscall.status(path).byteCount }
  }

  /// unlink(2).
  public override func remove(_ path: String) throws(DiskError) {
    try attempt("unlink", path) { () throws(SystemError) in try Syscall.remove(path) }
  }

  /// rename(2).
  public override func rename(_ source: String, to target: String) throws(DiskError) {
    try attempt("rename", source) { () throws(SystemError) in
      try Syscall.rename(source, to: target)
    }
  }

  /// mkdir(2).
  public override func makeDirectory(_ path: String) throws(DiskError) {
    try attempt("mkdir", path) { () throws(SystemError) in
      do throws(SystemError) {
        try Syscall.makeDirectory(path)
      } catch {
        if error.code != EEXIST { throw error }
      }
    }
  }

  /// flock(2) of the directory itself, so that nothing is left behind.
  public override func lock(directory path: String) throws(DiskError) -> DiskFile {
    try attempt("flock", path) { () throws(SystemError) in
      let descriptor = try Syscall.open(path, flags: O_RDONLY | O_DIRECTORY)
      do throws(SystemError) {
        try Syscall.lock(descriptor)
      } catch {
        Syscall.close(descriptor)
        throw error
      }
      return SystemFile(path: path, descriptor: descriptor)
    }
  }

  /// Shared locks on one byte of the directory, whose offset stands for the name: nothing is left
  /// behind, and files that come and go under the name don't take the lock with them. A directory
  /// can't be locked exclusively by byte, but one can ask whether that would be refused.
  public override func claim(_ path: String) throws(DiskError) -> DiskClaim {
    try attempt("fcntl", path) { () throws(SystemError) in
      let descriptor = try Syscall.open(Disk.directory(of: path), flags: O_RDONLY | O_DIRECTORY)
      do throws(SystemError) {
        let offset = SystemDisk.offset(ofName: Disk.name(of: path))
        try Syscall.shareByte(descriptor, at: offset)
        let isShared = try Syscall.isByteShared(descriptor, at: offset)
        return DiskClaim(
          file: SystemFile(path: path, descriptor: descriptor), isShared: isShared)
      } catch {
        Syscall.close(descriptor)
        throw error
      }
    }
  }

  /// FNV-1a of the name in 62 bits: two names of a directory hardly ever have the same byte.
  private static func offset(ofName name: Substring.UTF8View) -> Int64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return Int64(hash >> 2)
  }

  /// readdir(3), sorted.
  public override func names(inDirectory path: String) throws(DiskError) -> [String] {
    try attempt("opendir", path) { () throws(SystemError) in
      try Syscall.names(inDirectory: path)
    }
  }

  /// fsync(2) of the directory; file systems that don't know it (EINVAL) need none.
  public override func syncDirectory(_ path: String) throws(DiskError) {
    try attempt("fsync", path) { () throws(SystemError) in
      let descriptor = try Syscall.open(path, flags: O_RDONLY | O_DIRECTORY)
      defer { Syscall.close(descriptor) }
      do throws(SystemError) {
        try Syscall.sync(descriptor)
      } catch {
        if error.code != EINVAL { throw error }
      }
    }
  }
}

/// A descriptor of the operating system.
internal final class SystemFile: DiskFile, @unchecked Sendable {
  private var number: Int32

  init(path: String, descriptor: Int32) {
    number = descriptor
    super.init(path: path)
  }

  deinit { close() }

  private func failure(_ operation: String, _ cause: SystemError) -> DiskError {
    DiskError(operation: operation, path: path, cause: cause)
  }

  override func read(into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) -> Int {
    do throws(SystemError) {
      return try unsafe Syscall.read(number, buffer.baseAddress, buffer.count)
    } catch { throw failure("read", error) }
  }

  override func writeSome(_ bytes: UnsafeRawBufferPointer) throws(DiskError) -> Int {
    do throws(SystemError) {
      return try unsafe Syscall.write(number, bytes.baseAddress, bytes.count)
    } catch { throw failure("write", error) }
  }

  // fdatasync: it includes the size, which is all that a reader needs.
  override func sync() throws(DiskError) {
    do throws(SystemError) { try Syscall.syncData(number) } catch { throw failure("fsync", error) }
  }

  override func truncate(to byteCount: Int) throws(DiskError) {
    do throws(SystemError) {
      try Syscall.truncate(number, to: byteCount)
    } catch { throw failure("ftruncate", error) }
  }

  override func seek(to offset: Int) throws(DiskError) {
    do throws(SystemError) {
      try Syscall.seek(number, to: offset)
    } catch { throw failure("lseek", error) }
  }

  override func byteCount() throws(DiskError) -> Int {
    do throws(SystemError) {
      return try Syscall.size(number)
    } catch { throw failure("fstat", error) }
  }

  override var descriptor: Int32 { number }

  override func close() {
    if number >= 0 { Syscall.close(number) }
    number = -1
  }
}
