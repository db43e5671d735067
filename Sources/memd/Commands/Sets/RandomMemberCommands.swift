// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that draw members of a set.
enum RandomMemberCommands: CommandFamily {
  static let group = CommandGroup.set

  static let commands: [Command] = [
    Command(
      "spop", [.write, .fast], keys: [.key(1, [.readWrite, .access, .delete])],
      [.key(), .integer("count").since("3.2.0").optional],
      effect: .rewritten("SREM key member [member ...], DEL key or UNLINK key"),
      tips: ["nondeterministic_output"], since: "1.0.0",
      complexity: "O(1), or O(N) for a count of N",
      summary: "Removes random members from a set and returns them.",
      history: [("3.2.0", "`count` came.")], handler: spop),
    Command(
      "srandmember", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [.key(), .integer("count").since("2.6.0").optional], tips: ["nondeterministic_output"],
      since: "1.0.0", complexity: "O(1), or O(N) for a count of N",
      summary: "Returns random members of a set.", history: [("2.6.0", "`count` came.")],
      handler: srandmember),
  ]

  // MARK: - SPOP

  static func spop(_ call: inout Call) throws(CommandError) {
    if call.arguments.count > 3 { throw .syntax }
    if call.arguments.count == 3 { return try popSeveral(call) }
    let key = call.key(1)
    guard let entry = try call.database.collectionForWriting(key, .set) else {
      return call.reply.null()
    }
    var set = SetEditor(entry, hash: key.hash, in: call.database)
    let client = call.client
    let effects = call.server.effects
    set.pop(using: &call.server.keyspace.random) { member in
      client.reply.bulk(member)
      effects.rewrite("SREM", argumentCount: 2)
      effects.append(key.bytes)
      effects.append(member)
    }
    call.changed(key, .setPop)
    if set.count == 0 { call.removeEmptied(key) }
  }

  private static func popSeveral(_ call: borrowing Call) throws(CommandError) {
    let outOfRange = CommandError("ERR value is out of range, must be positive")
    let wanted = try call.integer(2, orThrow: outOfRange)
    guard wanted >= 0 else { throw outOfRange }
    let key = call.key(1)
    guard let entry = try call.database.collectionForWriting(key, .set), wanted > 0 else {
      return call.reply.set(0)
    }
    let set = SetValue(entry)
    let size = set.count
    call.changed(key, .setPop, count: min(wanted, size))
    if wanted >= size { return popAll(set, key, call) }
    call.reply.set(wanted)
    // Drawing one by one is cheap while most members stay.
    if set.form == .table, (size - wanted) > wanted / 5 {
      popOneByOne(SetEditor(entry, hash: key.hash, in: call.database), wanted, key, call)
    } else {
      split(set, wanted, key, call)
    }
  }

  private static func popAll(_ set: SetValue, _ key: Key, _ call: borrowing Call) {
    let client = call.client
    client.reply.set(set.count)
    set.forEach {
      client.reply.bulk($0)
      return true
    }
    call.removeEmptied(key)
    let isLazy = call.server.configuration.lazyFreeLazyServerDel
    call.effects.rewrite(isLazy ? "UNLINK" : "DEL", argumentCount: 1)
    call.effects.append(key.bytes)
  }

  private static func popOneByOne(
    _ set: SetEditor, _ wanted: Int, _ key: Key, _ call: borrowing Call
  ) {
    var announcement = Removals(count: wanted)
    var set = set
    let client = call.client
    let effects = call.server.effects
    for _ in 0..<wanted {
      set.pop(using: &call.server.keyspace.random) { member in
        client.reply.bulk(member)
        announcement.append(member, key, effects)
      }
    }
  }

  /// Walks over the set once; what stays becomes the new value of the key.
  private static func split(_ set: SetValue, _ wanted: Int, _ key: Key, _ call: borrowing Call) {
    let client = call.client
    let effects = call.server.effects
    let keyspace = call.server.keyspace
    var announcement = Removals(count: wanted)
    var rest = set.count
    var popping = wanted
    var staying = SetBuilder(in: call.database, startsPacked: set.form != .intset)
    set.forEach { member in
      // Of the members not yet seen, so many are to go: each of them with the same chance.
      if keyspace.random.next(below: rest) < popping {
        popping -= 1
        client.reply.bulk(member)
        announcement.append(member, key, effects)
      } else {
        _ = staying.add(member)
      }
      rest -= 1
      return true
    }
    staying.store(key, deadline: set.entry.deadlineIfAny)
  }

  /// Tells followers which members go, at most 1024 in one SREM.
  private struct Removals {
    private var rest: Int
    private var restOfCommand = 0

    init(count: Int) { rest = count }

    mutating func append(_ member: RawSpan, _ key: Key, _ effects: Effects) {
      if restOfCommand == 0 {
        restOfCommand = min(rest, 1024)
        effects.rewrite("SREM", argumentCount: 1 + restOfCommand)
        effects.append(key.bytes)
      }
      effects.append(member)
      restOfCommand -= 1
      rest -= 1
    }
  }

  // MARK: - SRANDMEMBER

  static func srandmember(_ call: inout Call) throws(CommandError) {
    if call.arguments.count > 3 { throw .syntax }
    if call.arguments.count == 3 { return try drawSeveral(call) }
    guard let entry = try call.database.collection(call.key(1), .set) else {
      return call.reply.null()
    }
    let client = call.client
    SetValue(entry).withRandomMember(using: &call.server.keyspace.random) {
      client.reply.bulk($0)
    }
  }

  private static func drawSeveral(_ call: borrowing Call) throws(CommandError) {
    let count = try call.integer(2)
    guard count > Int.min else {
      throw CommandError(
        """
        ERR value is out of range, value must between -9223372036854775807 and \
        9223372036854775807
        """)
    }
    guard let entry = try call.database.collection(call.key(1), .set), count != 0 else {
      return call.reply.array(0)
    }
    let set = SetValue(entry)
    if count < 0 { return try drawWithRepetition(set, -count, call) }
    let size = set.count
    if count >= size { return replyAll(set, call) }
    call.reply.array(count)
    // A walk over everything pays if a good part of it is wanted; small forms have no other way.
    if set.form != .table || size / 3 < count {
      drawFromWalk(set, count, call)
    } else {
      drawDistinct(set, count, call)
    }
  }

  private static func replyAll(_ set: SetValue, _ call: borrowing Call) {
    let client = call.client
    client.reply.array(set.count)
    set.forEach {
      client.reply.bulk($0)
      return true
    }
  }

  private static func drawWithRepetition(
    _ set: SetValue, _ count: Int, _ call: borrowing Call
  ) throws(CommandError) {
    try call.reserveReply(items: count, bytesEach: Call.smallestElementByteCount)
    let client = call.client
    var mark = call.markReply()
    client.reply.array(count)
    for number in 1...count {
      set.withRandomMember(using: &call.server.keyspace.random) { client.reply.bulk($0) }
      try call.reserveRest(&mark, after: number, of: count)
    }
  }

  /// Each member of a walk has the same chance: wanted ones by those not yet seen.
  private static func drawFromWalk(_ set: SetValue, _ count: Int, _ call: borrowing Call) {
    let client = call.client
    let keyspace = call.server.keyspace
    var rest = set.count
    var wanted = count
    set.forEach { member in
      if keyspace.random.next(below: rest) < wanted {
        wanted -= 1
        client.reply.bulk(member)
      }
      rest -= 1
      return wanted > 0
    }
  }

  /// Draws until there are enough different members of a large set.
  private static func drawDistinct(_ set: SetValue, _ count: Int, _ call: borrowing Call) {
    var drawn = Set<UInt64>(minimumCapacity: count)
    while drawn.count < count {
      guard let member = set.table.pointee.random(using: &call.server.keyspace.random) else {
        return
      }
      if drawn.insert(member.word).inserted { call.reply.bulk(member.bytes) }
    }
  }
}
