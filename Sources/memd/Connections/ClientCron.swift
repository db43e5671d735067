// SPDX-License-Identifier: Apache-2.0

import RESP

// What time does to clients: every one is looked at once a second, a share of them per chore.

extension Server {
  /// Looks at the next share of the clients.
  func runClientCron() {
    clientMemory.evictionIsFutile = false
    noteSecondOfPeaks()
    let all = clients.all
    guard !all.isEmpty else { return }
    let share = min(all.count, max(5, all.count / max(1, configuration.hz)))
    for _ in 0..<share {
      if clients.cursor >= all.count { clients.cursor = 0 }
      let client = all[clients.cursor]
      clients.cursor += 1
      if !client.flags.contains(.closed) { look(at: client) }
    }
  }

  private func look(at client: Client) {
    clientMemory.peaks.note(input: client.input?.memory ?? 0, output: client.reply.capacity)
    if isIdleTooLong(client) {
      log.verbose("Closing idle client")
      return close(client)
    }
    if client.flags.contains(.closeAfterReply), hasStalled(client) {
      log.verbose("Closing client that doesn't read its last replies: \(clientLine(client))")
      return close(client)
    }
    accountMemory(of: client)
    if client.pendingOutput + client.pendingStream >= output.watermark || client.softLimitSince != 0
    {
      checkOutputLimit(client)
    }
  }

  /// Seconds for which a client that is going to leave may take nothing of its last replies.
  private static let stallSeconds: Int64 = 60

  /// Whether nobody seems to read what a client is still to get. It can't say anything any more
  /// that would tell that it lives, and its peer's system keeps the connection alive for ever.
  private func hasStalled(_ client: Client) -> Bool {
    let details = client.makeDetails()
    let now = moment.milliseconds
    guard details.progress.at != 0, details.progress.outputBytes == client.outputBytes else {
      details.progress = (client.outputBytes, now)
      return false
    }
    return now - details.progress.at > Server.stallSeconds * 1000
  }

  private func isIdleTooLong(_ client: Client) -> Bool {
    let limit = Int64(configuration.timeoutSeconds)
    guard limit > 0, !client.flags.contains(.parked), client.blocking == nil,
      client.clientClass == .normal
    else { return false }
    return moment.milliseconds / 1000 - client.lastInteraction / 1000 > limit
  }

  private func noteSecondOfPeaks() {
    clientMemory.peaks.advance(toSecond: moment.milliseconds / 1000)
    statistics.recentMaxInputBuffer = clientMemory.peaks.input
    statistics.recentMaxOutputBuffer = clientMemory.peaks.output
  }
}

/// The largest buffers among all clients in the last seconds.
struct ClientPeaks {
  private static let secondCount = 8
  private var inputs = [Int](repeating: 0, count: ClientPeaks.secondCount)
  private var outputs = [Int](repeating: 0, count: ClientPeaks.secondCount)
  private var second: Int64 = 0

  var input: Int { inputs.max() ?? 0 }
  var output: Int { outputs.max() ?? 0 }

  /// A client has buffers of these sizes now.
  mutating func note(input: Int, output: Int) {
    inputs[place] = max(inputs[place], input)
    outputs[place] = max(outputs[place], output)
  }

  /// Forgets what is too old.
  mutating func advance(toSecond now: Int64) {
    guard now != second else { return }
    // A clock that went far, or back, forgets everything.
    let steps = now > second ? min(now - second, Int64(ClientPeaks.secondCount)) : 8
    for _ in 0..<steps {
      second &+= 1
      inputs[place] = 0
      outputs[place] = 0
    }
    second = now
  }

  private var place: Int { Int(second & Int64(ClientPeaks.secondCount - 1)) }
}
