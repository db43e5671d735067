// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Where clients that cache meet the rest of the server: their coming and going, and the keys that
// their commands read.

extension Server {
  /// The client tracks from now on, or goes on to.
  func startTracking(_ client: Client) -> Tracker {
    if let tracker = client.tracker { return tracker }
    let tracking = effects.tracking ?? Tracking(self)
    effects.tracking = tracking
    let tracker = tracking.add(client)
    client.tracker = tracker
    return tracker
  }

  /// The client tracks no more: CLIENT TRACKING OFF, RESET, or the end of its connection.
  func stopTracking(_ client: Client) {
    guard let tracker = client.tracker, let tracking = effects.tracking else { return }
    tracking.remove(tracker)
    client.tracker = nil
    client.updateGate()
    if tracking.clientCount == 0 {
      keyspace.unlinked.add(tracking.table)
      effects.tracking = nil
    }
  }

  /// A command of a client that tracks has run: notes the keys that it has read.
  ///
  /// Compatibility: whatever came of it; a key that is missing or of the wrong type is noted too.
  @inline(never)
  func rememberKeys(of call: borrowing Call, for client: Client) {
    guard call.command.flags.contains(.readonly), !call.command.flags.contains(.pubsub),
      let tracker = client.tracker, tracker.remembersKeys, let tracking = effects.tracking
    else { return }
    for found in RequestKeys(call.command, call.arguments, in: commands) {
      tracking.remember(call.key(found.index), for: tracker)
    }
    if tracking.isOverLimit { tracking.enforceLimit() }
  }

  /// What CLIENT CACHING said holds for one command, or for one transaction: it ends behind them.
  func endCaching(of client: Client, behind command: CommandReference?) {
    if client.transaction.isActive { return }
    if let command, command.flags.contains(.keepsCaching) { return }
    client.tracker?.isCaching = false
    client.updateGate()
  }
}

extension Client {
  /// Its side of client-side caching; nil if it doesn't track.
  var tracker: Tracker? {
    get { details?.tracker }
    set { if details != nil || newValue != nil { makeDetails().tracker = newValue } }
  }
}
