// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// The signals of the process.
public enum ProcessSignals {
  /// What a server wants as events: SIGTERM, SIGINT, SIGHUP.
  public static var ending: [Int32] { [SIGTERM, SIGINT, SIGHUP] }

  /// Ignores SIGPIPE, so that writing to a closed pipe is an error and no end of the process.
  public static func ignoreBrokenPipe() { memd_ignore_signal(SIGPIPE) }

  /// Blocks signals in the calling thread, so that they go to the loop's; faults are not blocked.
  public static func blockInThisThread() { _ = memd_block_signals() }

  // Never inlined: the C variable behind these two is private to the object file of this source
  // file.

  /// Lets a handler write the number of the signal into a pipe.
  @inline(never)
  internal static func route(_ number: Int32, into pipe: Int32) {
    _ = memd_watch_signal(number, pipe)
  }

  /// Gives a signal its default action back.
  @inline(never)
  internal static func restore(_ number: Int32, from pipe: Int32) {
    memd_unwatch_signal(number, pipe)
  }
}
