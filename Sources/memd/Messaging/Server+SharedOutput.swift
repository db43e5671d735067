// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// Output of which a part is shared with other clients. Rare: who has none of it takes the short way
// through `Flush.swift`.

extension Server {
  /// Sends a message whose payload is shared: what stands in front of it, the payload, a line end.
  func push(_ head: RawSpan, sharing payload: SharedBytes, to client: Client) {
    guard !client.isClosing else { return }
    guard !output.pushes.concerns(client) else {
      // It waits for the client's reply; one copy more is no harm.
      output.pushes.wait(head)
      output.pushes.wait(payload.bytes)
      output.pushes.wait(MessageText.lineEnd)
      return effects.attention.set(.ownPushes, true)
    }
    prepare(client)
    client.reply.append(raw: head)
    client.makeDetails().share(payload, at: client.reply.count)
    client.flags.insert(.sharesOutput)
    client.reply.append("\r\n")
    accountMemory(of: client)
    if client.pendingOutput >= output.watermark { checkOutputLimit(client) }
  }

  /// Writes output that is partly shared, as much as the socket takes.
  @inline(never)
  func flushShared(_ client: Client) {
    guard let details = client.details else { return }
    while let (shared, position) = details.sharedOutput?.first {
      // Behind a shared part comes at least a line end, so one at the limit is held.
      let limit = client.sendableCount
      guard position < limit else { return flushReleased(client) }
      let sentOfShared = details.sharedOutput?.sentCount ?? 0
      let end = min(details.sharedOutput?.secondPosition ?? limit, limit)
      let own = position - client.sentCount
      let rest = shared.count - sentOfShared
      let result = SendPieces.with(
        client.reply.bytes.extracting(client.sentCount..<position),
        shared.bytes.extracting(sentOfShared..<shared.count),
        client.reply.bytes.extracting(position..<end)
      ) { pieces in transport.send(client.connection, pieces) }
      guard case .bytes(let count) = result else { return failSending(result, client) }
      noteSent(count, client)
      details.sharedOutput?.sent(min(max(0, count - own), rest))
      client.sentCount += min(count, own) + max(0, count - own - rest)
      if count < own + rest + end - position { return awaitWritable(client) }
    }
    dropSharedOutput(of: client)
    flush(client)
  }

  /// Forgets what the client shares: it has left, or never will.
  func dropSharedOutput(of client: Client) {
    client.details?.sharedOutput = nil
    client.flags.remove(.sharesOutput)
  }
}

extension ClientDetails {
  /// Puts shared bytes behind the first `position` bytes of the client's own output.
  fileprivate func share(_ bytes: SharedBytes, at position: Int) {
    if sharedOutput == nil { sharedOutput = SharedOutput() }
    sharedOutput?.append(bytes, at: position)
  }
}
