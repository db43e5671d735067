// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands about the server that have no family of their own.
enum ServerCommands: CommandFamily {
  static let group = CommandGroup.server

  static let commands: [Command] = [
    Command(
      "lolwut", [.readonly, .fast], [.integer("version").after("VERSION").optional],
      since: "5.0.0", summary: "Draws a small picture and tells the version.", handler: lolwut),
    Command(
      "monitor", [.admin, .noScript, .loading, .stale, .parserBarrier], since: "1.0.0",
      summary: "Shows every command that the server runs from now on.", handler: monitor),
    Command(
      "role", [.noScript, .loading, .stale, .fast], categories: [.admin, .dangerous],
      since: "2.8.12", complexity: "O(1)",
      summary: "Tells the server's part in replication.", handler: role),
    Command(
      "time", [.loading, .stale, .fast], tips: ["nondeterministic_output"], since: "2.6.0",
      complexity: "O(1)", summary: "Tells the server's time.", handler: time),
  ]

  static func time(_ call: inout Call) throws(CommandError) {
    let now = call.moment.microseconds
    call.reply.array(2)
    call.reply.bulk(integer: Int(now / 1_000_000))
    call.reply.bulk(integer: Int(now % 1_000_000))
  }

  static func role(_ call: inout Call) throws(CommandError) {
    if let following = call.server.following {
      return call.server.writeLinkRole(following, to: &call.reply)
    }
    call.reply.array(3)
    call.reply.bulk("master")
    call.reply.integer(call.server.effects.stream.offset)
    let online = call.server.followers.all.filter { $0.follower?.isOnline == true }
    call.reply.array(online.count)
    for client in online {
      guard let follower = client.follower else { continue }
      call.reply.array(3)
      call.reply.bulk(follower.address(of: client))
      call.reply.bulk("\(follower.listeningPort)")
      call.reply.bulk("\(follower.acknowledgedOffset)")
    }
  }

  static func monitor(_ call: inout Call) throws(CommandError) {
    let client = call.client
    guard !client.transaction.isExecuting else {
      throw CommandError("ERR MONITOR isn't allowed for DENY BLOCKING client")
    }
    // Compatibility: a second MONITOR is passed over without a reply.
    guard !client.flags.contains(.monitor) else { return }
    client.flags.insert(.monitor)
    call.server.clients.monitors.append(client)
    call.server.updateMonitorGate()
    call.reply.ok()
  }

  static func lolwut(_ call: inout Call) throws(CommandError) {
    var pictureNumber = 0
    if call.arguments.count >= 3, call.keyword(1) ~= Keyword("version") {
      pictureNumber = try call.integer(2)
    }
    var random = RandomGenerator(seed: call.moment.random.next())
    let picture = TextArt.draw(pictureNumber, using: &random)
    call.reply.verbatim(
      "\(picture)\nmemd ver. \(Version.memd) (Redis ver. \(Version.redis))\n", format: "txt")
  }
}
