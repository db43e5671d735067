// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// The signals of the process.
public enum ProcessSignals {
  /// What a server wants as events: SIGTERM, SIGINT, SIGHUP.
  public static var ending: [Int32] { [SIGTERM, SIGINT, SIGHUP] }

  /// Signals that would end the process without a word and mean nothing to it, real-time ones
  /// beside: alarms and timers, those for the use of applications, power, input and output, and
  /// limits whose breach is an error of the call as well (SIGPIPE, SIGXFSZ).
  private static var strays: [Int32] {
    [
      SIGHUP, SIGPIPE, SIGALRM, SIGVTALRM, SIGPROF, SIGUSR1, SIGUSR2, SIGIO, SIGPWR, SIGXFSZ,
      SIGXCPU, SIGSTKFLT,
    ]
  }

  /// Ignores what would end the process with all its data although nobody has asked for that.
  /// SIGTERM and SIGINT end it in good order, SIGQUIT with a core file; faults are reported.
  public static func ignoreStrays() {
    for number in strays { memd_ignore_signal(number) }
    for number in memd_first_realtime_signal()...memd_last_realtime_signal() {
      memd_ignore_signal(number)
    }
  }

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
