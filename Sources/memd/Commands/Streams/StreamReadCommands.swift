// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// XREAD and XREADGROUP: entries behind the ids that a client has seen, or waiting for some.
enum StreamReadCommands: CommandFamily {
  static let group = CommandGroup.stream

  private static let streamArguments = ArgumentSpec.block(
    "streams", [.key().repeated, .string("id").repeated]
  ).after("STREAMS")

  /// Entries of all streams together.
  private static let maxCountArgument =
    ArgumentSpec.integer("maxcount").after("MAXCOUNT").optional.since("8.10.0")

  /// Bytes of the reply.
  private static let maxSizeArgument =
    ArgumentSpec.integer("maxsize").after("MAXSIZE").optional.since("8.10.0")

  static let commands: [Command] = [
    Command(
      "xread", [.readonly, .blocking, .movableKeys],
      keys: [
        KeySpec(
          start: .keyword("STREAMS", from: 1), extent: .range(last: -1, step: 1, limit: 2),
          access: [.readOnly, .access])
      ],
      [
        .integer("count").after("COUNT").optional, maxCountArgument, maxSizeArgument,
        .integer("milliseconds").after("BLOCK").optional, streamArguments,
      ],
      since: "5.0.0", complexity: "O(log(M)+N) for N returned entries of streams with M blocks",
      summary: "Returns entries of streams behind given ids, or waits for some.",
      history: [
        ("7.4.0", "Takes `+` for the last entry."), ("8.10.0", "Takes `MAXCOUNT` and `MAXSIZE`."),
      ], handler: xread),
    Command(
      "xreadgroup", [.write, .blocking, .movableKeys],
      keys: [
        KeySpec(
          start: .keyword("STREAMS", from: 4), extent: .range(last: -1, step: 1, limit: 2),
          access: [.readOnly, .access])
      ],
      [
        .block("group_consumer", [.string("group"), .string("consumer")]).after("GROUP"),
        .integer("count").after("COUNT").optional, maxCountArgument, maxSizeArgument,
        .integer("milliseconds").after("BLOCK").optional,
        .integer("min-idle-time").after("CLAIM").optional.since("8.4.0"),
        .token("NOACK", "noack").optional, streamArguments,
      ],
      effect: .rewritten("XCLAIM for each entry, XGROUP SETID, XGROUP CREATECONSUMER"),
      since: "5.0.0",
      complexity: "O(log(M)+N) for N returned entries; CLAIM looks at all pending entries",
      summary: "Returns new entries of streams to a consumer of a group, or its pending ones.",
      history: [("8.4.0", "Takes `CLAIM`."), ("8.10.0", "Takes `MAXCOUNT` and `MAXSIZE`.")],
      handler: xreadgroup),
  ]

  // MARK: - XREAD

  static func xread(_ call: inout Call) throws(CommandError) {
    let request = try StreamReadRequest(call, name: "xread", readsGroup: false)
    let count = request.streamCount
    var starts: [StreamID] = []
    for number in 0..<count { starts.append(try start(of: number, request, call)) }
    var replyMark = call.markReply()
    let mark = call.reply.beginAggregate()
    var budget = StreamReadBudget(request, call)
    var served = 0
    for number in 0..<count where budget.allowsMore(call) {
      // A stream can be named many times.
      if number > 0 { try call.reserveRest(&replyMark, after: number, of: count) }
      let key = call.key(request.keyIndex(number))
      // Compatibility: the second look-up counts as hit or miss, too.
      guard let entry = call.database.read(key) else { continue }
      let stream = StreamValue(entry).stream
      guard let last = stream.lastEntryID, last > starts[number],
        let first = starts[number].successor
      else { continue }
      served += 1
      if call.reply.version == .resp2 { call.reply.array(2) }
      call.reply.bulk(key.bytes)
      replyEntries(stream.entries(from: first), request, &budget, call)
    }
    guard served == 0 else { return end(mark, count: served, call) }
    guard request.blocks else { return call.reply.nullArray() }
    var replacing: [(index: Int, bytes: [UInt8])] = []
    var scratch = StreamIDScratch()
    for number in 0..<count where call.isCharacter(request.idIndex(number), "$") {
      replacing.append((request.idIndex(number), scratch.write(starts[number]).copied))
    }
    call.block(
      keys: request.keyIndexes, type: .stream, timeoutMilliseconds: request.timeout,
      onTimeout: .nullArray, replacing: replacing)
  }

  /// Replies with the entries of one stream, as many as COUNT and the budget allow.
  private static func replyEntries(
    _ walk: consuming StreamEntries, _ request: StreamReadRequest,
    _ budget: inout StreamReadBudget, _ call: borrowing Call
  ) {
    let mark = call.reply.beginAggregate()
    var entries = walk
    var count = 0
    while request.count == 0 || count < request.count, budget.allowsMore(call),
      let entry = entries.next()
    {
      budget.take()
      call.reply.streamEntry(entry)
      count += 1
    }
    call.reply.endArray(mark, count: count)
  }

  /// The id behind which a client wants to read.
  private static func start(
    of number: Int, _ request: StreamReadRequest, _ call: borrowing Call
  ) throws(CommandError) -> StreamID {
    let stream = try call.database.stream(call.key(request.keyIndex(number)))
    let index = request.idIndex(number)
    if call.isCharacter(index, "$") { return stream?.lastID ?? .zero }
    if call.isCharacter(index, "+") { return stream?.lastEntryID?.predecessor ?? .zero }
    if call.isCharacter(index, ">") {
      throw CommandError(
        """
        ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
        <consumer> option.
        """)
    }
    return try call.streamID(index)
  }

  /// Ends a reply of several streams: a map, or in RESP2 an array of pairs.
  private static func end(_ mark: ReplyWriter.Mark, count: Int, _ call: borrowing Call) {
    if call.reply.version == .resp2 {
      call.reply.endArray(mark, count: count)
    } else {
      call.reply.endMap(mark, count: count)
    }
  }

  // MARK: - XREADGROUP

  static func xreadgroup(_ call: inout Call) throws(CommandError) {
    let request = try StreamReadRequest(call, name: "xreadgroup", readsGroup: true)
    let count = request.streamCount
    for number in 0..<count { try check(number, request, call) }
    if count > 1 { try reserveHistories(request, call) }
    let mark = call.reply.beginAggregate()
    var budget = StreamReadBudget(request, call)
    var served = 0
    for number in 0..<count where budget.allowsMore(call) {
      let key = call.key(request.keyIndex(number))
      guard let stream = try call.database.streamForClaiming(key),
        let group = stream.group(named: call.arguments[request.group])
      else { continue }
      let consumer = call.consumer(
        request.consumer, of: group, groupIndex: request.group,
        keyIndex: request.keyIndex(number))
      let reading = GroupReading(
        call: call, stream: stream.reading, group: group, consumer: consumer, request: request,
        keyIndex: request.keyIndex(number))
      let isNew = call.isCharacter(request.idIndex(number), ">")
      // Compatibility: the largest id means the same as `>`.
      let id = isNew ? .maximum : try call.streamID(request.idIndex(number))
      if id == .maximum, !reading.hasNew(call) { continue }
      if call.reply.version == .resp2 { call.reply.array(2) }
      call.reply.bulk(key.bytes)
      if let first = id.successor {
        reading.replyHistory(from: first, call, &budget)
      } else {
        reading.replyNew(call, &budget)
      }
      served += 1
      call.effects.countChanges(1)
    }
    guard served == 0 else { return end(mark, count: served, call) }
    guard request.blocks else { return call.reply.nullArray() }
    call.block(
      keys: request.keyIndexes, type: .stream, timeoutMilliseconds: request.timeout,
      onTimeout: .nullArray, wakesOnRemoval: true)
  }

  /// Looks at key, group and id before anything is done.
  private static func check(
    _ number: Int, _ request: StreamReadRequest, _ call: borrowing Call
  ) throws(CommandError) {
    let keyIndex = request.keyIndex(number)
    let stream = try call.database.stream(call.key(keyIndex))
    guard stream?.group(named: call.arguments[request.group]) != nil else {
      throw call.failure(
        """
        NOGROUP No such key '\(echo: call.arguments[keyIndex])' or consumer group \
        '\(echo: call.arguments[request.group])' in XREADGROUP with GROUP option
        """)
    }
    let index = request.idIndex(number)
    if call.isCharacter(index, "$") { throw meaningless("$", call) }
    if call.isCharacter(index, "+") { throw meaningless("+", call) }
    if !call.isCharacter(index, ">") { _ = try call.streamID(index) }
  }

  /// The history of one stream can be asked for many times. What has been delivered can't be taken
  /// back, so the reply is estimated beforehand.
  private static func reserveHistories(
    _ request: StreamReadRequest, _ call: borrowing Call
  ) throws(CommandError) {
    var bytes = 0
    for number in 0..<request.streamCount where !call.isCharacter(request.idIndex(number), ">") {
      guard let stream = try call.database.stream(call.key(request.keyIndex(number))),
        stream.length > 0,
        let consumer = stream.group(named: call.arguments[request.group])?
          .consumer(named: call.arguments[request.consumer])
      else { continue }
      let wanted = request.count > 0 ? request.count : Int.max
      // Each is told to followers as well.
      let entryByteCount = 200 + stream.allocatedSize(samples: 5) / stream.length
      bytes += min(wanted, consumer.pendingCount) * entryByteCount
    }
    try call.reserveReply(items: 1, bytesEach: bytes)
  }

  private static func meaningless(_ id: String, _ call: borrowing Call) -> CommandError {
    call.failure(
      """
      ERR The \(id) ID is meaningless in the context of XREADGROUP: you want to read the history \
      of this consumer by specifying a proper ID, or use the > ID to get new messages. The \(id) \
      ID would just return an empty result set.
      """)
  }
}

/// What a reading of several streams may still reply with: MAXCOUNT entries and MAXSIZE bytes, and
/// one entry in any case.
struct StreamReadBudget {
  private let maxCount: Int
  private let maxSize: Int
  /// Bytes in front of the reply.
  private let start: Int
  private var count = 0

  init(_ request: StreamReadRequest, _ call: borrowing Call) {
    maxCount = request.maxCount ?? .max
    maxSize = request.maxSize ?? .max
    start = call.reply.count
  }

  /// Whether one more entry may be given.
  func allowsMore(_ call: borrowing Call) -> Bool {
    count == 0 || count < maxCount && call.reply.count - start < maxSize
  }

  /// Counts an entry.
  mutating func take() { count += 1 }
}

/// What stands in front of the keys of XREAD and XREADGROUP, and where keys and ids are.
struct StreamReadRequest {
  /// COUNT; 0: all.
  private(set) var count = 0
  /// MAXCOUNT: entries of all streams together.
  private(set) var maxCount: Int?
  /// MAXSIZE: bytes of the reply.
  private(set) var maxSize: Int?
  /// BLOCK is there.
  private(set) var blocks = false
  /// Milliseconds; nil: for ever.
  private(set) var timeout: Int?
  /// NOACK
  private(set) var needsNoAcknowledgement = false
  /// CLAIM: pending entries are taken over that nobody has cared for so long; -1: none.
  private(set) var claimsIdle = -1
  /// The arguments that name group and consumer; 0: none.
  private(set) var group = 0
  private(set) var consumer = 0
  private var first = 0
  private(set) var streamCount = 0

  init(
    _ call: borrowing Call, name: StaticString, readsGroup: Bool
  ) throws(CommandError) {
    var index = 1
    let arguments = call.arguments
    while first == 0, index < arguments.count {
      let following = arguments.count - index - 1
      switch call.keyword(index) {
      case Keyword("block") where following > 0:
        index += 1
        blocks = true
        timeout = try call.timeout(milliseconds: index)
      case Keyword("count") where following > 0:
        index += 1
        count = max(0, try call.integer(index))
      case Keyword("maxcount") where following > 0:
        index += 1
        maxCount = try StreamReadRequest.bound("MAXCOUNT", index, call)
      case Keyword("maxsize") where following > 0:
        index += 1
        maxSize = try StreamReadRequest.bound("MAXSIZE", index, call)
      case Keyword("streams") where following > 0:
        first = index + 1
        try countStreams(call, name, readsGroup)
      case Keyword("group") where following >= 2:
        guard readsGroup else { throw StreamReadRequest.onlyForGroups("GROUP", call) }
        group = index + 1
        consumer = index + 2
        index += 2
      case Keyword("noack"):
        guard readsGroup else { throw StreamReadRequest.onlyForGroups("NOACK", call) }
        needsNoAcknowledgement = true
      case Keyword("claim") where following > 0 && readsGroup:
        index += 1
        claimsIdle = try call.integer(
          index, orThrow: CommandError("ERR min-idle-time is not an integer"))
        guard claimsIdle >= 0 else {
          throw CommandError("ERR min-idle-time must be a positive integer")
        }
      default: throw .syntax
      }
      index += 1
    }
    guard first > 0 else { throw .syntax }
    if let maxCount, count > maxCount {
      throw CommandError("ERR MAXCOUNT must be greater than or equal to COUNT")
    }
    if readsGroup, group == 0 { throw CommandError("ERR Missing GROUP option for XREADGROUP") }
  }

  /// A number of entries or bytes that a reply may have at most.
  private static func bound(
    _ name: StaticString, _ index: Int, _ call: borrowing Call
  ) throws(CommandError) -> Int {
    let value = try call.integer(index)
    guard value > 0 else { throw call.failure("ERR \(name) must be a positive integer") }
    return value
  }

  private mutating func countStreams(
    _ call: borrowing Call, _ name: StaticString, _ readsGroup: Bool
  ) throws(CommandError) {
    let words = call.arguments.count - first
    guard words & 1 == 0 else {
      throw call.failure(
        """
        ERR Unbalanced '\(name)' list of streams: for each stream key an ID or \
        '\(readsGroup ? ">" : "$")' must be specified.
        """)
    }
    streamCount = words / 2
  }

  private static func onlyForGroups(_ option: String, _ call: borrowing Call) -> CommandError {
    call.failure(
      "ERR The \(option) option is only supported by XREADGROUP. You called XREAD instead.")
  }

  /// The argument that is the key of a stream.
  func keyIndex(_ number: Int) -> Int { first + number }
  /// The argument that is the id for a stream.
  func idIndex(_ number: Int) -> Int { first + streamCount + number }
  /// The arguments that are keys.
  var keyIndexes: Range<Int> { first..<(first + streamCount) }
}
