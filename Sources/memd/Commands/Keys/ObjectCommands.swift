// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// OBJECT: how a value is stored and when it was used.
enum ObjectCommands: CommandFamily {
  static let group = CommandGroup.generic

  static let commands: [Command] = [
    Command(
      "object", [], subcommands: subcommands, since: "2.2.3",
      complexity: "Depends on the subcommand.",
      summary: "Holds the commands that look into how values are stored.",
      help: helpLines, handler: objectHelp)
  ]

  private static let helpLines: [StaticString] = [
    "ENCODING <key>",
    "    Answers how the value of <key> is stored.",
    "FREQ <key>",
    "    Answers the access counter of <key>, which grows",
    "    with the logarithm of the number of recent accesses.",
    "IDLETIME <key>",
    "    Answers for how many seconds <key> has not been",
    "    accessed, about.",
    "REFCOUNT <key>",
    "    Answers how many references there are to the value of <key>.",
  ]

  private static let subcommands: [Command] = [
    Command(
      "encoding", [.readonly], keys: [.key(2, .readOnly)], [.key()],
      tips: ["nondeterministic_output"], since: "2.2.3", complexity: "O(1)",
      summary: "Returns how the value of a key is stored.", handler: objectEncoding),
    Command(
      "freq", [.readonly], keys: [.key(2, .readOnly)], [.key()],
      tips: ["nondeterministic_output"], since: "4.0.0", complexity: "O(1)",
      summary: "Returns the logarithmic counter of a key's accesses.", handler: objectFreq),
    Command(
      "help", [.loading, .stale], since: "6.2.0", complexity: "O(1)",
      summary: "Explains the subcommands.", handler: objectHelp),
    Command(
      "idletime", [.readonly], keys: [.key(2, .readOnly)], [.key()],
      tips: ["nondeterministic_output"], since: "2.2.3", complexity: "O(1)",
      summary: "Returns the seconds since a key was last accessed.", handler: objectIdletime),
    Command(
      "refcount", [.readonly], keys: [.key(2, .readOnly)], [.key()],
      tips: ["nondeterministic_output"], since: "2.2.3", complexity: "O(1)",
      summary: "Returns the number of references to the value of a key.",
      handler: objectRefcount),
  ]

  // MARK: - OBJECT ENCODING

  static func objectEncoding(_ call: inout Call) throws(CommandError) {
    guard let entry = call.database.inspect(call.key(2), announcesMiss: false) else {
      return call.reply.null()
    }
    call.reply.bulk(entry.encodingName)
  }

  // MARK: - OBJECT FREQ

  static func objectFreq(_ call: inout Call) throws(CommandError) {
    guard let entry = call.database.inspect(call.key(2), announcesMiss: false) else {
      return call.reply.null()
    }
    guard call.moment.countsAccesses else {
      throw CommandError(
        """
        ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note \
        that when switching between policies at runtime LRU and LFU data will take some time to \
        adjust.
        """)
    }
    call.reply.integer(Int(call.database.accessFrequency(of: entry)))
  }

  // MARK: - OBJECT HELP

  static func objectHelp(_ call: inout Call) throws(CommandError) {
    call.writeHelp("OBJECT", helpLines)
  }

  // MARK: - OBJECT IDLETIME

  static func objectIdletime(_ call: inout Call) throws(CommandError) {
    guard let entry = call.database.inspect(call.key(2), announcesMiss: false) else {
      return call.reply.null()
    }
    if call.moment.countsAccesses {
      throw CommandError(
        """
        ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
        switching between policies at runtime LRU and LFU data will take some time to adjust.
        """)
    }
    call.reply.integer(call.database.idleSeconds(of: entry))
  }

  // MARK: - OBJECT REFCOUNT

  static func objectRefcount(_ call: inout Call) throws(CommandError) {
    guard let entry = call.database.inspect(call.key(2), announcesMiss: false) else {
      return call.reply.null()
    }
    call.reply.integer(isShared(entry, call) ? sharedReferenceCount : 1)
  }

  /// What Redis says of the objects that it shares among keys.
  private static let sharedReferenceCount = Int(Int32.max)

  /// Whether Redis would store the value as one of its shared integers.
  ///
  /// memd has no shared objects; tools read from this number whether a value costs memory, and
  /// here it costs none beyond the key's entry.
  private static func isShared(_ entry: Entry, _ call: borrowing Call) -> Bool {
    let configuration = call.server.configuration
    if configuration.maxMemory > 0, configuration.maxMemoryPolicy.watchesAccesses { return false }
    guard entry.header.type == .string, let integer = StringValue(entry).integer else {
      return false
    }
    return (0..<10000).contains(integer)
  }
}
