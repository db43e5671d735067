// SPDX-License-Identifier: Apache-2.0

/// An open file of a disk.
///
/// One thread at a time uses it, with one exception: `sync` may run on a helper while the loop
/// writes. The owner calls `close`; it must not do so while a helper syncs.
open class DiskFile: @unchecked Sendable {
  /// The path that the file was opened with.
  public final let path: String

  /// For subclasses.
  public init(path: String) { self.path = path }

  /// Moves bytes from the current position into the caller's memory; 0 at the end.
  open func read(into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) -> Int { 0 }

  /// Takes bytes at the current position (or the end, if appending); may take fewer than given.
  open func writeSome(_ bytes: UnsafeRawBufferPointer) throws(DiskError) -> Int { bytes.count }

  /// Makes everything written so far durable. After a failure the pages may be gone: trying again
  /// on the same file proves nothing.
  open func sync() throws(DiskError) {}

  /// Cuts the file, or fills it up with zeros.
  open func truncate(to byteCount: Int) throws(DiskError) {}

  /// Moves the position for the next read or write.
  open func seek(to offset: Int) throws(DiskError) {}

  /// The size in bytes.
  open func byteCount() throws(DiskError) -> Int { 0 }

  /// The descriptor; -1 in simulation.
  open var descriptor: Int32 { -1 }

  /// Closes the file; further calls do nothing or fail.
  open func close() {}
}

extension DiskFile {
  /// Writes all bytes, in several steps if need be; on a failure some may have been written.
  public final func write(_ bytes: UnsafeRawBufferPointer) throws(DiskError) {
    var rest = unsafe bytes
    while rest.count > 0 {
      let count = unsafe try writeSome(rest)
      unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// Writes all bytes of a span; on a failure some may have been written.
  public final func write(_ bytes: RawSpan) throws(DiskError) {
    try unsafe bytes.withUnsafeBytes { pointer throws(DiskError) in
      try unsafe write(pointer)
    }
  }

  /// Writes all bytes of an array; on a failure some may have been written.
  public final func write(_ bytes: [UInt8]) throws(DiskError) {
    try unsafe write(bytes.span.bytes)
  }

  /// Fills an array from index `start` on as far as one read goes; 0 at the end of the file.
  public final func read(into bytes: inout [UInt8], from start: Int) throws(DiskError) -> Int {
    precondition(start >= 0 && start <= bytes.count)
    var failure: DiskError?
    let count = unsafe bytes.withUnsafeMutableBytes { pointer -> Int in
      do throws(DiskError) {
        return try unsafe read(into: UnsafeMutableRawBufferPointer(rebasing: pointer[start...]))
      } catch {
        failure = error
        return 0
      }
    }
    if let failure { throw failure }
    return count
  }
}
