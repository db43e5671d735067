// SPDX-License-Identifier: Apache-2.0

/// What is on its way out in this turn.
struct Output: ~Copyable {
  /// Clients with output, in the order in which it arose.
  var writers = ClientList()
  /// Clients whose output waits for the log.
  var held = HeldClients()
  /// Storage of replies that have left, for those that come.
  var pool = ReplyPool()
  /// Bytes from which on a client may be over a limit.
  var watermark = Int.max
  /// Bytes of a request and of a reply from which on the logs of large ones want them.
  var largeRequest = Int.max
  var largeReply = Int.max
  /// Bytes of unsent replies at which a run of one client's requests is interrupted, since the
  /// last one may be of interest: the lower of `watermark` and `largeReply`.
  var lookMark = Int.max
  /// Pushes that have to wait for the reply of the request that causes them.
  var pushes = PendingPushes()
}
