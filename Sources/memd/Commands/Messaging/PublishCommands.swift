// SPDX-License-Identifier: Apache-2.0

import RESP

/// Messages for whoever wants them now; nothing is kept.
enum PublishCommands: CommandFamily {
  static let group = CommandGroup.pubsub

  /// Followers have subscribers of their own.
  private static let flags: CommandFlags = [
    .pubsub, .loading, .stale, .fast, .mayReplicate,
  ]

  static let commands: [Command] = [
    Command(
      "publish", flags, channels: .channel(1, .publish), [.string("channel"), .string("message")],
      since: "2.0.0",
      complexity: "O(N+M) where N is the number of subscribers and M that of matching patterns.",
      summary: "Sends a message to all who are subscribed to a channel.", handler: publish),
    Command(
      "spublish", flags, keys: [.key(1, .notKey)], channels: .channel(1, .publish),
      [.string("shardchannel"), .string("message")], since: "7.0.0",
      complexity: "O(N) where N is the number of subscribers.",
      summary: "Sends a message to all who are subscribed to a shard channel.",
      handler: spublish),
  ]

  static func publish(_ call: inout Call) throws(CommandError) {
    call.effects.tellFollowers(call.arguments)
    call.reply.integer(call.server.publish(call.arguments[1], call.arguments[2]))
  }

  static func spublish(_ call: inout Call) throws(CommandError) {
    call.effects.tellFollowers(call.arguments)
    let receivers = call.server.publish(toShardChannel: call.arguments[1], call.arguments[2])
    call.reply.integer(receivers)
  }
}
