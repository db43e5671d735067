// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// One stream that a consumer reads with XREADGROUP.
struct GroupReading {
  private let stream: Stream
  private let group: WritableConsumerGroup
  private let consumer: Consumer
  /// COUNT; 0: all.
  private let limit: Int
  private let needsNoAcknowledgement: Bool
  /// CLAIM's milliseconds; -1: without.
  private let claimsIdle: Int
  private let keyIndex: Int
  private let groupIndex: Int

  init(
    call: borrowing Call, stream: Stream, group: WritableConsumerGroup, consumer: Consumer,
    request: StreamReadRequest, keyIndex: Int
  ) {
    self.stream = stream
    self.group = group
    self.consumer = consumer
    limit = request.count
    needsNoAcknowledgement = request.needsNoAcknowledgement
    claimsIdle = request.claimsIdle
    self.keyIndex = keyIndex
    groupIndex = request.group
  }

  /// Whether there is an entry for a consumer that asks for new ones.
  func hasNew(_ call: borrowing Call) -> Bool {
    if let last = stream.lastEntryID, last > group.lastID { return true }
    return claimsIdle >= 0 && nextIdle(from: .zero, call) != nil
  }

  /// Whether one more entry may follow the `count` that were given of this stream.
  private func allows(
    _ count: Int, _ budget: StreamReadBudget, _ call: borrowing Call
  ) -> Bool {
    (limit == 0 || count < limit) && budget.allowsMore(call)
  }

  // MARK: - New entries

  /// Replies with entries that the group has not read yet, behind those that are taken over.
  func replyNew(_ call: borrowing Call, _ budget: inout StreamReadBudget) {
    let mark = call.reply.beginAggregate()
    var count = claimsIdle >= 0 ? replyClaimable(call, &budget) : 0
    var hasAdvanced = false
    if let first = group.lastID.successor {
      var entries = stream.entries(from: first)
      while allows(count, budget, call), let entry = entries.next() {
        budget.take()
        group.advance(to: entry.id, in: stream)
        hasAdvanced = true
        if claimsIdle >= 0 {
          call.reply.array(4)
          call.reply.streamFields(of: entry)
          call.reply.integer(0)
          call.reply.integer(0)
        } else {
          call.reply.streamEntry(entry)
        }
        if !needsNoAcknowledgement { deliver(entry.id, count: 1, call) }
        count += 1
      }
    }
    call.reply.endArray(mark, count: count)
    if hasAdvanced {
      call.propagateGroupID(of: group.reading, keyIndex: keyIndex, groupIndex: groupIndex)
    }
  }

  private func deliver(_ id: StreamID, count: Int, _ call: borrowing Call) {
    let now = call.moment.milliseconds
    group.deliver(id, to: consumer, time: now, count: count)
    group.note(consumer, activeAt: now)
    call.propagateClaim(id, of: group.reading, keyIndex: keyIndex, groupIndex: groupIndex)
  }

  // MARK: - Entries that are taken over

  /// The next pending entry that still exists and that nobody has cared for long enough.
  private func nextIdle(from first: StreamID, _ call: borrowing Call) -> PendingEntry? {
    var next: StreamID? = first
    while let id = next, let pending = group.reading.firstPending(from: id) {
      let isIdle = pending.isIdle(for: claimsIdle, at: call.moment.milliseconds)
      if isIdle, stream.entry(pending.id) != nil { return pending }
      next = pending.id.successor
    }
    return nil
  }

  /// Replies with pending entries that become this consumer's, those first that were given back to
  /// the group; returns how many.
  private func replyClaimable(_ call: borrowing Call, _ budget: inout StreamReadBudget) -> Int {
    var count = 0
    // Only where no time need have passed would the walk below meet them again.
    var taken: Set<StreamID> = []
    var place = group.reading.released()
    while let current = place, allows(count, budget, call) {
      place = group.reading.released(after: current)
      guard let pending = group.reading.pending(current.id), let entry = stream.entry(current.id)
      else {
        continue
      }
      replyClaimed(pending, entry, call, &budget)
      if claimsIdle == 0 { taken.insert(current.id) }
      count += 1
    }
    var next: StreamID? = .zero
    while allows(count, budget, call), let id = next, let pending = nextIdle(from: id, call),
      let entry = stream.entry(pending.id)
    {
      next = pending.id.successor
      if taken.contains(pending.id) { continue }
      replyClaimed(pending, entry, call, &budget)
      count += 1
    }
    return count
  }

  private func replyClaimed(
    _ pending: PendingEntry, _ entry: StreamEntry, _ call: borrowing Call,
    _ budget: inout StreamReadBudget
  ) {
    budget.take()
    call.reply.array(4)
    call.reply.streamFields(of: entry)
    call.reply.integer(Int(max(0, call.moment.milliseconds - pending.deliveryTime)))
    call.reply.integer(pending.deliveryCount)
    deliver(pending.id, count: pending.nextDeliveryCount, call)
  }

  // MARK: - History

  /// Replies with entries that the consumer has pending; they count as delivered once more.
  func replyHistory(
    from id: StreamID, _ call: borrowing Call, _ budget: inout StreamReadBudget
  ) {
    let mark = call.reply.beginAggregate()
    var count = 0
    var next: StreamID? = id
    while allows(count, budget, call), let first = next,
      let pending = consumer.firstPending(from: first)
    {
      budget.take()
      if let entry = stream.entry(pending) {
        call.reply.streamEntry(entry)
        let deliveries = group.reading.pending(pending)?.nextDeliveryCount ?? 1
        group.deliver(
          pending, to: consumer, time: call.moment.milliseconds, count: deliveries)
        call.propagateClaim(pending, of: group.reading, keyIndex: keyIndex, groupIndex: groupIndex)
      } else {
        call.reply.array(2)
        call.reply.streamID(pending)
        call.reply.nullArray()
      }
      count += 1
      next = pending.successor
    }
    call.reply.endArray(mark, count: count)
  }
}

extension Call {
  /// The consumer that an argument names; it is made if it isn't there, and has been seen now.
  func consumer(
    _ index: Int, of group: WritableConsumerGroup, groupIndex: Int, keyIndex: Int
  ) -> Consumer {
    let now = moment.milliseconds
    if let consumer = group.reading.consumer(named: arguments[index]) {
      group.note(consumer, seenAt: now)
      return consumer
    }
    let consumer = group.addConsumer(arguments[index], seenTime: now)
    effects.countChanges(1)
    let key = key(keyIndex)
    effects.notify(.consumerCreate, key, in: database)
    effects.rewrite("XGROUP", argumentCount: 4)
    effects.append("CREATECONSUMER")
    effects.append(key.bytes)
    effects.append(arguments[groupIndex])
    effects.append(arguments[index])
    return consumer
  }

  /// Followers get a pending entry as it is now, whoever had it.
  func propagateClaim(
    _ id: StreamID, of group: ConsumerGroup, keyIndex: Int, groupIndex: Int
  ) {
    guard let entry = group.pending(id) else { return }
    guard let consumer = entry.consumer else {
      return propagateRelease(of: [id], count: entry.deliveryCount, keyIndex, groupIndex)
    }
    effects.rewrite("XCLAIM", argumentCount: 13)
    effects.append(arguments[keyIndex])
    effects.append(arguments[groupIndex])
    effects.append(consumer.name)
    effects.append(0)
    effects.append(id)
    effects.append("TIME")
    effects.append(Int(entry.deliveryTime))
    effects.append("RETRYCOUNT")
    effects.append(entry.deliveryCount)
    effects.append("FORCE")
    effects.append("JUSTID")
    effects.append("LASTID")
    effects.append(group.lastID)
  }

  /// Followers get pending entries that were given back to their group, all with the same count.
  func propagateRelease(of ids: [StreamID], count: Int, _ keyIndex: Int, _ groupIndex: Int) {
    effects.rewrite("XNACK", argumentCount: 8 + ids.count)
    effects.append(arguments[keyIndex])
    effects.append(arguments[groupIndex])
    effects.append("FAIL")
    effects.append("IDS")
    effects.append(ids.count)
    for id in ids { effects.append(id) }
    effects.append("RETRYCOUNT")
    effects.append(count)
    effects.append("FORCE")
  }

  /// Followers forget a pending entry whose entry is gone: XCLAIM, which Redis sends, does that and
  /// names the consumer that had it; where there is none, XACK does.
  ///
  /// - Returns: whether they have learnt the group's last id by it, which XCLAIM names.
  @discardableResult
  func propagateForgetting(
    _ id: StreamID, of group: ConsumerGroup, keyIndex: Int, groupIndex: Int
  ) -> Bool {
    guard group.pending(id)?.consumer == nil else {
      propagateClaim(id, of: group, keyIndex: keyIndex, groupIndex: groupIndex)
      return true
    }
    effects.rewrite("XACK", argumentCount: 3)
    effects.append(arguments[keyIndex])
    effects.append(arguments[groupIndex])
    effects.append(id)
    return false
  }

  /// Followers get how far a group has read.
  func propagateGroupID(of group: ConsumerGroup, keyIndex: Int, groupIndex: Int) {
    effects.rewrite("XGROUP", argumentCount: 6)
    effects.append("SETID")
    effects.append(arguments[keyIndex])
    effects.append(arguments[groupIndex])
    effects.append(group.lastID)
    effects.append("ENTRIESREAD")
    effects.append(group.entriesRead)
  }
}
