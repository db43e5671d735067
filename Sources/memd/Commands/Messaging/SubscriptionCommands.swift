// SPDX-License-Identifier: Apache-2.0

import DataStructures
import PubSub
import RESP

/// Who wants which messages. Every name is answered by a message of its own, a push in RESP3.
enum SubscriptionCommands: CommandFamily {
  static let group = CommandGroup.pubsub

  private static let flags: CommandFlags = [
    .pubsub, .noScript, .loading, .stale, .allowedWhileSubscribed, .answersByPushes,
  ]
  private static let perChannel: StaticString =
    "O(N) where N is the number of channels that are named, or left."

  static let commands: [Command] = [
    Command(
      "psubscribe", flags, channels: .channels(from: 1, .subscribePattern),
      [ArgumentSpec.block("pattern", [.pattern("pattern")]).repeated], since: "2.0.0",
      complexity: "O(N) where N is the number of patterns.",
      summary: "Receives messages of all channels whose names match a pattern.",
      handler: psubscribe),
    Command(
      "punsubscribe", flags, channels: .channels(from: 1, .unsubscribe),
      [.pattern("pattern").optional.repeated], since: "2.0.0",
      complexity: "O(N) where N is the number of patterns that are named, or left.",
      summary: "Receives no more messages by the given patterns, or by any.",
      handler: punsubscribe),
    Command(
      "ssubscribe", flags, keys: [.keys(from: 1, .notKey)],
      channels: .channels(from: 1, .subscribe), [.string("shardchannel").repeated],
      since: "7.0.0", complexity: perChannel,
      summary: "Receives messages of the given shard channels.", handler: ssubscribe),
    Command(
      "subscribe", flags, channels: .channels(from: 1, .subscribe),
      [.string("channel").repeated], since: "2.0.0", complexity: perChannel,
      summary: "Receives messages of the given channels.", handler: subscribe),
    Command(
      "sunsubscribe", flags, keys: [.keys(from: 1, .notKey)],
      channels: .channels(from: 1, .unsubscribe), [.string("shardchannel").optional.repeated],
      since: "7.0.0", complexity: perChannel,
      summary: "Receives no more messages of the given shard channels, or of any.",
      handler: sunsubscribe),
    Command(
      "unsubscribe", flags, channels: .channels(from: 1, .unsubscribe),
      [.string("channel").optional.repeated], since: "2.0.0", complexity: perChannel,
      summary: "Receives no more messages of the given channels, or of any.",
      handler: unsubscribe),
  ]

  // MARK: - Subscribing

  static func subscribe(_ call: inout Call) throws(CommandError) {
    call.subscribe("subscribe", .channel)
  }

  static func psubscribe(_ call: inout Call) throws(CommandError) {
    call.subscribe("psubscribe", .pattern)
  }

  static func ssubscribe(_ call: inout Call) throws(CommandError) {
    // Compatibility: the older two are let into transactions.
    guard !call.client.transaction.isExecuting else {
      throw CommandError("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client")
    }
    call.subscribe("ssubscribe", .shardChannel)
  }

  // MARK: - Unsubscribing

  static func unsubscribe(_ call: inout Call) throws(CommandError) {
    call.unsubscribe("unsubscribe", .channel)
  }

  static func punsubscribe(_ call: inout Call) throws(CommandError) {
    call.unsubscribe("punsubscribe", .pattern)
  }

  static func sunsubscribe(_ call: inout Call) throws(CommandError) {
    call.unsubscribe("sunsubscribe", .shardChannel)
  }
}

extension Call {
  /// Subscribes the client to every name of the request.
  fileprivate func subscribe(_ word: StaticString, _ kind: TopicKind) {
    for index in 1..<arguments.count {
      server.subscribe(client, to: arguments[index], kind)
      reply.push(3)
      reply.bulk(word)
      reply.bulk(arguments[index])
      reply.integer(client.subscriptionCount(alongside: kind))
    }
    server.accountMemory(of: client)
  }

  /// Unsubscribes the client from every name of the request, or from all if it names none.
  fileprivate func unsubscribe(_ word: StaticString, _ kind: TopicKind) {
    for index in 1..<max(1, arguments.count) {
      server.unsubscribe(client, from: arguments[index], kind)
      writeLeft(word, arguments[index], client.subscriptionCount(alongside: kind))
    }
    guard arguments.count == 1 else { return }
    var remaining = client.subscriptionCount(alongside: kind)
    guard let own = client.subscriptions, own.count(kind) > 0 else {
      // Even who leaves nothing is answered.
      reply.push(3)
      reply.bulk(word)
      reply.null()
      return reply.integer(remaining)
    }
    server.unsubscribeAll(client, kind) { name in
      remaining -= 1
      writeLeft(word, name, remaining)
    }
  }

  private func writeLeft(_ word: StaticString, _ name: RawSpan, _ remaining: Int) {
    reply.push(3)
    reply.bulk(word)
    reply.bulk(name)
    reply.integer(remaining)
  }
}
