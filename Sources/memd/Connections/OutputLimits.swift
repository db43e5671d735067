// SPDX-License-Identifier: Apache-2.0

import DataStructures

// `client-output-buffer-limit`: clients that don't read what they ask for are closed before their
// replies fill the memory. Looked at wherever output has grown, and once a second for the limits
// that hold only for some time.

extension Client {
  /// Output up to here counts against no limit.
  ///
  /// Compatibility: in Redis up to 16 KB lie in a buffer that every client has, and the limits are
  /// for the list behind it, where some replies (KEYS) lie as a whole: this is the middle. With a
  /// limit of a few bytes replies of usual size still arrive, among them the one to the CONFIG SET
  /// that takes the limit back.
  static let exemptOutputByteCount = 8 << 10

  /// Output that counts against `client-output-buffer-limit`.
  ///
  /// A snapshot on its way from a file to a follower doesn't count; what waits of the stream does,
  /// and what waits of a snapshot that lies in memory, beyond what waits for the fastest.
  var limitedOutput: Int {
    if let follower, !follower.isOnline {
      let unread = follower.sync?.feed?.excess(behind: follower.feedPosition) ?? 0
      return pendingStream + unread
    }
    return pendingStream + max(0, pendingOutput - Client.exemptOutputByteCount)
  }
}

extension Server {
  /// The output from which on a client has to be looked at more closely, over all classes.
  func updateOutputWatermark() {
    let limits = configuration.clientOutputBufferLimits
    output.watermark = .max
    for limit in [limits.normal, limits.replica, limits.pubsub] {
      if limit.hardBytes > 0 { output.watermark = min(output.watermark, limit.hardBytes) }
      if limit.softBytes > 0 { output.watermark = min(output.watermark, limit.softBytes) }
    }
    let watermark = output.watermark.addingReportingOverflow(Client.exemptOutputByteCount)
    output.watermark = watermark.overflow ? .max : watermark.partialValue
  }

  /// Marks the client for closing if its output is over a limit. Call it where output was added and
  /// is at `output.watermark` or above; nothing is closed before the end of the turn.
  @inline(never)
  func checkOutputLimit(_ client: Client) {
    guard client.flags.isDisjoint(with: [.closeASAP, .closed]), exceedsOutputLimit(client) else {
      return
    }
    statistics.outputBufferLimitDisconnections += 1
    log.warning(
      "Client \(clientLine(client).logText) scheduled to be closed ASAP for overcoming of output"
        + " buffer limits.")
    closeASAP(client)
  }

  /// The limit for a client's class; nil if its output has none.
  func outputLimit(of client: Client) -> OutputBufferLimit? {
    switch client.clientClass {
    case .normal: configuration.clientOutputBufferLimits.normal
    case .replica: followerLimit
    case .pubsub: configuration.clientOutputBufferLimits.pubsub
    case .primary: nil
    }
  }

  /// What history holds anyway costs nothing: who goes on from there is not left for it, only to
  /// come back.
  var followerLimit: OutputBufferLimit {
    var limit = configuration.clientOutputBufferLimits.replica
    if limit.hardBytes > 0 { limit.hardBytes = max(limit.hardBytes, effects.stream.capacity + 1) }
    return limit
  }

  private func exceedsOutputLimit(_ client: Client) -> Bool {
    guard let limit = outputLimit(of: client) else { return false }
    let pending = client.limitedOutput - awaitedStream(of: client)
    if limit.hardBytes > 0, pending >= limit.hardBytes { return true }
    guard limit.softBytes > 0, pending >= limit.softBytes else {
      client.softLimitSince = 0
      return false
    }
    if client.softLimitSince == 0 {
      client.softLimitSince = moment.milliseconds
      return false
    }
    let seconds = (moment.milliseconds - client.softLimitSince) / 1000
    return seconds > Int64(clamping: limit.softSeconds)
  }
}
