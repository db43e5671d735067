// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// The command by which a leader hands over to one of its followers.
enum FailoverCommand: CommandFamily {
  static let group = CommandGroup.server

  static let commands: [Command] = [
    Command(
      "failover", [.admin, .noScript, .stale],
      [
        .block(
          "target",
          [.string("host"), .integer("port"), .token("FORCE", "force").optional]
        ).after("TO").optional,
        .token("ABORT", "abort").optional,
        .integer("milliseconds").after("TIMEOUT").optional,
      ],
      since: "6.2.0", complexity: "O(1)",
      summary: "Hands over to a follower, which has everything then.", handler: failover)
  ]

  // MARK: - FAILOVER

  static func failover(_ call: inout Call) throws(CommandError) {
    let server = call.server
    if call.arguments.count == 2, call.keyword(1) == Keyword("abort") {
      guard !server.failover.isIdle else { throw CommandError("ERR No failover in progress.") }
      server.carryOut(server.failover.abort("Failover manually aborted"))
      return call.reply.ok()
    }
    let request = try readRequest(call)
    guard server.failover.isIdle else { throw CommandError("ERR FAILOVER already in progress.") }
    guard server.following == nil else {
      throw CommandError("ERR FAILOVER is not valid when server is a replica.")
    }
    guard !server.followers.all.isEmpty else {
      throw CommandError("ERR FAILOVER requires connected replicas.")
    }
    guard !request.isForced || (request.target != nil && request.deadline != nil) else {
      throw CommandError(
        "ERR FAILOVER with force option requires both a timeout and target HOST and IP.")
    }
    if let target = request.target {
      guard let follower = server.follower(at: target) else {
        throw CommandError("ERR FAILOVER target HOST and PORT is not a replica.")
      }
      guard follower.isOnline else {
        throw CommandError("ERR FAILOVER target replica is not online.")
      }
    }
    server.carryOut(server.failover.begin(request))
    call.reply.ok()
  }

  private static func readRequest(
    _ call: borrowing Call
  ) throws(CommandError) -> Failover.Request {
    var request = Failover.Request()
    var cursor = ArgumentCursor(call.arguments, from: 1)
    while let word = cursor.keyword() {
      switch word {
      case Keyword("timeout") where cursor.remaining > 0 && request.deadline == nil:
        request.deadline = deadline(&cursor, call)
      case Keyword("to") where cursor.remaining > 1 && request.target == nil:
        let host = ByteText(call.arguments[cursor.index])
        _ = cursor.next()
        request.target = LeaderAddress(host: host, port: cursor.integer())
      case Keyword("force") where !request.isForced: request.isForced = true
      default: cursor.fail(.syntax)
      }
    }
    try cursor.finish()
    return request
  }

  /// The next argument as a moment so many milliseconds from now.
  private static func deadline(_ cursor: inout ArgumentCursor, _ call: borrowing Call) -> Int64 {
    let milliseconds = cursor.integer()
    if cursor.error == nil, milliseconds <= 0 {
      cursor.fail(CommandError("ERR FAILOVER timeout must be greater than 0"))
    }
    let (nanoseconds, isLong) = Int64(milliseconds).multipliedReportingOverflow(by: 1_000_000)
    let (end, isEndless) =
      call.server.clock.monotonicNanoseconds().addingReportingOverflow(nanoseconds)
    return isLong || isEndless ? .max : end
  }
}
