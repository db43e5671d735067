// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// The names that ps and top show.
public enum ProcessTitle {
  /// Names the calling thread; the kernel keeps 15 bytes.
  public static func nameThread(_ name: String) { _ = unsafe memd_set_thread_name(name) }

  /// Overwrites the arguments of the process with a title, as `set-proc-title` asks for.
  ///
  /// The title must fit into the memory of the original arguments and is cut if it doesn't; so it is
  /// to be called once all arguments have been read (Swift copies them before main).
  public static func set(_ title: String) {
    let arguments = unsafe CommandLine.unsafeArgv
    guard CommandLine.argc > 0, let first = unsafe arguments[0] else { return }
    let capacity = unsafe argumentByteCount(first)
    guard capacity > 1 else { return }
    let text = Array(title.utf8.prefix(capacity - 1))
    unsafe memset(first, 0, capacity)
    unsafe text.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      unsafe memcpy(first, base, bytes.count)
    }
    nameThread(title)
  }

  /// The bytes from the first argument to the end of the last one, as far as they are adjacent.
  private static func argumentByteCount(_ first: UnsafeMutablePointer<CChar>) -> Int {
    var end = unsafe first + strlen(first) + 1
    for index in 1..<max(1, Int(CommandLine.argc)) {
      guard let next = unsafe CommandLine.unsafeArgv[index], unsafe next == end else { break }
      unsafe end = next + strlen(next) + 1
    }
    return unsafe end - first
  }
}
