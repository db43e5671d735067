// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands on the members of one set, and moving one to another.
///
/// Random members are in `RandomMemberCommands`, intersections and the like in
/// `SetOperationCommands`.
enum SetCommands: CommandFamily {
  static let group = CommandGroup.set

  static let commands: [Command] = [
    Command(
      "sadd", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .insert])],
      [.key(), .string("member").repeated], since: "1.0.0", complexity: "O(1) per member",
      summary: "Adds members to a set; creates the key if needed.",
      history: [("2.4.0", "Takes several members.")], handler: sadd),
    Command(
      "srem", [.write, .fast], keys: [.key(1, [.readWrite, .delete])],
      [.key(), .string("member").repeated], since: "1.0.0", complexity: "O(1) per member",
      summary: "Removes members from a set; deletes the key with the last one.",
      history: [("2.4.0", "Takes several members.")], handler: srem),
    Command(
      "scard", [.readonly, .fast], keys: [.key(1, .readOnly)], [.key()], since: "1.0.0",
      complexity: "O(1)", summary: "Returns the number of members of a set.", handler: scard),
    Command(
      "sismember", [.readonly, .fast], keys: [.key(1, .readOnly)],
      [.key(), .string("member"), .token("XX", "xx").since("9.2.0").optional], since: "1.0.0",
      complexity: "O(1)", summary: "Tells whether a set has a member.",
      history: [("9.2.0", "Takes `XX`.")], handler: sismember),
    Command(
      "smismember", [.readonly, .fast], keys: [.key(1, [.readOnly, .access])],
      [.key(), .string("member").repeated], since: "6.2.0", complexity: "O(1) per member",
      summary: "Tells of several members whether a set has them.", handler: smismember),
    Command(
      "smembers", [.readonly], keys: [.key(1, [.readOnly, .access])], [.key()],
      tips: ["nondeterministic_output_order"], since: "1.0.0",
      complexity: "O(N) for N members", summary: "Returns all members of a set.",
      handler: smembers),
    Command(
      "smove", [.write, .fast],
      keys: [.key(1, [.readWrite, .access, .delete]), .key(2, [.readWrite, .insert])],
      [.key("source"), .key("destination", spec: 1), .string("member")], since: "1.0.0",
      complexity: "O(1)", summary: "Moves a member from one set to another.", handler: smove),
    Command(
      "sscan", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [
        .key(), .integer("cursor"), .pattern("pattern").after("MATCH").optional,
        .integer("count").after("COUNT").optional,
      ],
      tips: ["nondeterministic_output"], since: "2.8.0",
      complexity: "O(1) per call, O(N) for a complete iteration over N members",
      summary: "Iterates over the members of a set, a few per call.", handler: sscan),
  ]

  // MARK: - SADD

  static func sadd(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    let count = call.arguments.count - 2
    var set: SetEditor
    if let entry = try call.database.collectionForWriting(key, .set) {
      set = SetEditor(entry, hash: key.hash, in: call.database)
      set.prepare(forAdding: count)
    } else {
      set = SetEditor(new: key, first: call.arguments[2], count: count, in: call.database)
    }
    var added = 0
    for index in 2..<call.arguments.count {
      prefetch(from: index, set.value, call)
      if set.add(call.arguments[index], hash: call.arguments.hash(at: index)) { added += 1 }
    }
    if added > 0 {
      call.changed(key, .setAdd, count: added)
    }
    call.reply.integer(added)
  }

  /// Members whose places in memory are asked for together.
  private static var batchCount: Int { 32 }

  /// Starts loading what looking for the next members will touch, at the start of every batch.
  @inline(__always)
  private static func prefetch(from index: Int, _ set: SetValue, _ call: borrowing Call) {
    guard (index - 2) % batchCount == 0, call.arguments.count > 3, set.form == .table else {
      return
    }
    prefetchBatch(index..<min(index + batchCount, call.arguments.count), set, call)
  }

  @inline(never)
  private static func prefetchBatch(
    _ range: Range<Int>, _ set: SetValue, _ call: borrowing Call
  ) {
    let table = set.table
    for index in range { table.pointee.prefetchBucket(call.key(index).hash) }
    for index in range {
      let hash = call.key(index).hash
      HashTable<SetMember>.prefetchEntries(hash, in: table.pointee.prefetchBucket(hash))
    }
    for index in range {
      let hash = call.key(index).hash
      HashTable<SetMember>.prefetchChildEntries(hash, in: table.pointee.prefetchBucket(hash))
    }
  }

  // MARK: - SREM

  static func srem(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    guard let entry = try call.database.collectionForWriting(key, .set) else {
      return call.reply.integer(0)
    }
    var set = SetEditor(entry, hash: key.hash, in: call.database)
    var removed = 0
    var rest = set.count
    for index in 2..<call.arguments.count where rest > 0 {
      prefetch(from: index, set.value, call)
      if set.remove(call.arguments[index], hash: call.arguments.hash(at: index)) {
        removed += 1
        rest -= 1
      }
    }
    if removed > 0 {
      call.changed(key, .setRemove, count: removed)
      if rest == 0 { call.removeEmptied(key) }
    }
    call.reply.integer(removed)
  }

  // MARK: - SCARD

  static func scard(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    let entry = try call.database.collection(key, .set)
    call.reply.integer(entry.map { SetValue($0).count } ?? 0)
  }

  // MARK: - SISMEMBER

  static func sismember(_ call: inout Call) throws(CommandError) {
    let count = call.arguments.count
    guard count == 3 || (count == 4 && call.keyword(3) == Keyword("xx")) else { throw .syntax }
    let key = call.key(1)
    guard let entry = try call.database.collection(key, .set) else {
      // With XX a missing set differs from a missing member.
      return call.reply.integer(count == 4 ? -1 : 0)
    }
    let isMember = SetValue(entry).contains(
      call.arguments[2], hash: call.arguments.hash(at: 2), seed: call.database.seed)
    call.reply.integer(isMember ? 1 : 0)
  }

  // MARK: - SMISMEMBER

  static func smismember(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    let entry = try call.database.collection(key, .set)
    call.reply.array(call.arguments.count - 2)
    for index in 2..<call.arguments.count {
      guard let entry else {
        call.reply.integer(0)
        continue
      }
      let set = SetValue(entry)
      prefetch(from: index, set, call)
      let isMember = set.contains(
        call.arguments[index], hash: call.arguments.hash(at: index), seed: call.database.seed)
      call.reply.integer(isMember ? 1 : 0)
    }
  }

  // MARK: - SMEMBERS

  static func smembers(_ call: inout Call) throws(CommandError) {
    guard let entry = try call.database.collection(call.key(1), .set) else {
      return call.reply.set(0)
    }
    let set = SetValue(entry)
    let client = call.client
    client.reply.set(set.count)
    set.forEach {
      client.reply.bulk($0)
      return true
    }
  }

  // MARK: - SMOVE

  static func smove(_ call: inout Call) throws(CommandError) {
    let source = call.key(1)
    let target = call.key(2)
    let member = call.arguments[3]
    let from = call.database.write(source)
    let to = call.database.write(target)
    guard let from else { return call.reply.integer(0) }
    guard from.header.type == .set, to.map({ $0.header.type == .set }) ?? true else {
      throw .wrongType
    }
    if let to, to.entry.word == from.entry.word {
      let isMember = SetValue(from).contains(member, seed: call.database.seed)
      return call.reply.integer(isMember ? 1 : 0)
    }
    var set = SetEditor(from, hash: source.hash, in: call.database)
    guard set.remove(member) else { return call.reply.integer(0) }
    call.changed(source, .setRemove)
    if set.count == 0 { call.removeEmptied(source) }
    var other =
      if let to {
        SetEditor(to, hash: target.hash, in: call.database)
      } else {
        SetEditor(new: target, first: member, count: 1, in: call.database)
      }
    if other.add(member) { call.changed(target, .setAdd) }
    call.reply.integer(1)
  }

  // MARK: - SSCAN

  static func sscan(_ call: inout Call) throws(CommandError) {
    guard var cursor = ScanCursor.parse(call.arguments[2]) else {
      throw CommandError("ERR invalid cursor")
    }
    guard let entry = try call.database.collection(call.key(1), .set) else {
      call.reply.array(2)
      call.reply.bulk("0")
      return call.reply.array(0)
    }
    let options = try MemberScanOptions(call, from: 3)
    let set = SetValue(entry)
    guard set.form == .table else { return replyAll(set, options, call) }
    var found: [SetMember] = []
    var bucketsLeft =
      options.count.multipliedReportingOverflow(by: 10).overflow
      ? Int.max : options.count * 10
    var seen = 0
    repeat {
      cursor = set.table.pointee.scan(cursor) { member in
        seen += 1
        if options.accepts(member.bytes) { found.append(member) }
      }
      bucketsLeft -= 1
    } while cursor != 0 && bucketsLeft > 0 && seen < options.count
    call.reply.array(2)
    call.reply.bulk(integer: Int(truncatingIfNeeded: cursor))
    call.reply.array(found.count)
    for member in found { call.reply.bulk(member.bytes) }
  }

  /// A set that is no table is returned as a whole: it is small, and positions in it move.
  private static func replyAll(
    _ set: SetValue, _ options: MemberScanOptions, _ call: borrowing Call
  ) {
    let client = call.client
    client.reply.array(2)
    client.reply.bulk("0")
    let mark = client.reply.beginAggregate()
    var count = 0
    set.forEach {
      guard options.accepts($0) else { return true }
      client.reply.bulk($0)
      count += 1
      return true
    }
    client.reply.endArray(mark, count: count)
  }
}

/// What follows the cursor of SSCAN.
private struct MemberScanOptions {
  private(set) var count = 10
  private let arguments: Arguments
  /// Where the pattern stands; 0 if every member matches.
  private var patternIndex = 0

  init(_ call: borrowing Call, from first: Int) throws(CommandError) {
    arguments = call.arguments
    var index = first
    while index < call.arguments.count {
      guard index + 1 < call.arguments.count else { throw .syntax }
      switch call.keyword(index) {
      case Keyword("count"):
        count = try call.integer(index + 1)
        if count < 1 { throw .syntax }
      case Keyword("match"):
        let pattern = call.arguments[index + 1]
        // A single star also matches the empty member, which the general rules deny.
        let isStar = pattern.byteCount == 1 && pattern.byte(0) == UInt8(ascii: "*")
        patternIndex = isStar ? 0 : index + 1
      default: throw .syntax
      }
      index += 2
    }
  }

  func accepts(_ member: RawSpan) -> Bool {
    patternIndex == 0 || GlobPattern.matches(pattern: arguments[patternIndex], text: member)
  }
}

/// Keyspace events that only commands on sets send.
extension KeyEvent {
  static var setAdd: KeyEvent { KeyEvent("sadd", .set) }
  static var setRemove: KeyEvent { KeyEvent("srem", .set) }
  static var setPop: KeyEvent { KeyEvent("spop", .set) }
  static var intersectionStore: KeyEvent { KeyEvent("sinterstore", .set) }
  static var unionStore: KeyEvent { KeyEvent("sunionstore", .set) }
  static var differenceStore: KeyEvent { KeyEvent("sdiffstore", .set) }
}
