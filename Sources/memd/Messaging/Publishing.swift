// SPDX-License-Identifier: Apache-2.0

import DataStructures
import PubSub
import RESP

// From a message to those who want it: first who is subscribed to the channel, in the order of
// subscription, then who is subscribed to a pattern that the channel matches, in the order in which
// the patterns came.

extension Server {
  /// Payloads from this size on are not copied for each receiver.
  private static let sharedByteCountMin = 8 << 10

  /// Sends a message to a channel and answers how many got it. Followers and the log are not told:
  /// whoever calls this for a command that they get as well would have it happen twice.
  @discardableResult
  func publish(_ channel: RawSpan, _ message: RawSpan) -> Int {
    let topic = subscriptions.find(channel, .channel)
    guard topic != nil || subscriptions.count(.pattern) > 0 else { return 0 }
    var shared: SharedBytes?
    var receivers = 0
    if let topic {
      messageText.begin(3, "message")
      receivers = deliver(channel, message, to: topic, sharing: &shared)
    }
    subscriptions.forEachPattern(matching: channel) { pattern in
      messageText.begin(4, "pmessage")
      messageText.append(pattern.name)
      receivers += deliver(channel, message, to: pattern, sharing: &shared)
    }
    messageText.trim()
    return receivers
  }

  /// Sends a message to a channel of a shard, for which there are no patterns.
  @discardableResult
  func publish(toShardChannel channel: RawSpan, _ message: RawSpan) -> Int {
    guard let topic = subscriptions.find(channel, .shardChannel) else { return 0 }
    var shared: SharedBytes?
    messageText.begin(3, "smessage")
    let receivers = deliver(channel, message, to: topic, sharing: &shared)
    messageText.trim()
    return receivers
  }

  /// Ends the text that was begun, once for all, and hands it to the subscribers of a topic.
  private func deliver(
    _ channel: RawSpan, _ message: RawSpan, to topic: Topic, sharing shared: inout SharedBytes?
  ) -> Int {
    let text = messageText
    text.append(channel)
    guard message.byteCount >= Server.sharedByteCountMin else {
      text.append(message)
      text.end()
      return forEachSubscriber(of: topic) { client in
        push(text.bytes(client.version), to: client)
      }
    }
    let payload = shared ?? SharedBytes(message, allocator: allocator)
    shared = payload
    text.append(lengthOf: payload)
    text.end()
    return forEachSubscriber(of: topic) { client in
      push(text.bytes(client.version), sharing: payload, to: client)
    }
  }

  private func forEachSubscriber(of topic: Topic, _ body: (Client) -> Void) -> Int {
    var count = 0
    topic.forEachSubscriber { subscriber in
      subscriber.withClient { client in
        // One that is closed already may still be on its way out.
        guard !client.flags.contains(.closed) else { return }
        count += 1
        body(client)
      }
    }
    return count
  }
}
