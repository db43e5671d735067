// SPDX-License-Identifier: Apache-2.0

import RESP

/// A client's side of MULTI: what it has queued and what it watches.
struct Transaction {
  /// A watched key, and whether it was already due when the watching began.
  struct Watch {
    let key: WatchedKeys.WatchedKey
    let wasDue: Bool
  }

  /// A request that outlives its turn: a copy of its arguments.
  struct Queued {
    let command: CommandReference
    let arguments: KeptArguments
  }

  var isActive = false
  /// A watched key has changed: EXEC answers null.
  var isDirty = false
  /// A request was refused while queueing: EXEC is refused too.
  var isRefused = false
  var queue: [Queued] = []
  /// Flags of everything queued, together.
  var queuedFlags: CommandFlags = []
  var watched: [Watch] = []

  /// Memory of the queue (CLIENT LIST's multi-mem).
  var byteCount: Int {
    queue.reduce(0) { $0 + $1.arguments.byteCount + MemoryLayout<Queued>.stride }
  }
}
