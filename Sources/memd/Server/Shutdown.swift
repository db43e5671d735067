// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

// The end of the server: SHUTDOWN, and the signals that ask for it.
//
//     asked --(followers lag)--> pending --(they have everything, or the time is over)--> ends
//                                        --(called off, or it can't end)--> goes on
//
// The loop ends with the turn; what has to be done with listeners and files is up to whoever ran
// the loop.

/// A shutdown that waits until followers have everything.
struct PendingShutdown {
  let flags: ShutdownFlags
  /// When it waits no longer, in monotonic nanoseconds.
  let deadline: Int64
}

/// What has become of the wish that the server ends.
enum ShutdownOutcome {
  case ends
  /// It ends later, or not; whoever has asked waits, too.
  case waits
  /// It has to go on, and the log says why.
  case failed
}

extension Server {
  /// Ends the server, at once or when its followers have everything.
  ///
  /// - Parameter client: who asked, or nil for a signal.
  func shutDown(_ flags: ShutdownFlags, askedBy client: Client?) -> ShutdownOutcome {
    guard pendingShutdown == nil else { return .waits }
    let line = client.map { clientLine($0) }
    let request = line.map { " (user request from '\($0.logText)')" } ?? ""
    log.warning("User requested shutdown...\(request)")
    let timeout = Int64(configuration.shutdownTimeoutSeconds) * 1_000_000_000
    guard flags.contains(.now) || timeout == 0 || !waitsForFollowers else {
      pendingShutdown = PendingShutdown(
        flags: flags, deadline: clock.monotonicNanoseconds() + timeout)
      followers.asksForAcknowledgements = true
      holdWrites(true, for: .shutdown)
      holdLink(true)
      log.notice("Waiting for replicas before shutting down.")
      return .waits
    }
    return end(flags) ? .ends : .failed
  }

  /// Goes on with a shutdown that waits if it has waited enough.
  func considerShutdown() {
    guard let pending = pendingShutdown,
      !waitsForFollowers || pending.deadline <= clock.monotonicNanoseconds()
    else { return }
    guard end(pending.flags) else { return forgetShutdown() }
    for waiting in effects.blocked.all() where waiting.timeoutReply == .shutdownFailure {
      closeASAP(waiting.client)
    }
  }

  /// Calls off a shutdown that waits; false if there is none.
  func callOffShutdown() -> Bool {
    guard pendingShutdown != nil else { return false }
    forgetShutdown()
    log.notice("Shutdown manually aborted.")
    return true
  }

  /// The server goes on: whoever waits for its end hears of it.
  private func forgetShutdown() {
    pendingShutdown = nil
    for waiting in effects.blocked.all() where waiting.timeoutReply == .shutdownFailure {
      endBlocking(waiting, error: "ERR Errors trying to SHUTDOWN. Check logs.")
    }
    holdWrites(false, for: .shutdown)
    holdLink(false)
  }

  /// Whether a follower lacks something. Those that don't say how far they are, or want nothing but
  /// a snapshot, are not waited for.
  private var waitsForFollowers: Bool {
    followers.all.contains { client in
      guard let follower = client.follower, !client.isClosing else { return false }
      return follower.capabilities.contains(.acknowledgements)
        && !follower.capabilities.contains(.snapshotOnly)
        && follower.acknowledgedOffset < effects.dataOffset
    }
  }

  private func logLaggingFollowers() {
    let offset = effects.dataOffset
    var laggingCount = 0
    for client in followers.all {
      guard let follower = client.follower, follower.acknowledgedOffset < offset else { continue }
      laggingCount += 1
      let lag =
        follower.getsStream ? (moment.milliseconds - follower.acknowledgedAt) / 1000 : 0
      log.notice(
        "Lagging replica \(followerName(client)) reported offset"
          + " \(offset - follower.acknowledgedOffset) behind master, lag=\(lag),"
          + " state=\(follower.stateName).")
    }
    let count = followers.all.count
    guard count > 0 else { return }
    log.notice("\(count - laggingCount) of \(count) replicas are in sync when shutting down.")
  }

  /// Ends the server if the flags allow it; false if it has to go on, and then the log says why.
  private func end(_ flags: ShutdownFlags) -> Bool {
    logLaggingFollowers()
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
      if pendingShutdown != nil {
        log.warning("You insist... exiting now.")
        return exitCode = 1
      }
      log.warning("Received SIGINT scheduling shutdown...")
      endBySignal("SIGINT", configuration.shutdownOnSigint)
    case Server.signalTerminate:
      log.warning("Received SIGTERM scheduling shutdown...")
      endBySignal("SIGTERM", configuration.shutdownOnSigterm)
    default: break
    }
  }

  private func endBySignal(_ name: String, _ flags: ShutdownFlags) {
    guard !isStopped, case .failed = shutDown(flags, askedBy: nil) else { return }
    log.warning(
      "\(name) received but errors trying to shut down the server,"
        + " check the logs for more information")
  }

  private static let signalInterrupt: Int32 = 2
  private static let signalTerminate: Int32 = 15
}
