// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What a command has deleted from a stream, for those who are told afterwards.
struct StreamDeletion {
  /// A pending entry that is gone.
  struct Reference {
    /// Number of the group.
    let group: Int
    let id: StreamID
  }

  /// Number of entries that are gone.
  var count = 0
  /// The ids of entries that went one by one; trimmed ones are not listed.
  var ids: [StreamID] = []
  var references: [Reference] = []

  /// What became of one id, in the numbers of XDELEX and XACKDEL.
  enum Outcome: Int {
    case missing = -1
    case deleted = 1
    /// Somebody still refers to it, so that it stays.
    case referenced = 2
  }
}

/// The ids of XDELEX and XACKDEL: `[KEEPREF|DELREF|ACKED] IDS count id ...`.
struct StreamIDList {
  private(set) var policy = ReferencePolicy.keep
  private var first = 0
  private(set) var count = 0

  init(_ call: borrowing Call, from start: Int) throws(CommandError) {
    var index = start
    while index < call.arguments.count {
      let keyword = call.keyword(index)
      if let policy = ReferencePolicy(keyword) {
        self.policy = policy
        index += 1
        continue
      }
      guard case Keyword("ids") = keyword, count == 0, index + 1 < call.arguments.count else {
        throw .syntax
      }
      let number = DecimalText.parse(call.arguments[index + 1]) ?? 0
      guard number > 0 else {
        throw CommandError("ERR Number of IDs must be a positive integer")
      }
      guard number <= call.arguments.count - index - 2 else {
        throw CommandError(
          "ERR The `numids` parameter must match the number of arguments")
      }
      count = number
      first = index + 2
      index = first + number
    }
    guard count > 0 else { throw .syntax }
  }

  /// The arguments that are ids.
  var indices: Range<Int> { first..<(first + count) }

  /// The reply where there is no such key or group.
  func replyMissing(_ call: borrowing Call) {
    call.reply.array(count)
    for _ in indices { call.reply.integer(StreamDeletion.Outcome.missing.rawValue) }
  }
}

extension WritableStream {
  /// Deletes an entry and takes note of its id; false if there is none.
  func delete(_ id: StreamID) -> Bool {
    guard remove(id) else { return false }
    if id > maxDeletedID { maxDeletedID = id }
    return true
  }

  /// Deletes an entry as the policy says. References may have outlived their entry: they are
  /// dropped although it is missing.
  func delete(
    _ id: StreamID, _ policy: ReferencePolicy, _ result: inout StreamDeletion
  ) -> StreamDeletion.Outcome {
    if policy == .delete { dropReferences(to: id, &result) }
    guard reading.entry(id) != nil else { return .missing }
    if policy == .acknowledged, reading.isReferenced(id) { return .referenced }
    if delete(id) {
      result.count += 1
      result.ids.append(id)
    }
    return .deleted
  }

  /// Takes an id out of the pending entries of all groups.
  func dropReferences(to id: StreamID, _ result: inout StreamDeletion) {
    for group in 0..<reading.groupCount where self.group(at: group).acknowledge(id) {
      result.references.append(StreamDeletion.Reference(group: group, id: id))
    }
  }

  /// Takes all ids in front of `id` out of the pending entries of all groups.
  fileprivate func dropReferences(before id: StreamID, _ result: inout StreamDeletion) {
    for number in 0..<reading.groupCount {
      let group = self.group(at: number)
      while let pending = group.reading.firstPending(from: .zero)?.id, pending < id {
        group.acknowledge(pending)
        result.references.append(StreamDeletion.Reference(group: number, id: pending))
      }
    }
  }

  /// Deletes entries from the front that nobody refers to any more, as far as `trim` allows.
  ///
  /// - Parameter limit: so many entries are looked at; 0: any number. No entry is looked at that a
  ///   group has still to read.
  fileprivate func trimAcknowledged(_ trim: StreamTrim, limit: Int) -> StreamDeletion {
    var result = StreamDeletion()
    let last = reading.lastIDOfAllGroups
    var entries = reading.entries(through: last)
    var looked = 0
    while limit == 0 || looked < limit {
      if case .length(let most) = trim, reading.length <= most { break }
      guard let id = entries.next()?.id else { break }
      if case .minimum(let least) = trim, id >= least { break }
      looked += 1
      guard delete(id, .acknowledged, &result) == .deleted, let next = id.successor else {
        continue
      }
      entries = reading.entries(from: next, through: last)
    }
    return result
  }
}

extension StreamTrimOptions {
  /// True if a follower that gets the request as it came does the same.
  var isSentAsItCame: Bool { !isApproximate && policy == .keep }

  /// Trims a stream of the database as the options say.
  func apply(to stream: WritableStream, in database: Database) -> StreamDeletion {
    guard let trim else { return StreamDeletion() }
    if policy == .acknowledged { return stream.trimAcknowledged(trim, limit: limit) }
    var result = StreamDeletion()
    var dropped: WritableStream?
    result.count = stream.trim(
      trim, isApproximate: isApproximate, limit: limit, dropping: &dropped)
    if let dropped { database.unlinked.discard(UnlinkedValue(dropped)) }
    if policy == .delete, result.count > 0 {
      let left = stream.reading
      let end = left.length > 0 ? left.firstID : left.lastID.successor ?? .maximum
      stream.dropReferences(before: end, &result)
    }
    return result
  }

  /// The exact trim that has the effect of what was done; nil if nothing went from the front.
  func exactTrim(of stream: Stream, after result: StreamDeletion) -> StreamTrim? {
    guard let trim, result.count > 0, policy != .acknowledged else { return nil }
    if case .minimum = trim, stream.length > 0 { return .minimum(stream.firstID) }
    return .length(stream.length)
  }
}

extension Effects {
  /// The next three arguments of a rewritten command: strategy, `=` and threshold.
  func append(_ trim: StreamTrim) {
    switch trim {
    case .length(let length):
      append("MAXLEN")
      append("=")
      append(length)
    case .minimum(let id):
      append("MINID")
      append("=")
      append(id)
    }
  }
}

extension Call {
  /// Counts and announces deleted entries.
  func countDeleted(_ count: Int, _ key: borrowing Key) {
    guard count > 0 else { return }
    effects.changed(key, .streamDelete, in: database)
    effects.countChanges(count - 1)
  }

  /// Followers get XDEL for the entries, and XACK for each group that lost references.
  func propagateDeletion(_ result: StreamDeletion, from stream: Stream) {
    if !result.ids.isEmpty {
      effects.rewrite("XDEL", argumentCount: 1 + result.ids.count)
      effects.append(arguments[1])
      for id in result.ids { effects.append(id) }
    }
    guard !result.references.isEmpty else { return }
    for number in 0..<stream.groupCount {
      let count = result.references.count { $0.group == number }
      guard count > 0 else { continue }
      effects.rewrite("XACK", argumentCount: 2 + count)
      effects.append(arguments[1])
      effects.append(stream.group(at: number).name)
      for reference in result.references where reference.group == number {
        effects.append(reference.id)
      }
    }
  }
}
