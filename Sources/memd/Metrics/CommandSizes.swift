// SPDX-License-Identifier: Apache-2.0
//
// The logs of large requests and large replies. What is large enough is known from numbers that are
// at hand: the length of the request as it was parsed, and the reply buffer's length, at which a
// run of requests of one client ends anyway (`Output.watermark`). So a command costs two
// comparisons and what is not logged costs nothing else.

import RESP

extension Server {
  /// The request that has just run, was queued or was refused is long enough for its log.
  ///
  /// - Parameter byteCount: its length as it came.
  @inline(never)
  func noteLargeRequest(_ call: borrowing Call, byteCount: Int) {
    // Whoever has to wait comes again, and is noted then.
    guard !call.client.flags.contains(.parked) else { return }
    note(call, as: .largeRequest, byteCount: byteCount)
  }

  /// The client's output has become long enough for a look at the last command's share of it.
  ///
  /// - Parameter mark: where its reply begins.
  @inline(never)
  func noteLargeReply(_ call: borrowing Call, from mark: Int) {
    let byteCount = call.client.reply.count - mark
    // Silenced ones may have left less than there was before.
    guard byteCount > 0, byteCount >= output.largeReply else { return }
    note(call, as: .largeReply, byteCount: byteCount)
  }

  private func note(_ call: borrowing Call, as kind: CommandLogKind, byteCount: Int) {
    // Asked by name, as the call's command is another one if this request was malformed: secrets
    // would be looked for in the wrong places.
    guard let command = commands.find(call.arguments), command.accepts(call.arguments.count),
      !command.flags.contains(.skipSlowLog)
    else { return }
    remember(call, of: command, as: kind, measure: byteCount)
  }

  /// The sizes from which on anybody wants to know, in bytes.
  func updateLoggedSizes() {
    output.largeRequest = loggedSize(
      configuration.commandlogRequestLargerThan, .largeRequest)
    output.largeReply = loggedSize(configuration.commandlogReplyLargerThan, .largeReply)
    output.lookMark = min(output.watermark, output.largeReply)
  }

  private func loggedSize(_ threshold: Int, _ kind: CommandLogKind) -> Int {
    threshold < 0 || configuration.commandLogLength(of: kind) == 0 ? .max : threshold
  }
}

extension Configuration {
  /// Entries that a log keeps.
  func commandLogLength(of kind: CommandLogKind) -> Int {
    switch kind {
    case .slow: slowlogMaxLen
    case .largeRequest: commandlogLargeRequestMaxLen
    case .largeReply: commandlogLargeReplyMaxLen
    }
  }
}
