// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

// The end of the server: SHUTDOWN, and the signals that ask for it. The loop ends with the turn;
// what has to be done with listeners and files is up to whoever ran the loop.

extension Server {
  /// Ends the server if the flags allow it; false if it has to go on, and then the log says why.
  ///
  /// - Parameter client: who asked, or nil for a signal.
  func shutDown(_ flags: ShutdownFlags, askedBy client: Client?) -> Bool {
    let line = client.map { clientLine($0) }
    let request = line.map { " (user request from '\($0.logText)')" } ?? ""
    log.warning("User requested shutdown...\(request)")
    let isWanted = flags.contains(.save) || !configuration.saveRules.isEmpty
    if cancelBackgroundSave() {
      log.warning("A background save was under way. It is given up.")
    }
    if appendLog.state == .starting {
      log.warning("Writing initial AOF, can't exit")
      guard flags.contains(.force) || persistence.isWritingFirstBase else {
        log.warning("Errors trying to shut down the server. Check the logs for more information.")
        return false
      }
    }
    giveUpLoadingBeside()
    // A dataset that isn't there yet must not replace the file that it comes from.
    if isWanted, !flags.contains(.nosave), !persistence.isLoading {
      log.notice("Saving the final RDB snapshot before exiting.")
      if !save() {
        guard flags.contains(.force) else {
          log.warning("Error trying to save the DB, can't exit.")
          log.warning(
            "Errors trying to shut down the server. Check the logs for more information.")
          return false
        }
        log.warning("Error trying to save the DB. Exit anyway.")
      }
    }
    if let receiver = following?.snapshot { abandon(receiver) }
    cancelFullSync()
    cancelRewriting()
    if appendLog.isRunning {
      log.notice("Calling fsync() on the AOF file.")
      finishLog()
    }
    // What was given up is removed.
    helpers.drain(.snapshot)
    if exitCode == nil { exitCode = 0 }
    return true
  }

  /// SIGTERM and SIGINT end the server; SIGHUP is ignored, as the log is reopened anyway.
  func handleSignal(_ number: Int32) {
    switch number {
    case Server.signalInterrupt:
      log.warning("Received SIGINT scheduling shutdown...")
      endBySignal("SIGINT", configuration.shutdownOnSigint)
    case Server.signalTerminate:
      log.warning("Received SIGTERM scheduling shutdown...")
      endBySignal("SIGTERM", configuration.shutdownOnSigterm)
    default: break
    }
  }

  private func endBySignal(_ name: String, _ flags: ShutdownFlags) {
    guard !isStopped, !shutDown(flags, askedBy: nil) else { return }
    log.warning(
      "\(name) received but errors trying to shut down the server,"
        + " check the logs for more information")
  }

  private static let signalInterrupt: Int32 = 2
  private static let signalTerminate: Int32 = 15
}
