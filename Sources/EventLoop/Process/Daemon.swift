// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// Steps with which a process leaves its terminal and takes its place.
public enum Daemon {
  /// Goes on in a child without terminal; the parent ends with code 0.
  ///
  /// To be called before any thread is started: only the calling thread lives on. The standard
  /// streams lead to /dev/null afterwards. A refused fork throws.
  public static func detach() throws(SystemError) {
    let child = fork()
    if child < 0 { throw SystemError(errno) }
    if child > 0 { _exit(0) }
    setsid()
    memd_silence_standard_streams()
  }

  /// Duplicates the process: 0 in the child, the child's number in the parent, -1 on failure.
  ///
  /// Only the calling thread exists in the child.
  public static func fork() -> Int32 { memd_fork() }

  /// Changes the working directory.
  public static func changeDirectory(to path: String) throws(SystemError) {
    try Syscall.checking { unsafe Int(chdir(path)) }
  }

  /// Ends the process at once, without flushing or destroying anything.
  public static func exit(code: Int32) -> Never { _exit(code) }
}
