// SPDX-License-Identifier: Apache-2.0

import RESP

/// A client's side of MULTI: what it has queued and what it watches.
struct Transaction {
  /// A request that outlives its turn: a copy of its arguments.
  struct Queued {
    let command: CommandReference
    let arguments: KeptArguments
  }

  var isActive = false
  /// EXEC is running the queue: nothing in it may block.
  var isExecuting = false
  /// A watched key has changed: EXEC answers null.
  var isDirty = false
  /// A request was refused while queueing: EXEC is refused too.
  var isRefused = false
  private(set) var queue: [Queued] = []
  /// Flags of everything queued, together.
  private(set) var queuedFlags: CommandFlags = []
  /// Flags that everything queued has.
  private(set) var commonFlags: CommandFlags = CommandFlags(rawValue: .max)
  /// Bytes of the arguments of everything queued.
  private(set) var queuedBytes = 0
  var watched = WatchedKeys.Watches()

  /// Adds a request; not if EXEC will fail anyway, since that would only cost memory.
  ///
  /// - Parameter flags: of the command, or what the script that it runs says of itself.
  mutating func append(
    _ command: CommandReference, _ arguments: Arguments, flags: CommandFlags
  ) {
    guard !isDirty, !isRefused else { return }
    let kept = KeptArguments(arguments)
    queue.append(Queued(command: command, arguments: kept))
    queuedBytes += kept.byteCount
    queuedFlags.formUnion(flags)
    commonFlags.formIntersection(flags)
  }

  /// Memory of the queue and of the watches.
  var byteCount: Int {
    queuedBytes + queue.count * MemoryLayout<Queued>.stride
      + watched.byteCount
  }
}
