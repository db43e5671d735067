// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// The report that is written when the process crashes: by a fault, a trap of Swift, or abort.
///
/// The handler itself is C and calls async-signal safe functions only (see crash.h). It runs on a
/// stack of its own, writes the cause, a backtrace and the text prepared by `setInformation`, and
/// raises the signal again with its default action. Swift's own backtracer is replaced while it is
/// installed.
public enum CrashReport {
  // Nothing here is ever inlined: the C state behind it is private to this file's object.

  /// Handles SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT and SIGTRAP from now on.
  ///
  /// The report is appended to the file `logPath` if it is given and can be opened, else written to
  /// `descriptor`. The file `processIDPath` is removed. The calling thread is prepared.
  @inline(never)
  public static func install(
    version: String, descriptor: Int32 = 2, logPath: String = "", processIDPath: String = ""
  ) {
    unsafe memd_crash_configure(descriptor, version, logPath, processIDPath)
    _ = memd_crash_install()
  }

  /// Gives the signals their default action back (`crash-log-enabled no`).
  @inline(never)
  public static func uninstall() { memd_crash_uninstall() }

  /// Gives the calling thread a stack for the handler; helper threads call this when they start.
  @inline(never)
  public static func prepareThread() { _ = memd_crash_prepare_thread() }

  /// Sets the text that a report shows after the backtrace, rendered beforehand (sections of INFO).
  @inline(never)
  public static func setInformation(_ text: String) {
    let copy = unsafe strdup(text)
    // The handler runs on the thread that crashes, so the old text can't be in use meanwhile unless
    // another thread is crashing, which ends the process anyway.
    let old = unsafe memd_crash_set_information(copy)
    unsafe free(UnsafeMutableRawPointer(mutating: old))
  }
}
