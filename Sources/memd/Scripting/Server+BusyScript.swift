// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

// A script or function that takes longer than `busy-reply-threshold`. Now and then the interpreter
// asks whether it may go on; then others are answered from inside the turn: most get BUSY, SCRIPT
// KILL (or FUNCTION KILL) and SHUTDOWN NOSAVE end the script. The state of the turn is put aside
// meanwhile. Nothing changes data there: time stands still, no timer runs, no unit ends, and
// whoever has requests in the batch of which the script is a part waits for its turn, as the
// script's own caller does.

extension Server {
  /// Asked by the interpreter every so many instructions: true ends the script with the error that
  /// is on top of the stack then.
  func interruptScript(_ stack: LuaStack) -> Bool {
    if let load = scripting.load { return interrupt(load, stack) }
    guard unsafe scripting.run.procedure != nil, configuration.busyReplyThreshold > 0 else {
      return false
    }
    if !scripting.run.isSlow {
      let elapsed = clock.microseconds(from: scripting.run.startedAt, to: clock.ticks()) / 1000
      guard elapsed >= Double(configuration.busyReplyThreshold) else { return false }
      beginSlowScript(milliseconds: Int(elapsed))
    }
    serveOthers()
    guard scripting.run.isKilled || isStopped else { return false }
    if isStopped { effects.abandonUnit() }
    if !scripting.run.isKillLogged {
      scripting.run.isKillLogged = true
      log.notice("Script killed by user with \(scripting.run.killer)...")
    }
    LuaError.push(killedText, to: stack)
    return true
  }

  /// The error of a script that was told to end.
  var killedText: ByteText { "ERR Script killed by user with \(scripting.run.killer)..." }

  /// Ends the loading of a library that has taken too long.
  private func interrupt(_ load: LibraryLoad, _ stack: LuaStack) -> Bool {
    guard let limit = load.milliseconds,
      clock.microseconds(from: load.startedAt, to: clock.ticks()) / 1000 > limit
    else { return false }
    LuaError.push("ERR FUNCTION LOAD timeout", to: stack)
    return true
  }

  /// What whoever is not served meanwhile hears.
  var busyError: CommandError { scripting.run.isFunction ? .busyFunction : .busyScript }

  private func beginSlowScript(milliseconds: Int) {
    let name = unsafe scripting.run.procedure?.name.logText ?? ""
    log.warning(
      "Slow script detected: still in execution after \(milliseconds) milliseconds. You can try"
        + " killing the script using the \(scripting.run.killer) command."
        + " Script name is: \(name).")
    scripting.run.isSlow = true
    scripting.nestedTurn = NestedTurn()
    gate.insert(.slowScript)
    for index in batch.position..<batch.count {
      unsafe batch[index].client._withUnsafeGuaranteedRef { _ = $0.flags.insert(.behindScript) }
    }
  }

  /// The script has ended, this way or that.
  func endSlowScript() {
    gate.remove(.slowScript)
    scripting.nestedTurn = nil
    for client in clients.all where client.flags.contains(.behindScript) {
      client.flags.remove(.behindScript)
    }
    // The server has been told to end: what was sent behind the script doesn't run any more.
    if isStopped { batch.abandon() }
  }

  /// Ends the script that runs (SCRIPT KILL), or the function (FUNCTION KILL).
  func killScript(isFunction: Bool) throws(CommandError) {
    guard unsafe scripting.run.procedure != nil else {
      throw CommandError("NOTBUSY No scripts in execution right now.")
    }
    if unsafe scripting.run.caller?.flags.contains(.leader) ?? false {
      throw CommandError(
        """
        UNKILLABLE The busy script was sent by a master instance in the context of replication and \
        cannot be killed.
        """)
    }
    guard !scripting.run.hasWritten else {
      throw CommandError(
        """
        UNKILLABLE Sorry the script already executed write commands against the dataset. You can \
        either wait the script termination or kill the server in a hard way using the SHUTDOWN \
        NOSAVE command.
        """)
    }
    guard scripting.run.isFunction == isFunction else { throw busyError }
    scripting.run.isKilled = true
  }

  // MARK: - Others

  private func serveOthers() {
    guard let nested = scripting.nestedTurn, !scripting.isServingOthers else { return }
    scripting.isServingOthers = true
    swap(&intake, &nested.intake)
    batch.exchange(with: nested.batch)
    let stopwatch = timing.stopwatch
    let momentExpiresAt = timing.momentExpiresAt
    let touchesKeys = moment.touchesKeys
    timing.momentExpiresAt = .max
    let outer = unsafe output.pushes.interrupt(for: scripting.client)
    serveEvents()
    unsafe output.pushes.resume(outer)
    moment.touchesKeys = touchesKeys
    timing.momentExpiresAt = momentExpiresAt
    timing.stopwatch = stopwatch
    batch.exchange(with: nested.batch)
    swap(&intake, &nested.intake)
    intake.resuming += nested.intake.resuming
    nested.intake.resuming.removeAll()
    scripting.isServingOthers = false
  }

  private func serveEvents() {
    transport.wait(timeoutNanoseconds: 0, into: &intake.events)
    var index = 0
    while index < intake.events.count, !isStopped {
      serve(intake.events[index])
      index &+= 1
    }
    run(batch)
    if !intake.postponed.isEmpty { returnPostponed() }
    flushWriters(sparing: unsafe scripting.run.caller)
    intake.forget()
  }

  private func serve(_ event: Event) {
    switch event.kind {
    case .readable, .hangup:
      guard let client = unsafe clients.find(event.id) else { return }
      unsafe client._withUnsafeGuaranteedRef {
        // Its end is noticed later, too: a script goes on though nobody waits for its reply.
        if !$0.flags.contains(.behindScript) { receive(from: $0) }
      }
    case .writable:
      guard let client = unsafe clients.find(event.id) else { return }
      unsafe client._withUnsafeGuaranteedRef {
        guard unsafe $0 !== scripting.run.caller else { return }
        $0.flags.insert(.isWritable)
        queueOutput($0)
      }
    case .acceptable(let listener): acceptAll(from: Int(listener))
    case .wakeup:
      // On a follower this could go on with the leader's stream.
      if following == nil { helpers.finishCompleted() }
    case .signal(let number):
      scripting.postponedSignals.append(number)
      // Who ends the server doesn't wait for a script that nobody will miss.
      if !scripting.run.hasWritten { scripting.run.isKilled = true }
    }
  }

  /// Does what signals have asked for while a script took long.
  func handlePostponedSignals() {
    let signals = scripting.postponedSignals
    scripting.postponedSignals = []
    for number in signals { handleSignal(number) }
  }
}

extension ScriptRun {
  /// The command that ends it.
  fileprivate var killer: String { isFunction ? "FUNCTION KILL" : "SCRIPT KILL" }
}
