// SPDX-License-Identifier: Apache-2.0

import DataStructures

// After many keys were removed at random each slab keeps a few survivors, and its memory can't be
// returned. A pass of compaction marks the sparsest slabs, walks over all databases and moves what
// lies in marked slabs elsewhere: entries, blocks of values, members of large collections, buckets,
// chunks of the timing wheel.
//
// An entry has one owner, its slot in the table, and a record in the wheel if it has a deadline.
// Nothing else may hold an entry from turn to turn; so passes advance between turns' commands,
// never inside one. Keys come and go while a pass is under way, databases are swapped or flushed:
// cursors stay valid, and what a pass misses the next one finds. A collection, which may have
// millions of members, is remembered by its key and looked up anew for every few of them.

/// A pass that gathers sparsely used memory, advanced in small steps.
final class Compaction {
  /// What the next step does.
  private enum Phase {
    case resting
    /// The allocator chooses the slabs to be emptied.
    case marking
    /// The wheel of a database moves its chunks.
    case movingRecords
    /// The wheel of hashes with expiring fields does.
    case movingFieldRecords
    /// A database's entries move, and its buckets.
    case movingEntries
    /// The members of the large collections among the entries that have just moved.
    case movingMembers
  }

  /// What passes have done since the counters were last set to zero.
  struct Counts {
    /// Entries, blocks of values and members of collections moved.
    var moved = 0
    /// As many of those as were looked at and could stay.
    var kept = 0
    /// Keys of which something was moved.
    var movedKeys = 0
    /// Keys that were left alone.
    var keptKeys = 0
    /// Passes ended.
    var passes = 0
    /// Time spent in total.
    var microseconds = 0.0
  }

  private let keyspace: Keyspace
  private var phase = Phase.resting
  private var threshold = 0.0
  private var databaseNumber = 0
  private var cursor: UInt64 = 0
  /// Keys of large collections whose members are to be moved next, the last one first.
  private var collections: [[UInt8]] = []
  private var memberCursor: UInt64 = 0
  var counts = Counts()
  /// Time spent on the pass under way; 0 if there is none.
  private(set) var currentMicroseconds = 0.0
  /// What the pass under way has looked at, and what of that it has moved.
  private var itemsInPass = 0
  private var movedItemsInPass = 0
  /// Free bytes in slabs that can't be won; no more than that is no reason for another pass.
  private(set) var hopelessBytes = 0

  init(_ keyspace: Keyspace) { self.keyspace = keyspace }

  /// Whether a pass is under way.
  var isRunning: Bool { phase != .resting }

  /// Begins a pass over the size classes of which less than the fraction `threshold` is in use.
  func start(threshold: Double) {
    guard !isRunning else { return }
    self.threshold = threshold
    itemsInPass = 0
    movedItemsInPass = 0
    collections = []
    currentMicroseconds = 0
    phase = .marking
  }

  /// Ends the pass under way before it has come round.
  func stop() {
    guard isRunning else { return }
    currentMicroseconds = 0
    phase = .resting
    keyspace.allocator.endCompaction()
  }

  /// Counts time spent on steps.
  func note(microseconds: Double) {
    counts.microseconds += microseconds
    if isRunning { currentMicroseconds += microseconds }
  }

  /// Memory that lay idle in vain is in use again: a new pass may be worth it earlier.
  func noteFreeBytes(_ count: Int) { hopelessBytes = min(hopelessBytes, count) }

  /// Goes on with the pass under way: some microseconds of work.
  func step() {
    switch phase {
    case .resting: return
    case .marking: mark()
    case .movingRecords:
      var work = 64
      if database.contents.expirations.leaveSparseSlabs(work: &work) { phase = .movingFieldRecords }
    case .movingFieldRecords:
      var work = 64
      if database.contents.fieldExpirations.leaveSparseSlabs(work: &work) { phase = .movingEntries }
    case .movingEntries:
      for _ in 0..<4 {
        cursor = moveSome(in: database)
        if !collections.isEmpty {
          memberCursor = 0
          phase = .movingMembers
          return
        }
        if cursor == 0 { return goToNextDatabase() }
      }
    case .movingMembers:
      for _ in 0..<4 {
        moveSomeMembers(in: database)
        guard collections.isEmpty else { continue }
        if cursor == 0 { return goToNextDatabase() }
        phase = .movingEntries
        return
      }
    }
  }

  private var database: Database { keyspace.databases[databaseNumber] }

  private func mark() {
    switch keyspace.allocator.markSparseSlabs(threshold: threshold, chunkLimit: 4) {
    case .unfinished: return
    case .unnecessary: finish()
    case .complete:
      databaseNumber = 0
      cursor = 0
      phase = .movingRecords
    }
  }

  private func goToNextDatabase() {
    databaseNumber += 1
    phase = .movingRecords
    if databaseNumber == keyspace.databases.count { finish() }
  }

  private func finish() {
    databaseNumber = 0
    currentMicroseconds = 0
    phase = .resting
    keyspace.allocator.endCompaction()
    keyspace.allocator.releaseStock()
    // Keys may have gone during the pass, behind its back: only one that found (almost) nothing to
    // move proves that there is nothing more to win.
    let isFutile = movedItemsInPass <= itemsInPass / 64
    hopelessBytes = isFutile ? keyspace.allocator.slabBytesFree : 0
    counts.passes += 1
  }

  /// Moves what lies in sparse slabs of a few keys; returns the next cursor.
  private func moveSome(in database: Database) -> UInt64 {
    database.contents.table.scanLocations(cursor) { entry in
      let before = counts.moved
      if let hasMoved = database.moveValueFromSparseSlab(entry) { note(hasMoved) }
      let moved = database.moveFromSparseSlab(entry)
      if let moved { entry = moved }
      note(moved != nil)
      if entry.hasLargeForm { collections.append(entry.key.copied) }
      if counts.moved == before { counts.keptKeys += 1 } else { counts.movedKeys += 1 }
    }
  }

  /// Moves a few members of the collection whose turn it is, if it is still there.
  private func moveSomeMembers(in database: Database) {
    guard let name = collections.last else { return }
    let key = Key(name.rawSpan, seed: database.seed)
    let entry = database.contents.table.find(key.bytes, hash: key.hash)
    if let entry, entry.hasLargeForm {
      let opened = database.openForMoving(entry)
      memberCursor = opened.leaveSparseSlabs(memberCursor, keyspace.allocator) { note($0) }
    } else {
      memberCursor = 0
    }
    if memberCursor == 0 { collections.removeLast() }
  }

  /// Counts something that was looked at.
  private func note(_ hasMoved: Bool) {
    itemsInPass += 1
    if hasMoved {
      counts.moved += 1
      movedItemsInPass += 1
    } else {
      counts.kept += 1
    }
  }
}
