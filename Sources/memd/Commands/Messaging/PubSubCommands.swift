// SPDX-License-Identifier: Apache-2.0

import DataStructures
import PubSub
import RESP

/// PUBSUB: who is subscribed to what, in numbers.
enum PubSubCommands: CommandFamily {
  static let group = CommandGroup.pubsub

  private static let flags: CommandFlags = [.pubsub, .loading, .stale]
  private static let perChannel: StaticString = "O(N) where N is the number of channels."
  private static let perName: StaticString = "O(N) where N is the number of names."

  static let commands: [Command] = [
    Command(
      "pubsub", [], subcommands: subcommands, since: "2.8.0",
      complexity: "Depends on subcommand.", summary: "A container for commands about messaging.",
      help: help, handler: showHelp)
  ]

  private static let subcommands: [Command] = [
    Command(
      "channels", flags, [.pattern("pattern").optional], since: "2.8.0", complexity: perChannel,
      summary: "Names the channels that have subscribers.", arity: -2, handler: channels),
    Command(
      "help", [.loading, .stale], since: "6.2.0", complexity: "O(1)",
      summary: "Explains the subcommands.", handler: showHelp),
    Command(
      "numpat", flags, since: "2.8.0", complexity: "O(1)",
      summary: "Counts the patterns that have subscribers.", handler: numpat),
    Command(
      "numsub", flags, [.string("channel").optional.repeated], since: "2.8.0",
      complexity: perName, summary: "Counts the subscribers of channels.", handler: numsub),
    Command(
      "shardchannels", flags, [.pattern("pattern").optional], since: "7.0.0",
      complexity: perChannel, summary: "Names the shard channels that have subscribers.",
      handler: shardchannels),
    Command(
      "shardnumsub", flags, [.string("shardchannel").optional.repeated], since: "7.0.0",
      complexity: perName, summary: "Counts the subscribers of shard channels.",
      handler: shardnumsub),
  ]

  private static let help: [StaticString] = [
    "CHANNELS [<pattern>]",
    "    Names the channels that have subscribers, those that match <pattern> (default: '*').",
    "NUMPAT",
    "    Counts the patterns that have subscribers.",
    "NUMSUB [<channel> ...]",
    "    Counts the subscribers of each <channel>, those of patterns left out.",
    "SHARDCHANNELS [<pattern>]",
    "    As CHANNELS, for shard channels.",
    "SHARDNUMSUB [<shardchannel> ...]",
    "    As NUMSUB, for shard channels.",
  ]

  static func showHelp(_ call: inout Call) throws(CommandError) {
    call.writeHelp("PUBSUB", help)
  }

  static func channels(_ call: inout Call) throws(CommandError) {
    try call.writeTopics(.channel)
  }

  static func shardchannels(_ call: inout Call) throws(CommandError) {
    try call.writeTopics(.shardChannel)
  }

  static func numpat(_ call: inout Call) throws(CommandError) {
    call.reply.integer(call.server.subscriptions.count(.pattern))
  }

  static func numsub(_ call: inout Call) throws(CommandError) {
    call.writeSubscriberCounts(.channel)
  }

  static func shardnumsub(_ call: inout Call) throws(CommandError) {
    call.writeSubscriberCounts(.shardChannel)
  }
}

extension Call {
  fileprivate func writeTopics(_ kind: TopicKind) throws(CommandError) {
    guard arguments.count <= 3 else { throw subcommandFailure("PUBSUB") }
    let mark = reply.beginAggregate()
    var count = 0
    server.subscriptions.forEach(kind) { topic in
      if arguments.count == 3,
        !GlobPattern.matches(pattern: arguments[2], text: topic.name)
      {
        return
      }
      reply.bulk(topic.name)
      count += 1
    }
    reply.endArray(mark, count: count)
  }

  fileprivate func writeSubscriberCounts(_ kind: TopicKind) {
    reply.array((arguments.count - 2) * 2)
    for index in 2..<max(2, arguments.count) {
      reply.bulk(arguments[index])
      let topic = server.subscriptions.find(arguments[index], kind)
      reply.integer(topic?.subscriberCount ?? 0)
    }
  }
}
