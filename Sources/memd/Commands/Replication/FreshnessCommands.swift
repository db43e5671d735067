// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands for reads that are fresh enough; memd's own.
enum FreshnessCommands: CommandFamily {
  static let group = CommandGroup.server

  static let commands: [Command] = [
    Command(
      "memd.token", [.fast, .noScript, .stale],
      [.oneOf("mode", [.token("ON", "on"), .token("OFF", "off")]).optional], since: "7.4.0",
      complexity: "O(1)",
      summary: """
        Answers the point that the data have reached, or has it told behind each write.
        """, handler: token),
    Command(
      "memd.freshness", [.fast, .noScript, .stale],
      [
        .oneOf(
          "requirement",
          [
            .token("NONE", "none"),
            .block(
              "fresh",
              [
                .string("token").after("AFTER").optional,
                .integer("milliseconds").after("MAXAGE").optional,
                .integer("milliseconds").after("TIMEOUT").optional,
                .token("ONCE", "once").optional,
              ]),
          ]
        ).optional
      ], since: "7.4.0", complexity: "O(1)",
      summary: "Has the connection read only data that are new enough, or tells how new they are.",
      arity: -1, handler: freshness),
  ]

  // MARK: - MEMD.TOKEN

  static func token(_ call: inout Call) throws(CommandError) {
    guard call.arguments.count > 1 else {
      return call.reply.bulk(call.server.freshnessToken.rawSpan)
    }
    switch call.keyword(1) {
    case Keyword("on"):
      guard call.client.version == .resp3 else {
        throw CommandError("ERR MEMD.TOKEN ON sends pushes, which need RESP3 (HELLO 3)")
      }
      call.client.makeDetails().wantsTokens = true
    case Keyword("off"): call.client.makeDetails().wantsTokens = false
    default: throw .syntax
    }
    call.client.updateGate()
    call.reply.ok()
  }

  // MARK: - MEMD.FRESHNESS

  static func freshness(_ call: inout Call) throws(CommandError) {
    guard call.arguments.count > 1 else { return describe(&call) }
    var requirement: FreshnessRequirement?
    if call.arguments.count > 2 || call.keyword(1) != Keyword("none") {
      requirement = try readRequirement(call)
    }
    call.client.makeDetails().freshness = requirement.map { ClientFreshness(requirement: $0) }
    call.client.updateGate()
    call.reply.ok()
  }

  private static func readRequirement(
    _ call: borrowing Call
  ) throws(CommandError) -> FreshnessRequirement {
    var requirement = FreshnessRequirement()
    var cursor = ArgumentCursor(call.arguments, from: 1)
    while let word = cursor.keyword() {
      switch word {
      case Keyword("after"):
        guard let index = cursor.next() else { break }
        requirement.token = FreshnessToken(call.arguments[index])
        if requirement.token == nil { cursor.fail(CommandError("ERR invalid token")) }
      case Keyword("maxage"): requirement.ageMax = milliseconds(&cursor)
      case Keyword("timeout"): requirement.timeout = milliseconds(&cursor)
      case Keyword("once"): requirement.isOnce = true
      default: cursor.fail(.syntax)
      }
    }
    try cursor.finish()
    guard requirement.token != nil || requirement.ageMax != nil else { throw .syntax }
    return requirement
  }

  private static func milliseconds(_ cursor: inout ArgumentCursor) -> Int {
    let value = cursor.integer()
    if !(0...Int(Int32.max) ~= value) {
      cursor.fail(CommandError("ERR value is out of range"))
    }
    return value
  }

  /// Where the data stand, and what this connection asks of them.
  private static func describe(_ call: inout Call) {
    let state = call.server.dataState
    let requirement = call.client.details?.freshness?.requirement
    call.reply.map(5)
    call.reply.bulk("token")
    call.reply.bulk(call.server.freshnessToken.rawSpan)
    call.reply.bulk("age-ms")
    if let age = state.age { call.reply.integer(age) } else { call.reply.null() }
    call.reply.bulk("after")
    if let token = requirement?.token {
      call.reply.bulk(token.text.rawSpan)
    } else {
      call.reply.null()
    }
    call.reply.bulk("max-age-ms")
    if let age = requirement?.ageMax { call.reply.integer(age) } else { call.reply.null() }
    call.reply.bulk("timeout-ms")
    if let requirement { call.reply.integer(requirement.timeout) } else { call.reply.null() }
  }
}
