// SPDX-License-Identifier: Apache-2.0

// How far consumer groups are. The number of entries that were ever added in front of an id is
// known as long as nothing was deleted in between; where it isn't, no number is better than a
// wrong one.

extension Stream {
  /// Whether an entry with `id` or a larger id was deleted from the middle of the stream.
  public func hasTombstones(from id: StreamID) -> Bool {
    if length == 0 || maxDeletedID == .zero || firstID > maxDeletedID { return false }
    return id <= maxDeletedID
  }

  /// How many entries were added up to and including the one with `id`; nil if that isn't known.
  public func entriesAdded(through id: StreamID) -> Int? {
    if entriesAdded == 0 { return 0 }
    if length == 0, id <= lastID { return entriesAdded }
    if id == lastID { return entriesAdded }
    if id > lastID { return nil }
    guard maxDeletedID == .zero || maxDeletedID < firstID else { return nil }
    if id < firstID { return entriesAdded &- length }
    return id == firstID ? entriesAdded &- length &+ 1 : nil
  }

  /// How many entries a group still has to read; nil if that isn't known.
  public func lag(of group: ConsumerGroup) -> Int? {
    if entriesAdded == 0 { return 0 }
    if group.entriesRead >= 0, !hasTombstones(from: group.lastID) {
      return entriesAdded &- group.entriesRead
    }
    return entriesAdded(through: group.lastID).map { entriesAdded &- $0 }
  }

  /// Moves a group's last id to `id`, the next entry that it reads, and counts it if it can.
  public func advance(_ group: ConsumerGroup, to id: StreamID) {
    if group.entriesRead >= 0, !hasTombstones(from: id) {
      group.entriesRead &+= 1
    } else if entriesAdded != 0 {
      group.entriesRead = entriesAdded(through: id) ?? -1
    }
    group.lastID = id
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
