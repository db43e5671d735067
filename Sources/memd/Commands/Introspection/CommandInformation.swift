// SPDX-License-Identifier: Apache-2.0

import RESP

/// A command as COMMAND INFO describes it: ten elements, subcommands nested in the last one.
enum CommandInformation {
  static func write(
    _ description: CommandTable.Description, in table: CommandTable,
    to reply: inout ReplyWriter
  ) {
    let command = description.command
    let range = LegacyKeyRange(command.keys)
    reply.array(10)
    reply.bulk(description.fullName)
    reply.integer(table[description.id].arity)
    writeNames(CommandFlags.names.filter { command.flags.contains($0.0) }.map(\.1), to: &reply)
    reply.integer(range.first)
    reply.integer(range.last)
    reply.integer(range.step)
    let categories = description.categories
    let shown = ACLCategories.names.filter { categories.contains($0.0) }
    reply.set(shown.count)
    for (_, name) in shown { reply.status("@\(name)") }
    reply.set(command.tips.count)
    for tip in command.tips { reply.bulk(tip) }
    reply.set(command.keys.count)
    for spec in command.keys { write(spec, to: &reply) }
    // Compatibility: no subcommands are an empty set, some are an array.
    let count = description.subcommands.count
    if count == 0 { reply.set(0) } else { reply.array(count) }
    for id in description.subcommands { write(table.descriptions[id], in: table, to: &reply) }
  }

  /// Writes what a command does to a key, as a set of words.
  static func write(_ access: KeySpec.Access, to reply: inout ReplyWriter) {
    writeNames(KeySpec.Access.names.filter { access.contains($0.0) }.map(\.1), to: &reply)
  }

  private static func writeNames(_ names: [StaticString], to reply: inout ReplyWriter) {
    reply.set(names.count)
    for name in names { reply.status(name) }
  }

  private static func write(_ spec: KeySpec, to reply: inout ReplyWriter) {
    reply.map(spec.notes == nil ? 3 : 4)
    if let notes = spec.notes {
      reply.bulk("notes")
      reply.bulk(notes)
    }
    reply.bulk("flags")
    write(spec.access, to: &reply)
    reply.bulk("begin_search")
    write(spec.start, to: &reply)
    reply.bulk("find_keys")
    write(spec.extent, to: &reply)
  }

  private static func write(_ start: KeySpec.Start, to reply: inout ReplyWriter) {
    switch start {
    case .index(let index):
      beginSpec("index", fieldCount: 1, to: &reply)
      writeField("index", index, to: &reply)
    case .keyword(let token, let from):
      beginSpec("keyword", fieldCount: 2, to: &reply)
      reply.bulk("keyword")
      reply.bulk(token)
      writeField("startfrom", from, to: &reply)
    case .unknown, .lastKeyword:
      beginSpec("unknown", fieldCount: 0, to: &reply)
    }
  }

  private static func write(_ extent: KeySpec.Extent, to reply: inout ReplyWriter) {
    switch extent {
    case .range(let last, let step, let limit):
      beginSpec("range", fieldCount: 3, to: &reply)
      writeField("lastkey", last, to: &reply)
      writeField("keystep", step, to: &reply)
      writeField("limit", limit, to: &reply)
    case .counted(let count, let first, let step):
      beginSpec("keynum", fieldCount: 3, to: &reply)
      writeField("keynumidx", count, to: &reply)
      writeField("firstkey", first, to: &reply)
      writeField("keystep", step, to: &reply)
    case .unknown:
      beginSpec("unknown", fieldCount: 0, to: &reply)
    }
  }

  private static func beginSpec(
    _ type: StaticString, fieldCount: Int, to reply: inout ReplyWriter
  ) {
    reply.map(2)
    reply.bulk("type")
    reply.bulk(type)
    reply.bulk("spec")
    reply.map(fieldCount)
  }

  private static func writeField(
    _ name: StaticString, _ value: Int, to reply: inout ReplyWriter
  ) {
    reply.bulk(name)
    reply.integer(value)
  }
}

/// First key, last key and step, as COMMAND INFO showed them before there were key specs.
struct LegacyKeyRange: Equatable {
  private(set) var first = 0
  private(set) var last = 0
  private(set) var step = 0

  /// Adjacent ranges of fixed positions are one range; other specs don't show.
  init(_ specs: [KeySpec]) {
    if specs.count == 1 {
      guard let range = LegacyKeyRange.fixed(specs[0]) else { return }
      (first, last, step) = range
      return
    }
    var previous = 0
    for spec in specs {
      guard let range = LegacyKeyRange.fixed(spec), range.step == 1,
        previous == 0 || previous == range.first - 1
      else { continue }
      first = first == 0 ? range.first : min(first, range.first)
      step = 1
      // A last key counted from the end lies behind all others.
      last = last < 0 || range.last < 0 ? min(last, range.last) : max(last, range.last)
      previous = last
    }
  }

  private static func fixed(_ spec: KeySpec) -> (first: Int, last: Int, step: Int)? {
    guard case .index(let first) = spec.start, case .range(let last, let step, _) = spec.extent
    else { return nil }
    return (first, last >= 0 ? first + last : last, step)
  }
}
