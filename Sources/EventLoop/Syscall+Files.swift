// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// System calls on files and directories; errors are thrown, short transfers are returned.
extension Syscall {
  /// open(2), closed on exec.
  @inline(never)
  internal static func open(
    _ path: String, flags: Int32, mode: mode_t = 0o644
  ) throws(SystemError) -> Int32 {
    Int32(try checking { Int(unsafe Glibc.open(path, flags | O_CLOEXEC, mode)) })
  }

  /// read(2).
  @inline(never)
  internal static func read(
    _ descriptor: Int32, _ base: UnsafeMutableRawPointer?, _ byteCount: Int
  ) throws(SystemError) -> Int {
    try checking { unsafe Glibc.read(descriptor, base, byteCount) }
  }

  /// write(2).
  @inline(never)
  internal static func write(
    _ descriptor: Int32, _ base: UnsafeRawPointer?, _ byteCount: Int
  ) throws(SystemError) -> Int {
    try checking { unsafe Glibc.write(descriptor, base, byteCount) }
  }

  /// fdatasync(2).
  @inline(never)
  internal static func syncData(_ descriptor: Int32) throws(SystemError) {
    try checking { Int(fdatasync(descriptor)) }
  }

  /// fsync(2).
  @inline(never)
  internal static func sync(_ descriptor: Int32) throws(SystemError) {
    try checking { Int(fsync(descriptor)) }
  }

  /// ftruncate(2).
  @inline(never)
  internal static func truncate(_ descriptor: Int32, to byteCount: Int) throws(SystemError) {
    try checking { Int(ftruncate(descriptor, off_t(byteCount))) }
  }

  /// lseek(2) from the start.
  @inline(never)
  internal static func seek(_ descriptor: Int32, to offset: Int) throws(SystemError) {
    try checking { Int(lseek(descriptor, off_t(offset), SEEK_SET)) }
  }

  /// The size of an open file.
  @inline(never)
  internal static func size(_ descriptor: Int32) throws(SystemError) -> Int {
    var status = stat()
    try checking { Int(unsafe fstat(descriptor, &status)) }
    return Int(status.st_size)
  }

  /// The size of a file and whether it is a directory.
  @inline(never)
  internal static func status(
    _ path: String
  ) throws(SystemError) -> (byteCount: Int, isDirectory: Bool) {
    var status = stat()
    try checking { Int(unsafe stat(path, &status)) }
    return (Int(status.st_size), status.st_mode & S_IFMT == S_IFDIR)
  }

  /// rename(2).
  @inline(never)
  internal static func rename(_ source: String, to target: String) throws(SystemError) {
    try checking { Int(unsafe Glibc.rename(source, target)) }
  }

  /// unlink(2).
  @inline(never)
  internal static func remove(_ path: String) throws(SystemError) {
    try checking { Int(unsafe unlink(path)) }
  }

  /// chmod(2).
  @inline(never)
  internal static func setMode(_ path: String, _ mode: UInt32) throws(SystemError) {
    try checking { Int(unsafe chmod(path, mode_t(mode))) }
  }

  /// chown(2) of the group alone.
  @inline(never)
  internal static func setGroup(_ path: String, _ group: UInt32) throws(SystemError) {
    try checking { Int(unsafe chown(path, uid_t.max, gid_t(group))) }
  }

  /// getgrnam_r(3): the number of a group. One that doesn't exist is "No such file or directory".
  @inline(never)
  internal static func groupNumber(of name: String) throws(SystemError) -> UInt32 {
    var byteCount = 1024
    while true {
      var entry = unsafe group()
      var found: UnsafeMutablePointer<group>?
      let code = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: byteCount) {
        unsafe getgrnam_r(name, &entry, $0.baseAddress, $0.count, &found)
      }
      // A group of many members.
      if code == ERANGE, byteCount < 1 << 24 {
        byteCount *= 4
        continue
      }
      guard code == 0 else { throw SystemError(code) }
      guard unsafe found != nil else { throw SystemError(ENOENT) }
      return unsafe entry.gr_gid
    }
  }

  /// flock(2), exclusively and without waiting.
  @inline(never)
  internal static func lock(_ descriptor: Int32) throws(SystemError) {
    try checking { Int(flock(descriptor, LOCK_EX | LOCK_NB)) }
  }

  /// A shared lock of the open file on one byte; for a directory, too.
  @inline(never)
  internal static func shareByte(_ descriptor: Int32, at offset: Int64) throws(SystemError) {
    try checking { Int(memd_share_byte(descriptor, offset)) }
  }

  /// Whether another open file has a lock on the byte.
  @inline(never)
  internal static func isByteShared(
    _ descriptor: Int32, at offset: Int64
  ) throws(SystemError) -> Bool {
    try checking { Int(memd_byte_is_shared(descriptor, offset)) } != 0
  }

  /// mkdir(2).
  @inline(never)
  internal static func makeDirectory(_ path: String) throws(SystemError) {
    try checking { Int(unsafe mkdir(path, 0o755)) }
  }

  /// The names in a directory, without "." and "..", in bytewise order.
  @inline(never)
  internal static func names(inDirectory path: String) throws(SystemError) -> [String] {
    guard let directory = unsafe opendir(path) else { throw SystemError(errno) }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}
