// SPDX-License-Identifier: Apache-2.0

import RESP

// What a pause does to requests. One that must wait parks its client: this request and all behind
// it go back to the front of the client's input at the end of the turn, and are read again, in
// order, when the pause is over. Meanwhile the client's bytes are still received, up to its limit.

extension Server {
  /// Makes commands wait until the given moment; expiry and eviction rest as well, so that the
  /// dataset doesn't change behind the back of whoever paused it.
  func beginPause(_ kind: Pause.Kind, until end: Int64) {
    pause.begin(kind, until: end)
    gate.insert(.paused)
    updateExpiryMode()
  }

  /// Ends a pause whose time has come; clients that waited go on.
  func endPauseIfDue(monotonic now: Int64) {
    guard let end = pause.endsAt(monotonic: now), end <= now else { return }
    endPause()
  }

  /// Ends a pause. Clients that waited go on when the loop comes to them, and not before: what they
  /// sent may still have to be put back in this turn.
  func endPause() {
    pause.cancel()
    updateExpiryMode()
    resumePaused()
  }

  /// Has writes wait, or no longer, for the sake of a disk or of followers.
  func holdWrites(_ isHeld: Bool, for holder: Pause.Holders) {
    if isHeld {
      pause.holders.insert(holder)
      gate.insert(.paused)
      updateExpiryMode()
    } else if pause.holders.remove(holder) != nil {
      updateExpiryMode()
      resumePaused()
    }
  }

  private func resumePaused() {
    // Those that still have to wait are parked again.
    if !pause.isActive && !pause.holdsWrites { gate.remove(.paused) }
    for client in pause.waiting { resume(client) }
    pause.waiting.removeAll()
  }

  /// Keeps a request that may not run now, and holds back what the client sends after it.
  func postpone(_ call: borrowing Call) {
    if park(call) { pause.waiting.append(call.client) }
  }

  /// Clients whose requests wait, for the end of a pause or for fresher data.
  var parkedCount: Int { pause.waiting.count + freshness.waiting.count }

  /// Parks the client of a request, which is kept for its return into the input; false if the
  /// client was parked before.
  func park(_ call: borrowing Call) -> Bool {
    let client = call.client
    intake.postponed.append(Postponed(client: client, arguments: KeptArguments(call.arguments)))
    guard !client.flags.contains(.parked) else { return false }
    client.flags.insert(.parked)
    client.updateGate()
    return true
  }

  /// A parked client may go on; its requests are read again.
  func unpark(_ client: Client) {
    guard client.flags.contains(.parked) else { return }
    client.flags.remove(.parked)
    client.updateGate()
  }

  /// Puts the requests that were postponed in this turn back in front of their clients' input.
  func returnPostponed() {
    // Backwards, since each is put in front of those that came after it.
    for request in intake.postponed.reversed() where !request.client.isClosing {
      var writer = CommandWriter()
      writer.append(request.arguments.arguments)
      let input = request.client.input ?? InputBuffer(capacity: writer.count)
      input.prepend(writer.bytes)
      request.client.input = input
      accountMemory(of: request.client)
    }
    intake.postponed.removeAll()
  }
}

/// A request that may not run yet.
struct Postponed {
  let client: Client
  let arguments: KeptArguments
}
