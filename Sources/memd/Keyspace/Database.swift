// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What a database holds: its keys, and those of them that expire, by deadline.
struct DatabaseContents: ~Copyable {
  var table: HashTable<Entry>
  var expirations: TimingWheel<Entry>
  /// Hashes with fields that expire, by the earliest of their deadlines.
  var fieldExpirations: TimingWheel<HashExpiration>

  init(allocator: Allocator, seed: HashSeed, now: Int64) {
    table = HashTable(allocator: allocator, seed: seed)
    expirations = TimingWheel(allocator: allocator, now: now)
    fieldExpirations = TimingWheel(allocator: allocator, now: now)
  }

  /// Frees at most `limit` keys with their values; true when none is left. Large values are handed
  /// to `unlinked`.
  mutating func free(upTo limit: Int, into unlinked: UnlinkedData) -> Bool {
    // The wheels refer to entries that are about to go: they are emptied first.
    if !expirations.drain(upTo: limit) || !fieldExpirations.drain(upTo: limit) { return false }
    // A key may free some dozen elements of its value: few keys, then the clock is looked at.
    let keyLimit = limit == .max ? limit : limit / 8 + 1
    return table.drain(upTo: keyLimit) { unlinked.discard($0) }
  }
}

/// Contents that no longer belong to a database; whoever holds them frees them, a slice at a time.
@safe
struct DetachedContents {
  private let storage: UnsafeMutablePointer<DatabaseContents>

  init(_ storage: UnsafeMutablePointer<DatabaseContents>) { unsafe self.storage = storage }

  /// Number of keys that are still there.
  var keyCount: Int { unsafe storage.pointee.table.count }

  /// Frees at most `limit` keys; true when all is gone, and this value must not be used any more.
  func free(upTo limit: Int, into unlinked: UnlinkedData) -> Bool {
    guard unsafe storage.pointee.free(upTo: limit, into: unlinked) else { return false }
    unsafe storage.deinitialize(count: 1)
    unsafe storage.deallocate()
    return true
  }
}

/// One numbered database: look-ups that know about expiry, and the only way to change keys.
@safe
final class Database {
  let number: Int
  let allocator: Allocator
  let seed: HashSeed
  let moment: Moment
  let effects: Effects
  let statistics: Statistics
  let limits: EncodingLimits
  /// Takes over what is removed here and too large to be freed at once.
  let unlinked: UnlinkedData
  let arrivals: Arrivals
  /// The contents lie outside the object: reaching them costs no reference counting.
  private(set) var storage: UnsafeMutablePointer<DatabaseContents>

  var contents: DatabaseContents {
    @inline(__always) unsafeAddress { unsafe UnsafePointer(storage) }
    @inline(__always) unsafeMutableAddress { unsafe storage }
  }

  init(
    number: Int, allocator: Allocator, seed: HashSeed, moment: Moment, effects: Effects,
    statistics: Statistics, limits: EncodingLimits, unlinked: UnlinkedData,
    arrivals: Arrivals
  ) {
    self.number = number
    self.allocator = allocator
    self.seed = seed
    self.moment = moment
    self.effects = effects
    self.statistics = statistics
    self.limits = limits
    self.unlinked = unlinked
    self.arrivals = arrivals
    unsafe storage = Database.emptyStorage(allocator, seed, moment)
  }

  deinit {
    unsafe storage.deinitialize(count: 1)
    unsafe storage.deallocate()
  }

  /// Number of keys, those that are due but not yet removed included.
  var count: Int { contents.table.count }
  /// Number of keys with a deadline.
  var expiringCount: Int { contents.expirations.count }

  // MARK: - Look-up

  /// The entry of `key` for a command that reads: counts hit or miss, dates the access.
  @inline(__always)
  func read(_ key: Key) -> Entry? {
    guard let entry = find(key) else {
      statistics.keyspaceMisses &+= 1
      effects.notify(.keyMiss, key, in: self)
      return nil
    }
    statistics.keyspaceHits &+= 1
    if moment.touchesKeys { touch(entry) }
    return entry
  }

  /// The entry of `key` for a command that is going to change it.
  ///
  /// A handler obtains a value for writing here and nowhere else.
  @inline(__always)
  func write(_ key: Key) -> Entry? {
    guard let entry = contents.table.find(key.bytes, hash: key.hash) else { return nil }
    if isDue(entry), removesDue(entry, key) { return nil }
    if moment.touchesKeys { touch(entry) }
    return entry
  }

  /// The entry of `key` unless it is due, without any trace of the look-up.
  @inline(__always)
  func find(_ key: Key) -> Entry? {
    guard let entry = contents.table.find(key.bytes, hash: key.hash) else { return nil }
    if entry.header.hasDeadline, isDue(entry) { return meetDue(entry, key) }
    return entry
  }

  /// Where the table keeps `key` for a command that overwrites it; a due key is removed first.
  @inline(__always)
  func locateForWriting(_ key: Key) -> HashTable<Entry>.Location? {
    guard let location = contents.table.locate(key.bytes, hash: key.hash) else { return nil }
    let entry = contents.table.element(at: location)
    if isDue(entry), removesDue(entry, key) { return nil }
    return location
  }

  /// A look-up for writing has met a due key: it is removed, or left to the leader's stream.
  ///
  /// Where it would only be hidden from readers it is removed too, else it would be there twice.
  @inline(never)
  private func removesDue(_ entry: Entry, _ key: Key) -> Bool {
    if moment.expiryMode == .ignore { return false }
    expire(entry, key)
    return true
  }

  /// True if the entry's deadline has passed.
  @inline(__always)
  func isDue(_ entry: Entry) -> Bool {
    entry.header.hasDeadline && entry.deadline < moment.milliseconds
  }

  /// A look-up has met a due key: it is removed, hidden or, for the leader's stream, shown.
  @inline(never)
  func meetDue(_ entry: Entry, _ key: Key) -> Entry? {
    switch moment.expiryMode {
    case .ignore: return entry
    case .hide: return nil
    case .remove:
      expire(entry, key)
      return nil
    }
  }

  /// Removes a due key through the funnel: event, watchers, followers.
  func expire(_ entry: Entry, _ key: Key) {
    // Whoever hears of it finds the key gone.
    guard detach(key) != nil else { return }
    statistics.expiredKeys &+= 1
    effects.expired(key, in: self)
    discard(entry)
  }

  /// Dates the access for LRU, or counts it for LFU.
  @inline(__always)
  func touch(_ entry: Entry) {
    if moment.countsAccesses {
      countAccess(entry)
    } else {
      entry.header.access = moment.accessClock
    }
  }

  // MARK: - Removal

  /// Removes a key and frees its value; false if there was none, due or not.
  func remove(_ key: Key) -> Bool {
    guard let entry = detach(key) else { return false }
    discard(entry)
    return true
  }

  /// Takes all keys away at once; the caller frees what it gets, in slices.
  func takeContents() -> DetachedContents {
    let taken = unsafe DetachedContents(storage)
    unsafe storage = Database.emptyStorage(allocator, seed, moment)
    return taken
  }

  /// Exchanges the keys of two databases.
  func swapContents(with other: Database) {
    let own = unsafe storage
    unsafe storage = other.storage
    unsafe other.storage = own
  }

  private static func emptyStorage(
    _ allocator: Allocator, _ seed: HashSeed, _ moment: Moment
  ) -> UnsafeMutablePointer<DatabaseContents> {
    let storage = UnsafeMutablePointer<DatabaseContents>.allocate(capacity: 1)
    unsafe storage.initialize(
      to: DatabaseContents(allocator: allocator, seed: seed, now: moment.milliseconds))
    return unsafe storage
  }

  // MARK: - Deadlines

  /// Gives an entry a deadline, or another one; returns the entry, which may have moved.
  @discardableResult
  func setDeadline(_ deadline: Int64, of entry: Entry, _ key: Key) -> Entry {
    if entry.header.hasDeadline {
      let old = entry.deadline
      entry.deadline = deadline
      contents.expirations.deadlineChanged(entry, from: old)
      return entry
    }
    let moved = reshape(entry, key, withDeadline: true)
    moved.deadline = deadline
    file(moved)
    return moved
  }

  /// Takes the deadline away; returns the entry, which has moved if it had one.
  @discardableResult
  func clearDeadline(of entry: Entry, _ key: Key) -> Entry {
    guard entry.header.hasDeadline else { return entry }
    contents.expirations.remove(entry)
    return reshape(entry, key, withDeadline: false)
  }

  /// Gives an entry room for a deadline, or takes it; the old entry is gone afterwards.
  private func reshape(_ entry: Entry, _ key: Key, withDeadline: Bool) -> Entry {
    // The place is looked up while the old entry still has its key.
    let location = contents.table.locate(key.bytes, hash: key.hash)
    let moved = entry.reshaped(withDeadline: withDeadline, allocator: allocator)
    guard let location else {
      assertionFailure("a key that was just found is gone")
      return moved
    }
    contents.table.replace(at: location, with: moved)
    relocateFields(of: moved)
    return moved
  }

  /// Files an entry under its deadline; the only way into the wheel.
  @inline(__always)
  func file(_ entry: Entry) {
    moment.hasDeadlines = true
    contents.expirations.insert(entry)
  }

  // MARK: - Placement

  /// Lets the table refer to `entry` for a key that it knows.
  func replace(_ key: Key, with entry: Entry) {
    guard let location = contents.table.locate(key.bytes, hash: key.hash) else {
      assertionFailure("a key that was just found is gone")
      return
    }
    contents.table.replace(at: location, with: entry)
  }

  /// Adds an entry whose key is absent; if it has a deadline, it is filed under it.
  func insert(_ entry: Entry, _ key: Key) {
    entry.header.access = initialAccess
    attach(entry, key)
  }

  /// The access field of an entry that has just been made.
  var initialAccess: UInt32 {
    moment.countsAccesses
      ? AccessCounter.access(AccessCounter.initial, at: moment.frequencyClock)
      : moment.accessClock
  }
}
