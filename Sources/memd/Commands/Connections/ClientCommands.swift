// SPDX-License-Identifier: Apache-2.0

import RESP

/// CLIENT: what connections know about themselves and may do to each other.
enum ClientCommands: CommandFamily {
  static let group = CommandGroup.connection

  static let commands: [Command] = [
    Command(
      "client", [.keepsCaching],
      subcommands: (subcommands + trackingSubcommands).map(keepingCaching), since: "2.4.0",
      complexity: "Depends on subcommand.",
      summary: "A container for commands about connections.", help: help, handler: showHelp)
  ]

  /// CLIENT CACHING may stand in front of other subcommands.
  private static func keepingCaching(_ command: Command) -> Command {
    var command = command
    command.flags.insert(.keepsCaching)
    return command
  }

  private static let own: CommandFlags = [.noScript, .loading, .stale]
  private static let others: CommandFlags = [.admin, .noScript, .loading, .stale]

  private static let onOrOff = ArgumentSpec.oneOf(
    "enabled", [.token("ON", "on"), .token("OFF", "off")])

  private static let subcommands: [Command] = [
    Command(
      "getname", own, since: "2.6.9", complexity: "O(1)",
      summary: "Answers the name of the connection.", handler: getName),
    Command(
      "help", [.loading, .stale], since: "5.0.0", complexity: "O(1)",
      summary: "Explains the subcommands.", handler: showHelp),
    Command(
      "id", own, since: "5.0.0", complexity: "O(1)",
      summary: "Answers the number of the connection.", handler: id),
    Command(
      "info", own, tips: ["nondeterministic_output"], since: "6.2.0", complexity: "O(1)",
      summary: "Describes the connection in a line.", handler: info),
    Command(
      "kill", others, killArguments, since: "2.4.0",
      complexity: "O(N) where N is the number of client connections",
      summary: "Closes connections.",
      history: [
        ("2.8.12", "Takes filters."), ("2.8.12", "Added the filter `ID`."),
        ("3.2.0", "`TYPE` knows `master`."),
        ("5.0.0", "`TYPE` knows `replica`; `slave` means the same."),
        ("6.2.0", "Added the filter `LADDR`."), ("7.4.0", "Added the filter `MAXAGE`."),
      ], arity: -3, handler: kill),
    Command(
      "list", others, listArguments, tips: ["nondeterministic_output"], since: "2.4.0",
      complexity: "O(N) where N is the number of client connections",
      summary: "Describes connections, each in a line.",
      history: [
        ("2.8.12", "Lines begin with an `id`."), ("5.0.0", "Added the filter `TYPE`."),
        ("6.0.0", "Added the field `user`."),
        ("6.2.0", "Added `argv-mem`, `tot-mem`, `laddr`, `redir` and the filter `ID`."),
        ("7.0.0", "Added `resp`, `multi-mem`, `rbs` and `rbp`."), ("7.0.3", "Added `ssub`."),
      ], handler: list),
    Command(
      "no-evict", others, [onOrOff], since: "7.0.0", complexity: "O(1)",
      summary: "Exempts the connection from eviction, or no longer.", handler: noEvict),
    Command(
      "no-touch", own, [onOrOff], since: "7.2.0", complexity: "O(1)",
      summary: "Leaves access times of keys alone, or no longer.", handler: noTouch),
    Command(
      "pause", others,
      [
        .integer("timeout"),
        .oneOf("mode", [.token("WRITE", "write"), .token("ALL", "all")]).since("6.2.0").optional,
      ],
      since: "2.9.50", complexity: "O(1)", summary: "Makes requests wait for some time.",
      history: [("6.2.0", "Takes a mode; `WRITE` lets reads pass.")], handler: pause),
    Command(
      "reply", own.union(.noMulti),
      [
        .oneOf(
          "on_off_skip", [.token("ON", "on"), .token("OFF", "off"), .token("SKIP", "skip")])
      ],
      since: "3.2.0", complexity: "O(1)", summary: "Turns replies on or off.", handler: reply),
    Command(
      "setinfo", own,
      [
        .oneOf(
          "attr",
          [.string("libname").after("LIB-NAME"), .string("libver").after("LIB-VER")])
      ],
      tips: ["request_policy:all_nodes", "response_policy:all_succeeded"], since: "7.2.0",
      complexity: "O(1)", summary: "Tells which library the connection uses.", handler: setInfo),
    Command(
      "setname", own, [.string("connection-name")], since: "2.6.9", complexity: "O(1)",
      summary: "Names the connection.", handler: setName),
    Command(
      "unblock", others,
      [
        .integer("client-id"),
        .oneOf("timeout_error", [.token("TIMEOUT", "timeout"), .token("ERROR", "error")])
          .optional,
      ],
      since: "5.0.0", complexity: "O(log N) where N is the number of client connections",
      summary: "Ends the waiting of a blocked connection.", handler: unblock),
    Command(
      "unpause", others, since: "6.2.0", complexity: "O(N) Where N is the number of paused clients",
      summary: "Ends a pause.", handler: unpause),
  ]

  private static let killArguments: [ArgumentSpec] = [
    .oneOf(
      "filter",
      [
        deprecatedAddress,
        .oneOf(
          "new-format",
          [
            .integer("client-id").after("ID").since("2.8.12").optional,
            .oneOf(
              "normal_master_slave_pubsub",
              [
                .token("NORMAL", "normal"), .token("MASTER", "master").since("3.2.0"),
                .token("SLAVE", "slave"), .token("REPLICA", "replica").since("5.0.0"),
                .token("PUBSUB", "pubsub"),
              ]
            ).after("TYPE").since("2.8.12").optional,
            .string("username").after("USER").optional, .string("ip:port").after("ADDR").optional,
            .string("ip:port").after("LADDR").since("6.2.0").optional,
            .string("yes/no").after("SKIPME").optional,
            .integer("maxage").after("MAXAGE").since("7.4.0").optional,
          ]
        ).repeated,
      ])
  ]

  private static var deprecatedAddress: ArgumentSpec {
    var address = ArgumentSpec.string("ip:port")
    address.deprecatedSince = "2.8.12"
    return address
  }

  private static let listArguments: [ArgumentSpec] = [
    .oneOf(
      "normal_master_replica_pubsub",
      [
        .token("NORMAL", "normal"), .token("MASTER", "master"), .token("REPLICA", "replica"),
        .token("PUBSUB", "pubsub"),
      ]
    ).after("TYPE").since("5.0.0").optional,
    .block("id", [.integer("client-id").repeated]).after("ID").since("6.2.0").optional,
  ]
}
