// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// XPENDING, XCLAIM and XAUTOCLAIM: entries that were delivered and not acknowledged.
enum PendingEntryCommands: CommandFamily {
  static let group = CommandGroup.stream

  static let commands: [Command] = [
    Command(
      "xpending", [.readonly], keys: [.key(1, [.readOnly, .access])],
      [
        .key(), .string("group"),
        .block(
          "filters",
          [
            .integer("min-idle-time").after("IDLE").optional.since("6.2.0"), .string("start"),
            .string("end"), .integer("count"), .string("consumer").optional,
          ]
        ).optional,
      ],
      tips: ["nondeterministic_output"], since: "5.0.0",
      complexity: "O(log(N)+M) for M returned entries; with IDLE for M entries looked at",
      summary: "Returns which entries of a group are pending, or how many.",
      history: [("6.2.0", "Takes `IDLE` and exclusive bounds.")], handler: xpending),
    Command(
      "xclaim", [.write, .fast], keys: [.key(1, [.readWrite, .update])],
      [
        .key(), .string("group"), .string("consumer"), .string("min-idle-time"),
        .string("id").repeated, .integer("ms").after("IDLE").optional,
        .unixTime("unix-time-milliseconds").after("TIME").optional,
        .integer("count").after("RETRYCOUNT").optional, .token("FORCE", "force").optional,
        .token("JUSTID", "justid").optional, .string("id").after("LASTID").optional,
      ],
      effect: .rewritten("XCLAIM with time, count and last id, XGROUP SETID"),
      tips: ["nondeterministic_output"], since: "5.0.0",
      complexity: "O(log(N)) for each id, with N pending entries",
      summary: "Gives pending entries to another consumer of their group.", handler: xclaim),
    Command(
      "xautoclaim", [.write, .fast], keys: [.key(1, [.readWrite, .delete])],
      [
        .key(), .string("group"), .string("consumer"), .string("min-idle-time"),
        .string("start"), .integer("count").after("COUNT").optional,
        .token("JUSTID", "justid").optional,
      ],
      effect: .rewritten("XCLAIM for each entry"), tips: ["nondeterministic_output"],
      since: "6.2.0", complexity: "O(COUNT)",
      summary: "Gives pending entries that nobody cared for to another consumer.",
      history: [("7.0.0", "Replies with the ids of deleted entries, too.")],
      handler: xautoclaim),
  ]

  /// The group that a request names in its second argument, to be read.
  private static func group(_ call: borrowing Call) throws(CommandError) -> ConsumerGroup {
    let stream = try call.database.stream(call.key(1))
    guard let group = stream?.group(named: call.arguments[2]) else { throw call.noGroup(1, 2) }
    return group
  }

  // MARK: - XPENDING

  static func xpending(_ call: inout Call) throws(CommandError) {
    let count = call.arguments.count
    guard count == 3 || (6...9).contains(count) else { throw .syntax }
    guard count > 3 else {
      return replySummary(try group(call), call)
    }
    var start = 3
    var minimumIdle = 0
    if case Keyword("idle") = call.keyword(3) {
      minimumIdle = try call.integer(4)
      guard count >= 8 else { throw .syntax }
      start = 5
    }
    let limit = max(0, try call.integer(start + 2))
    let first = try call.firstOfRange(start)
    let last = try call.lastOfRange(start + 1)
    let group = try group(call)
    var consumer: Consumer?
    if start + 3 < count {
      consumer = group.consumer(named: call.arguments[start + 3])
      if consumer == nil { return call.reply.array(0) }
    }
    replyEntries(group, consumer, first...max(first, last), limit, minimumIdle, call, last)
  }

  private static func replySummary(_ group: ConsumerGroup, _ call: borrowing Call) {
    call.reply.array(4)
    call.reply.integer(group.pendingCount)
    guard let first = group.firstPending(from: .zero), let last = group.lastPending else {
      call.reply.null()
      call.reply.null()
      return call.reply.nullArray()
    }
    call.reply.streamID(first.id)
    call.reply.streamID(last.id)
    let mark = call.reply.beginAggregate()
    var count = 0
    for index in 0..<group.consumerCount {
      let consumer = group.consumer(at: index)
      guard consumer.pendingCount > 0 else { continue }
      call.reply.array(2)
      call.reply.bulk(consumer.name)
      call.reply.bulk(integer: consumer.pendingCount)
      count += 1
    }
    call.reply.endArray(mark, count: count)
  }

  private static func replyEntries(
    _ group: ConsumerGroup, _ consumer: Consumer?, _ range: ClosedRange<StreamID>, _ limit: Int,
    _ minimumIdle: Int, _ call: borrowing Call, _ last: StreamID
  ) {
    let mark = call.reply.beginAggregate()
    let now = call.moment.milliseconds
    var count = 0
    var next: StreamID? = range.lowerBound <= last ? range.lowerBound : nil
    while count < limit, let id = next {
      let found = consumer?.firstPending(from: id).flatMap { group.pending($0) }
      guard let entry = consumer == nil ? group.firstPending(from: id) : found,
        entry.id <= last
      else { break }
      next = entry.id.successor
      let idle = now - entry.deliveryTime
      if minimumIdle != 0, idle < minimumIdle { continue }
      count += 1
      call.reply.array(4)
      call.reply.streamID(entry.id)
      call.reply.consumerName(of: entry)
      call.reply.integer(entry.consumer == nil ? -1 : Int(max(0, idle)))
      call.reply.integer(entry.deliveryCount)
    }
    call.reply.endArray(mark, count: count)
  }

  // MARK: - XCLAIM

  static func xclaim(_ call: inout Call) throws(CommandError) {
    guard let stream = try call.database.streamForClaiming(call.key(1)),
      let group = stream.group(named: call.arguments[2])
    else { throw call.noGroup(1, 2) }
    let options = try ClaimOptions(call)
    if options.endOfIDs > 6, !options.repliesWithIDs { try reserve(stream.reading, options, call) }
    var sendsLastID = false
    if options.lastID > group.lastID {
      group.lastID = options.lastID
      sendsLastID = true
    }
    let consumer = call.consumer(3, of: group, groupIndex: 2, keyIndex: 1)
    let mark = call.reply.beginAggregate()
    var count = 0
    for index in 5..<options.endOfIDs {
      let id = try call.streamID(index)
      guard let entry = stream.reading.entry(id) else {
        guard group.reading.pending(id) != nil else { continue }
        // What is no longer in the stream can't be worked on: it goes here and at followers.
        if call.propagateForgetting(id, of: group.reading, keyIndex: 1, groupIndex: 2) {
          sendsLastID = false
        }
        call.effects.countChanges(1)
        group.acknowledge(id)
        continue
      }
      guard claim(entry, group, consumer, options, call) else { continue }
      sendsLastID = false
      count += 1
    }
    if sendsLastID {
      call.propagateGroupID(of: group.reading, keyIndex: 1, groupIndex: 2)
      call.effects.countChanges(1)
    }
    call.reply.endArray(mark, count: count)
  }

  /// An id can be given many times. What has been claimed can't be taken back, so the entries are
  /// added up beforehand.
  private static func reserve(
    _ stream: Stream, _ options: ClaimOptions, _ call: borrowing Call
  ) throws(CommandError) {
    var bytes = 0
    var scratch = DecimalScratch()
    for index in 5..<options.endOfIDs {
      guard var texts = stream.entry(try call.streamID(index))?.texts else { continue }
      while let text = texts.next(&scratch) { bytes += text.byteCount }
    }
    try call.reserveReply(items: 1, bytesEach: bytes)
  }

  /// Gives one entry to the consumer; false if it is not pending, or not for long enough.
  private static func claim(
    _ entry: StreamEntry, _ group: WritableConsumerGroup, _ consumer: Consumer,
    _ options: ClaimOptions, _ call: borrowing Call
  ) -> Bool {
    let now = call.moment.milliseconds
    var deliveries = 1
    if let pending = group.reading.pending(entry.id) {
      if !pending.isIdle(for: options.minimumIdle, at: now) { return false }
      deliveries = pending.deliveryCount
    } else if !options.isForced {
      return false
    }
    if let count = options.deliveryCount {
      deliveries = count
    } else if !options.repliesWithIDs {
      if deliveries < .max { deliveries += 1 }
    }
    group.deliver(entry.id, to: consumer, time: options.deliveryTime, count: deliveries)
    group.note(consumer, activeAt: now)
    if options.repliesWithIDs {
      call.reply.streamID(entry.id)
    } else {
      call.reply.streamEntry(entry)
    }
    call.propagateClaim(entry.id, of: group.reading, keyIndex: 1, groupIndex: 2)
    call.effects.countChanges(1)
    return true
  }

  // MARK: - XAUTOCLAIM

  static func xautoclaim(_ call: inout Call) throws(CommandError) {
    // Compatibility: the key is looked up, and counted, before the rest is looked at.
    let entry = call.database.read(call.key(1))
    let minimumIdle = max(
      0,
      try call.integer(
        4, orThrow: CommandError("ERR Invalid min-idle-time argument for XAUTOCLAIM")))
    let first = try call.firstOfRange(5)
    var limit = 100
    var repliesWithIDs = false
    var cursor = ArgumentCursor(call.arguments, from: 6)
    while let keyword = cursor.keyword() {
      switch keyword {
      case Keyword("count") where !cursor.isAtEnd:
        let wrong = CommandError("ERR COUNT must be > 0")
        limit = cursor.integer(orFail: wrong)
        if limit < 1 || limit > Int.max / 16 { cursor.fail(wrong) }
      case Keyword("justid"): repliesWithIDs = true
      default: cursor.fail(.syntax)
      }
    }
    try cursor.finish()
    guard let stream = try call.database.streamForClaiming(of: entry),
      let group = stream.group(named: call.arguments[2])
    else { throw call.noGroup(1, 2) }
    let consumer = call.consumer(3, of: group, groupIndex: 2, keyIndex: 1)
    let reply = AutomaticClaim(
      stream: stream.reading, group: group, consumer: consumer, minimumIdle: minimumIdle,
      repliesWithIDs: repliesWithIDs)
    reply.run(from: first, limit: limit, call)
  }
}

extension PendingEntry {
  /// Whether nobody has cared for the entry for so many milliseconds; nobody does for one that was
  /// given back.
  func isIdle(for milliseconds: Int, at now: Int64) -> Bool {
    consumer == nil || milliseconds <= 0 || now - deliveryTime >= milliseconds
  }
}

/// What XCLAIM says behind the minimal idle time: ids, then options.
private struct ClaimOptions {
  private(set) var minimumIdle: Int
  /// Behind the last id.
  private(set) var endOfIDs = 5
  /// Milliseconds since 1970.
  private(set) var deliveryTime: Int64
  /// RETRYCOUNT
  private(set) var deliveryCount: Int?
  /// FORCE
  private(set) var isForced = false
  /// JUSTID
  private(set) var repliesWithIDs = false
  /// LASTID
  private(set) var lastID = StreamID.zero

  init(_ call: borrowing Call) throws(CommandError) {
    minimumIdle = max(
      0,
      try call.integer(
        4, orThrow: CommandError("ERR Invalid min-idle-time argument for XCLAIM")))
    let now = call.moment.milliseconds
    deliveryTime = now
    let arguments = call.arguments
    while endOfIDs < arguments.count,
      StreamID.parse(arguments[endOfIDs], missing: 0) != nil
    {
      endOfIDs += 1
    }
    var index = endOfIDs
    while index < arguments.count {
      let hasValue = index + 1 < arguments.count
      let name = FoldedName(folding: arguments[index])
      switch name {
      case FoldedName("force"): isForced = true
      case FoldedName("justid"): repliesWithIDs = true
      case FoldedName("idle") where hasValue:
        index += 1
        let idle = try call.integer(
          index, orThrow: CommandError("ERR Invalid IDLE option argument for XCLAIM"))
        deliveryTime = now &- Int64(idle)
      case FoldedName("time") where hasValue:
        index += 1
        deliveryTime = Int64(
          try call.integer(
            index, orThrow: CommandError("ERR Invalid TIME option argument for XCLAIM")))
      case FoldedName("retrycount") where hasValue:
        index += 1
        let count = try call.integer(
          index, orThrow: CommandError("ERR Invalid RETRYCOUNT option argument for XCLAIM"))
        deliveryCount = count >= 0 ? count : nil
      case FoldedName("lastid") where hasValue:
        index += 1
        lastID = try call.streamID(index)
      default:
        throw call.failure("ERR Unrecognized XCLAIM option '\(echo: arguments[index])'")
      }
      index += 1
    }
    // Who computes times by another clock gets the present, not an error; but the leader's counts.
    let isLater = deliveryTime > now && !call.client.flags.contains(.leader)
    if deliveryTime < 0 || isLater { deliveryTime = now }
  }
}

/// XAUTOCLAIM's walk through the pending entries.
private struct AutomaticClaim {
  let stream: Stream
  let group: WritableConsumerGroup
  let consumer: Consumer
  let minimumIdle: Int
  let repliesWithIDs: Bool

  /// So many pending entries are looked at for each that may be claimed.
  private static let attemptsPerEntry = 10

  /// Claims at most `limit` entries and replies with where to go on, the entries, and the ids of
  /// those that are no longer in the stream.
  func run(from first: StreamID, limit: Int, _ call: borrowing Call) {
    var claimed: [StreamID] = []
    var deleted: [StreamID] = []
    var attempts = limit * AutomaticClaim.attemptsPerEntry
    var next: StreamID? = first
    while attempts > 0, claimed.count + deleted.count < limit, let id = next,
      let pending = group.reading.firstPending(from: id)
    {
      attempts -= 1
      next = pending.id.successor
      guard stream.entry(pending.id) != nil else {
        call.propagateForgetting(pending.id, of: group.reading, keyIndex: 1, groupIndex: 2)
        call.effects.countChanges(1)
        group.acknowledge(pending.id)
        deleted.append(pending.id)
        continue
      }
      if !pending.isIdle(for: minimumIdle, at: call.moment.milliseconds) { continue }
      claim(pending, call)
      claimed.append(pending.id)
    }
    call.reply.array(3)
    call.reply.streamID(next.flatMap { group.reading.firstPending(from: $0)?.id } ?? .zero)
    call.reply.array(claimed.count)
    for id in claimed { reply(id, call) }
    call.reply.array(deleted.count)
    for id in deleted { call.reply.streamID(id) }
  }

  private func claim(_ pending: PendingEntry, _ call: borrowing Call) {
    let now = call.moment.milliseconds
    let deliveries = repliesWithIDs ? pending.deliveryCount : pending.nextDeliveryCount
    group.deliver(pending.id, to: consumer, time: now, count: deliveries)
    group.note(consumer, activeAt: now)
    call.propagateClaim(pending.id, of: group.reading, keyIndex: 1, groupIndex: 2)
    call.effects.countChanges(1)
  }

  private func reply(_ id: StreamID, _ call: borrowing Call) {
    if !repliesWithIDs, let entry = stream.entry(id) {
      call.reply.streamEntry(entry)
    } else {
      call.reply.streamID(id)
    }
  }
}
