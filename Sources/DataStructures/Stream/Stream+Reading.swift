// SPDX-License-Identifier: Apache-2.0

// How far consumer groups are. The number of entries that were ever added in front of an id is
// known as long as nothing was deleted in between; where it isn't, no number is better than a
// wrong one. The rules are those of Redis 8.

extension Stream {
  /// Whether an entry with `id` or a larger id may have been deleted from the middle of the stream.
  public func hasTombstones(from id: StreamID) -> Bool {
    length > 0 && maxDeletedID != .zero && id <= maxDeletedID
  }

  /// Whether all that was deleted one by one lies in front of the first entry.
  private var isWhole: Bool { maxDeletedID == .zero || maxDeletedID < firstID }

  /// How many entries were added up to and including the one with `id`; nil if that isn't known.
  public func entriesAdded(through id: StreamID) -> UInt64? {
    if entriesAdded == 0 { return 0 }
    if length == 0, id <= lastID { return entriesAdded }
    if id != .zero, id < maxDeletedID { return nil }
    if id == lastID { return entriesAdded }
    guard id < lastID, isWhole else { return nil }
    if id < firstID { return entriesAdded - UInt64(length) }
    return id == firstID ? entriesAdded - UInt64(length) + 1 : nil
  }

  /// How many entries a group still has to read; nil if that isn't known.
  ///
  /// A group whose counter a client has set past what was added is behind by less than nothing.
  public func lag(of group: ConsumerGroup) -> Int? {
    if entriesAdded == 0 || length == 0 { return 0 }
    if group.lastID < firstID, isWhole { return length }
    if group.entriesRead >= 0, !hasTombstones(from: group.lastID) {
      return Int(truncatingIfNeeded: entriesAdded) &- group.entriesRead
    }
    if let read = entriesAdded(through: group.lastID) {
      return Int(truncatingIfNeeded: entriesAdded - read)
    }
    // Redis doesn't know this one: all that the group had still to read was deleted.
    return (lastEntryID ?? .zero) <= group.lastID ? 0 : nil
  }

  /// The counter of a group that has read `count` entries: never more than were added.
  public func possibleEntriesRead(_ count: Int) -> Int {
    count < 0 ? -1 : Int(clamping: min(UInt64(count), entriesAdded))
  }

  /// The last id up to which every group has read; the largest one if there is no group.
  public var lastIDOfAllGroups: StreamID {
    var last = StreamID.maximum
    for index in 0..<groupCount { last = min(last, group(at: index).lastID) }
    return last
  }

  /// Whether a group has still to read the entry with `id`, or has it pending.
  public func isReferenced(_ id: StreamID) -> Bool {
    for index in 0..<groupCount {
      let group = self.group(at: index)
      if group.lastID < id || group.pending(id) != nil { return true }
    }
    return false
  }
}
