// SPDX-License-Identifier: Apache-2.0

import RESP

/// CLUSTER, READONLY and READWRITE: this server is no node of a cluster, and says so.
enum ClusterCommands: CommandFamily {
  static let group = CommandGroup.cluster

  static let commands: [Command] = [
    Command(
      "cluster", [], subcommands: subcommands, since: "3.0.0",
      complexity: "Depends on subcommand.", summary: "A container for commands about the cluster.",
      handler: refuse)
  ]

  private static let subcommands: [Command] = [
    Command(
      "addslots", [.admin, .stale, .noAsyncLoading], [.integer("slot").repeated], since: "3.0.0",
      complexity: "O(N) where N is the total number of hash slot arguments",
      summary: "Gives slots to this node.", handler: refuse),
    Command(
      "addslotsrange", [.admin, .stale, .noAsyncLoading],
      [
        ArgumentSpec.block("start-slot_end-slot", [.integer("start-slot"), .integer("end-slot")])
          .repeated
      ], since: "7.0.0",
      complexity:
        "O(N) where N is the total number of slots in the ranges.",
      summary: "Gives ranges of slots to this node.", handler: refuse),
    Command(
      "bumpepoch", [.admin, .stale, .noAsyncLoading], tips: ["nondeterministic_output"],
      since: "3.0.0", complexity: "O(1)", summary: "Advances the configuration epoch.",
      handler: refuse),
    Command(
      "count-failure-reports", [.admin, .stale], [.string("node-id")],
      tips: ["nondeterministic_output"], since: "3.0.0",
      complexity: "O(N) where N is the number of failure reports",
      summary: "Counts the failure reports about a node.", handler: refuse),
    Command(
      "countkeysinslot", [.stale], [.integer("slot")], since: "3.0.0", complexity: "O(1)",
      summary: "Counts the keys in a slot.", handler: refuse),
    Command(
      "delslots", [.admin, .stale, .noAsyncLoading], [.integer("slot").repeated], since: "3.0.0",
      complexity: "O(N) where N is the total number of hash slot arguments",
      summary: "Takes slots from this node.", handler: refuse),
    Command(
      "delslotsrange", [.admin, .stale, .noAsyncLoading],
      [
        ArgumentSpec.block("start-slot_end-slot", [.integer("start-slot"), .integer("end-slot")])
          .repeated
      ], since: "7.0.0",
      complexity:
        "O(N) where N is the total number of slots in the ranges.",
      summary: "Takes ranges of slots from this node.", handler: refuse),
    Command(
      "failover", [.admin, .stale, .noAsyncLoading],
      [
        ArgumentSpec.oneOf("options", [.token("FORCE", "force"), .token("TAKEOVER", "takeover")])
          .optional
      ], since: "3.0.0", complexity: "O(1)", summary: "Makes a follower take over from its leader.",
      handler: refuse),
    Command(
      "flushslots", [.admin, .stale, .noAsyncLoading], since: "3.0.0", complexity: "O(1)",
      summary: "Takes all slots from this node.", handler: refuse),
    Command(
      "forget", [.admin, .stale, .noAsyncLoading], [.string("node-id")], since: "3.0.0",
      complexity: "O(1)", summary: "Removes a node from the table of nodes.", handler: refuse),
    Command(
      "getkeysinslot", [.stale], [.integer("slot"), .integer("count")],
      tips: ["nondeterministic_output"], since: "3.0.0",
      complexity: "O(log(N)) where N is the number of requested keys",
      summary: "Lists keys in a slot.", handler: refuse),
    Command(
      "help", [.loading, .stale], since: "5.0.0", complexity: "O(1)",
      summary: "Explains the subcommands.", handler: refuse),
    Command(
      "info", [.stale], tips: ["nondeterministic_output"], since: "3.0.0", complexity: "O(1)",
      summary: "Shows the state of the cluster.", handler: refuse),
    Command(
      "keyslot", [.stale], [.string("key")], since: "3.0.0",
      complexity: "O(N) where N is the number of bytes in the key",
      summary: "Tells the slot of a key.", handler: refuse),
    Command(
      "links", [.stale], tips: ["nondeterministic_output"], since: "7.0.0",
      complexity: "O(N) where N is the total number of Cluster nodes",
      summary: "Lists the connections to other nodes.", handler: refuse),
    Command(
      "meet", [.admin, .stale, .noAsyncLoading],
      [.string("ip"), .integer("port"), .integer("cluster_bus_port").since("4.0.0").optional],
      since: "3.0.0", complexity: "O(1)", summary: "Introduces another node.",
      history: [("4.0.0", "Takes the port of the cluster bus.")], handler: refuse),
    Command(
      "myid", [.stale], since: "3.0.0", complexity: "O(1)", summary: "Tells the name of this node.",
      handler: refuse),
    Command(
      "nodes", [.stale], tips: ["nondeterministic_output"], since: "3.0.0",
      complexity: "O(N) where N is the total number of Cluster nodes",
      summary: "Shows the configuration of the cluster.", handler: refuse),
    Command(
      "replicas", [.admin, .stale], [.string("node-id")], tips: ["nondeterministic_output"],
      since: "5.0.0", complexity: "O(1)", summary: "Lists the followers of a leader.",
      handler: refuse),
    Command(
      "replicate", [.admin, .stale, .noAsyncLoading], [.string("node-id")], since: "3.0.0",
      complexity: "O(1)", summary: "Makes this node follow a leader.", handler: refuse),
    Command(
      "reset", [.admin, .noScript, .stale],
      [ArgumentSpec.oneOf("hard_soft", [.token("HARD", "hard"), .token("SOFT", "soft")]).optional],
      since: "3.0.0",
      complexity:
        "O(N) where N is the number of known nodes.",
      summary: "Forgets the cluster.", handler: refuse),
    Command(
      "saveconfig", [.admin, .stale, .noAsyncLoading], since: "3.0.0", complexity: "O(1)",
      summary: "Saves the configuration of the cluster.", handler: refuse),
    Command(
      "set-config-epoch", [.admin, .stale, .noAsyncLoading], [.integer("config-epoch")],
      since: "3.0.0", complexity: "O(1)", summary: "Sets the epoch of a new node.",
      handler: refuse),
    Command(
      "setslot", [.admin, .stale, .noAsyncLoading],
      [
        .integer("slot"),
        ArgumentSpec.oneOf(
          "subcommand",
          [
            .string("node-id").after("IMPORTING"), .string("node-id").after("MIGRATING"),
            .string("node-id").after("NODE"), .token("STABLE", "stable"),
          ]),
      ], since: "3.0.0", complexity: "O(1)", summary: "Binds a slot to a node.", handler: refuse),
    Command(
      "shards", [.stale], tips: ["nondeterministic_output"], since: "7.0.0",
      complexity: "O(N) where N is the total number of cluster nodes",
      summary: "Lists the shards of the cluster.", handler: refuse),
    Command(
      "slaves", [.admin, .stale], [.string("node-id")], tips: ["nondeterministic_output"],
      since: "3.0.0", complexity: "O(1)", summary: "Lists the followers of a leader.",
      deprecatedSince: "5.0.0", replacedBy: "`CLUSTER REPLICAS`", handler: refuse),
    Command(
      "slots", [.stale], tips: ["nondeterministic_output"], since: "3.0.0",
      complexity: "O(N) where N is the total number of Cluster nodes",
      summary: "Lists which node serves which slots.",
      history: [
        ("4.0.0", "Shows the names of nodes."), ("7.0.0", "Shows more about the network."),
      ], deprecatedSince: "7.0.0", replacedBy: "`CLUSTER SHARDS`", handler: refuse),
  ]

  static func refuse(_ call: inout Call) throws(CommandError) {
    throw CommandError("ERR This instance has cluster support disabled")
  }
}

/// ASKING, READONLY and READWRITE, which only nodes of a cluster understand.
enum ClusterConnectionCommands: CommandFamily {
  static let group = CommandGroup.cluster

  static let commands: [Command] = [
    Command(
      "asking", [.fast], categories: .connection, since: "3.0.0", complexity: "O(1)",
      summary: "Announces a command that follows a redirection of a cluster.",
      handler: ClusterCommands.refuse),
    Command(
      "readonly", [.loading, .stale, .fast], categories: .connection, since: "3.0.0",
      complexity: "O(1)", summary: "Allows reading from a follower in a cluster.",
      handler: ClusterCommands.refuse),
    Command(
      "readwrite", [.loading, .stale, .fast], categories: .connection, since: "3.0.0",
      complexity: "O(1)", summary: "Forbids reading from a follower in a cluster.",
      handler: ClusterCommands.refuse),
  ]
}
