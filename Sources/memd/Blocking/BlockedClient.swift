// SPDX-License-Identifier: Apache-2.0

import RESP

/// What a client gets when the time is over for which it wanted to wait.
enum TimeoutReply {
  case nullArray
  case null
  /// How far logs are (WAITAOF), which only the server knows.
  case syncedCounts
  /// How many followers are so far (WAIT).
  case followerCount
  /// The server doesn't end (SHUTDOWN): it has no timeout, but can be called off.
  case shutdownFailure
}

/// A client that waits, mostly for keys, with the request that will be run again when one changes.
///
/// Owned by the client; queues and timeouts refer to it until it is removed from them.
final class BlockedClient {
  /// A place in a queue.
  struct Place {
    let queue: WaitQueue
    var index: Int
  }

  unowned let client: Client
  let command: CommandReference
  let request: KeptArguments
  /// What a key must hold to be of use.
  let type: Entry.ValueType
  /// Whether the request also runs again when a key goes, or gets a value of another type.
  let wakesOnRemoval: Bool
  let timeoutReply: TimeoutReply
  /// The end of the stream of effects when it began to wait.
  var offset = 0
  /// Monotonic nanoseconds; `.max` means for ever.
  let deadline: Int64

  /// Its places in the queue of all and in those of its keys.
  var places: [Place] = []
  /// Its place among the timeouts; -1 if it waits for ever.
  var timeoutIndex = -1
  /// Time that the request has taken so far, in ticks of the clock.
  var ticks: UInt64 = 0
  /// True if the request, running again, has found nothing to do.
  var waitsOn = false

  init(
    client: Client, command: CommandReference, request: KeptArguments, type: Entry.ValueType,
    wakesOnRemoval: Bool, timeoutReply: TimeoutReply, deadline: Int64
  ) {
    self.client = client
    self.command = command
    self.request = request
    self.type = type
    self.wakesOnRemoval = wakesOnRemoval
    self.timeoutReply = timeoutReply
    self.deadline = deadline
  }

  /// Memory of the kept request and of the places.
  var byteCount: Int {
    request.byteCount + places.count * MemoryLayout<Place>.stride + 128
  }
}
