// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands on the entries of streams: add, count, list, delete, trim.
///
/// Waiting for entries is in `StreamReadCommands`, consumer groups in `ConsumerGroupCommands` and
/// `PendingEntryCommands`, XINFO in `StreamIntrospection`.
enum StreamCommands: CommandFamily {
  static let group = CommandGroup.stream

  /// MAXLEN and MINID with what belongs to them.
  private static let trimArguments = ArgumentSpec.block(
    "trim",
    [
      .oneOf(
        "strategy", [.token("MAXLEN", "maxlen"), .token("MINID", "minid").since("6.2.0")]),
      .oneOf("operator", [.token("=", "equal"), .token("~", "approximately")]).optional,
      .string("threshold"), .integer("count").after("LIMIT").optional.since("6.2.0"),
    ])

  /// What becomes of references to deleted entries.
  static let policyArguments = ArgumentSpec.oneOf(
    "condition",
    [.token("KEEPREF", "keepref"), .token("DELREF", "delref"), .token("ACKED", "acked")]
  ).optional.since("8.2.0")

  /// Who adds an entry, and under which name.
  private static let producerArguments = ArgumentSpec.oneOf(
    "idmp",
    [
      .string("pid").after("IDMPAUTO"),
      .block("idmp", [.string("pid"), .string("iid")]).after("IDMP"),
    ]
  ).optional.since("8.6.0")

  /// The ids of XDELEX, XACKDEL and XNACK.
  static let idArguments = ArgumentSpec.block(
    "ids", [.integer("numids"), .string("id").repeated]
  ).after("IDS")

  static let commands: [Command] = [
    Command(
      "xadd", [.write, .denyOOM, .fast],
      keys: [
        .key(
          1, [.readWrite, .update],
          notes: "UPDATE instead of INSERT because of the optional trimming feature")
      ],
      [
        .key(), .token("NOMKSTREAM", "nomkstream").optional.since("6.2.0"), policyArguments,
        producerArguments, trimArguments.optional,
        .oneOf("id_or_auto", [.token("*", "auto_id"), .string("id")]),
        .block("field_value", [.string("field"), .string("value")]).repeated,
      ],
      tips: ["nondeterministic_output"], since: "5.0.0",
      complexity: "O(1), and O(N) for N entries that are trimmed",
      summary: "Appends an entry to a stream; creates the stream if needed.",
      history: [
        ("6.2.0", "Takes `NOMKSTREAM`, `MINID` and `LIMIT`."),
        ("7.0.0", "Takes ids of the form `<ms>-*`."),
        ("8.2.0", "Takes `KEEPREF`, `DELREF` and `ACKED`."),
        ("8.6.0", "Takes `IDMP` and `IDMPAUTO`."),
      ], handler: xadd),
    Command(
      "xlen", [.readonly, .fast], keys: [.key(1, .readOnly)], [.key()], since: "5.0.0",
      complexity: "O(1)", summary: "Returns the number of entries of a stream.", handler: xlen),
    Command(
      "xrange", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [.key(), .string("start"), .string("end"), .integer("count").after("COUNT").optional],
      since: "5.0.0", complexity: "O(log(M)+N) for N returned entries of a stream with M blocks",
      summary: "Returns the entries of a stream with ids in a range.",
      history: [("6.2.0", "Takes exclusive bounds.")], handler: xrange),
    Command(
      "xrevrange", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [.key(), .string("end"), .string("start"), .integer("count").after("COUNT").optional],
      since: "5.0.0", complexity: "O(log(M)+N) for N returned entries of a stream with M blocks",
      summary: "Returns the entries of a stream with ids in a range, the last first.",
      history: [("6.2.0", "Takes exclusive bounds.")], handler: xrevrange),
    Command(
      "xdel", [.write, .fast], keys: [.key(1, [.readWrite, .delete])],
      [.key(), .string("id").repeated], since: "5.0.0",
      complexity: "O(1) for each entry, however long the stream is",
      summary: "Deletes entries of a stream and returns how many there were.", handler: xdel),
    Command(
      "xdelex", [.write, .fast], keys: [.key(1, [.readWrite, .delete])],
      [.key(), policyArguments, idArguments], effect: .rewritten("XDEL, and XACK for each group"),
      since: "8.2.0", complexity: "O(1) for each entry, and O(groups) with DELREF or ACKED",
      summary: "Deletes entries of a stream and says what becomes of references to them.",
      handler: xdelex),
    Command(
      "xtrim", [.write], keys: [.key(1, [.readWrite, .delete])],
      [.key(), trimArguments, policyArguments], tips: ["nondeterministic_output"],
      since: "5.0.0", complexity: "O(N) for N removed entries; whole blocks go at once",
      summary: "Removes entries from the front of a stream.",
      history: [
        ("6.2.0", "Takes `MINID` and `LIMIT`."),
        ("8.2.0", "Takes `KEEPREF`, `DELREF` and `ACKED`."),
      ], handler: xtrim),
    Command(
      "xsetid", [.write, .denyOOM, .fast], keys: [.key(1, [.readWrite, .update])],
      [
        .key(), .string("last-id"),
        .integer("entries_added").after("ENTRIESADDED").optional.since("7.0.0"),
        .string("max_deleted_entry_id").after("MAXDELETEDID").optional.since("7.0.0"),
      ],
      since: "5.0.0", complexity: "O(1)",
      summary: "Sets what a stream knows about its past; for replication.",
      history: [("7.0.0", "Takes the number of added entries and the largest deleted id.")],
      handler: xsetid),
  ]

  // MARK: - XADD

  static func xadd(_ call: inout Call) throws(CommandError) {
    let options = try StreamTrimOptions(call, addsEntry: true)
    let first = options.idIndex + 1
    let textCount = call.arguments.count - first
    guard textCount >= 2, textCount & 1 == 0 else {
      throw CommandError("ERR wrong number of arguments for 'xadd' command")
    }
    if options.id == .complete(.zero) {
      throw CommandError("ERR The ID specified in XADD must be greater than 0-0")
    }
    let key = call.key(1)
    var stream = try call.database.streamForWriting(key)
    if stream == nil, options.keepsMissing { return call.reply.null() }
    let fields = RequestFields(arguments: call.arguments, first: first)
    let name = options.producer?.names(call, fields)
    let now = call.moment.milliseconds
    if let name, !call.client.flags.contains(.leader),
      let known = stream?.entry(named: name, now: now)
    {
      return call.reply.streamID(known)
    }
    let id = try nextID(options.id, after: stream?.reading.lastID ?? .zero, call)
    let isNew = stream == nil
    let target = stream ?? call.database.addStream(key)
    stream = target
    guard target.add(id, fields, limits: call.database.streamLimits) else {
      if isNew { _ = call.database.remove(key) }
      throw CommandError("ERR Elements are too large to be stored")
    }
    if let name { target.remember(name, as: id, now: now) }
    call.reply.streamID(id)
    call.changed(key, .streamAdd)
    let result = options.apply(to: target, in: call.database)
    if result.count > 0 { call.effects.notify(.streamTrim, key, in: call.database) }
    if options.isSentAsItCame, case .complete = options.id { return }
    propagateAdd(call, id, fields, name, options.exactTrim(of: target.reading, after: result))
    call.propagateDeletion(result, from: target.reading)
  }

  /// The id of an entry to be added.
  private static func nextID(
    _ form: StreamID.Form?, after last: StreamID, _ call: borrowing Call
  ) throws(CommandError) -> StreamID {
    guard last != .maximum else {
      throw CommandError(
        "ERR The stream has exhausted the last possible ID, unable to add more items")
    }
    let tooSmall = CommandError(
      "ERR The ID specified in XADD is equal or smaller than the target stream top item")
    switch form {
    case nil:
      let now = StreamID(UInt64(max(0, call.moment.milliseconds)), 0)
      return now.milliseconds > last.milliseconds ? now : last.successor ?? last
    case .complete(let id):
      guard id > last else { throw tooSmall }
      return id
    case .numbered(let milliseconds):
      let id = StreamID(milliseconds, 0)
      if milliseconds == last.milliseconds {
        guard last.sequence < .max, let next = last.successor else { throw tooSmall }
        return next
      }
      guard id > last else { throw tooSmall }
      return id
    }
  }

  /// Followers get the id that was chosen, and a trim that says exactly what is left.
  private static func propagateAdd(
    _ call: borrowing Call, _ id: StreamID, _ fields: RequestFields, _ name: ProducedName?,
    _ trim: StreamTrim?
  ) {
    let count = 2 + (name == nil ? 0 : 3) + (trim == nil ? 0 : 3) + fields.count
    call.effects.rewrite("XADD", argumentCount: count)
    call.effects.append(call.arguments[1])
    if let name {
      call.effects.append("IDMP")
      call.effects.append(name.producer.rawSpan)
      call.effects.append(name.entry.rawSpan)
    }
    if let trim { call.effects.append(trim) }
    call.effects.append(id)
    for index in 0..<fields.count { call.effects.append(fields.text(index)) }
  }

  // MARK: - XLEN

  static func xlen(_ call: inout Call) throws(CommandError) {
    call.reply.integer(try call.database.stream(call.key(1))?.length ?? 0)
  }

  // MARK: - XRANGE, XREVRANGE

  static func xrange(_ call: inout Call) throws(CommandError) {
    try range(call, first: 2, last: 3, reversed: false)
  }

  static func xrevrange(_ call: inout Call) throws(CommandError) {
    try range(call, first: 3, last: 2, reversed: true)
  }

  private static func range(
    _ call: borrowing Call, first: Int, last: Int, reversed: Bool
  ) throws(CommandError) {
    let firstID = try call.firstOfRange(first)
    let lastID = try call.lastOfRange(last)
    var limit = -1
    var cursor = ArgumentCursor(call.arguments, from: 4)
    while let keyword = cursor.keyword() {
      if case Keyword("count") = keyword, !cursor.isAtEnd {
        limit = max(0, cursor.integer())
      } else {
        cursor.fail(.syntax)
      }
    }
    try cursor.finish()
    guard let stream = try call.database.stream(call.key(1)) else { return call.reply.array(0) }
    // Compatibility: no entries asked for is no array, no entries found is an empty one.
    guard limit != 0 else { return call.reply.nullArray() }
    call.reply.streamEntries(
      stream.entries(from: firstID, through: lastID, reversed: reversed), limit: max(0, limit))
  }

  // MARK: - XDEL, XDELEX

  static func xdel(_ call: inout Call) throws(CommandError) {
    let key = call.key(1)
    guard let stream = try call.database.streamForWriting(key) else {
      return call.reply.integer(0)
    }
    for index in 2..<call.arguments.count { _ = try call.streamID(index) }
    var count = 0
    for index in 2..<call.arguments.count {
      let id = try call.streamID(index)
      if stream.delete(id) { count += 1 }
    }
    call.countDeleted(count, key)
    call.reply.integer(count)
  }

  static func xdelex(_ call: inout Call) throws(CommandError) {
    let list = try StreamIDList(call, from: 2)
    let key = call.key(1)
    guard let stream = try call.database.streamForWriting(key) else {
      return list.replyMissing(call)
    }
    for index in list.indices { _ = try call.streamID(index) }
    var result = StreamDeletion()
    call.reply.array(list.count)
    for index in list.indices {
      let id = try call.streamID(index)
      call.reply.integer(stream.delete(id, list.policy, &result).rawValue)
    }
    call.countDeleted(result.count, key)
    if result.count == 0 { call.effects.countChanges(result.references.count) }
    call.propagateDeletion(result, from: stream.reading)
  }

  // MARK: - XTRIM

  static func xtrim(_ call: inout Call) throws(CommandError) {
    let options = try StreamTrimOptions(call, addsEntry: false)
    let key = call.key(1)
    guard let stream = try call.database.streamForWriting(key) else {
      return call.reply.integer(0)
    }
    let result = options.apply(to: stream, in: call.database)
    call.reply.integer(result.count)
    guard result.count > 0 else { return }
    call.changed(key, .streamTrim, count: result.count)
    guard !options.isSentAsItCame else { return }
    if let trim = options.exactTrim(of: stream.reading, after: result) {
      call.effects.rewrite("XTRIM", argumentCount: 4)
      call.effects.append(key.bytes)
      call.effects.append(trim)
    }
    call.propagateDeletion(result, from: stream.reading)
  }

  // MARK: - XSETID

  static func xsetid(_ call: inout Call) throws(CommandError) {
    let id = try call.streamID(2)
    var entriesAdded: Int?
    var maxDeleted = StreamID.zero
    var index = 3
    while index < call.arguments.count {
      let name = FoldedName(folding: call.arguments[index])
      guard index + 1 < call.arguments.count else { throw .syntax }
      switch name {
      case FoldedName("entriesadded"):
        let count = try call.integer(index + 1)
        guard count >= 0 else { throw CommandError("ERR entries_added must be positive") }
        entriesAdded = count
      case FoldedName("maxdeletedid"):
        maxDeleted = try call.streamID(index + 1)
        guard id >= maxDeleted else {
          throw CommandError(
            """
            ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id
            """)
        }
      default: throw .syntax
      }
      index += 2
    }
    let key = call.key(1)
    guard let stream = try call.database.streamForWriting(key) else { throw .noSuchKey }
    try check(id, entriesAdded, stream.reading)
    stream.setLastID(id)
    stream.producers?.lastIDChanged(to: id)
    if let entriesAdded {
      stream.entriesAdded = UInt64(entriesAdded)
      for index in 0..<stream.reading.groupCount {
        let group = stream.group(at: index)
        group.entriesRead = stream.reading.possibleEntriesRead(group.entriesRead)
      }
    }
    if maxDeleted != .zero { stream.maxDeletedID = maxDeleted }
    call.effects.countChanges(1)
    call.effects.notify(.streamSetID, key, in: call.database)
    call.reply.ok()
  }

  private static func check(
    _ id: StreamID, _ entriesAdded: Int?, _ stream: Stream
  ) throws(CommandError) {
    if let last = stream.lastEntryID, id < last {
      throw CommandError(
        "ERR The ID specified in XSETID is smaller than the target stream top item")
    }
    guard id >= stream.maxDeletedID else {
      throw CommandError(
        "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id")
    }
    if let entriesAdded, stream.length > entriesAdded {
      throw CommandError(
        "ERR The entries_added specified in XSETID is smaller than the target stream length")
    }
  }
}
