// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What a database holds: its keys, and those of them that expire, by deadline.
struct DatabaseContents: ~Copyable {
  var table: HashTable<Entry>
  var expirations: TimingWheel<KeyExpiration>
  /// Hashes with fields that expire, by the earliest of their deadlines.
  var fieldExpirations: TimingWheel<HashExpiration>

  init(allocator: Allocator, seed: HashSeed, now: Int64) {
    table = HashTable(allocator: allocator, seed: seed)
    expirations = TimingWheel(allocator: allocator, now: now)
    fieldExpirations = TimingWheel(allocator: allocator, now: now)
  }
}

/// Where the contents of a database are: an identity that stays when databases are swapped or
/// emptied. Valid until they are freed.
@safe
struct ContentsHome: Equatable {
  private let storage: UnsafeMutablePointer<DatabaseContents>

  fileprivate init(_ storage: UnsafeMutablePointer<DatabaseContents>) {
    unsafe self.storage = storage
  }

  static func == (one: ContentsHome, other: ContentsHome) -> Bool {
    one.address == other.address
  }

  /// As announcements of entries name it.
  var address: UInt { UInt(bitPattern: unsafe storage) }

  /// Number of buckets of the table of keys.
  var bucketCount: Int { unsafe storage.pointee.table.bucketCount }

  /// Announces the entries of a bucket, as a walk takes them.
  func announceBucket(_ index: Int) {
    unsafe storage.pointee.announceBucket(index, home: address)
  }

  /// Lets the table of keys merge buckets, or not.
  func setMerging(_ isEnabled: Bool) { unsafe storage.pointee.table.mergingEnabled = isEnabled }
}

/// Contents that no longer belong to a database; whoever holds them frees them, a slice at a time.
@safe
struct DetachedContents {
  private let storage: UnsafeMutablePointer<DatabaseContents>

  init(_ storage: UnsafeMutablePointer<DatabaseContents>) { unsafe self.storage = storage }

  /// Number of keys that are still there.
  var keyCount: Int { unsafe storage.pointee.table.count }

  /// Where they are.
  var home: ContentsHome { unsafe ContentsHome(storage) }

  /// Frees at most `limit` keys; true when all is gone, and this value must not be used any more.
  func free(upTo limit: Int, into unlinked: UnlinkedData) -> Bool {
    let home = unsafe UInt(bitPattern: storage)
    guard unsafe storage.pointee.free(upTo: limit, into: unlinked, home: home) else {
      return false
    }
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
  let attention: Attention
  /// Hears of what happens here by itself.
  private unowned let observer: any KeyspaceObserver
  let statistics: KeyspaceStatistics
  let limits: EncodingLimits
  /// Takes over what is removed here and too large to be freed at once.
  let unlinked: UnlinkedData
  /// Where large strings lie that are about to be stored; nil if they are to be copied.
  private(set) weak var received: (any ReceivedBlocks)?
  /// The contents lie outside the object: reaching them costs no reference counting.
  private(set) var storage: UnsafeMutablePointer<DatabaseContents>

  var contents: DatabaseContents {
    @inline(__always) unsafeAddress { unsafe UnsafePointer(storage) }
    @inline(__always) unsafeMutableAddress { unsafe storage }
  }

  /// The table of keys, to be read: it shows keys that are due, and leaves no trace.
  var keys: HashTable<Entry> {
    @inline(__always) _read { yield contents.table }
  }

  /// Whether the table of keys grows and shrinks with their number (DEBUG DICT-RESIZING).
  func setResizing(_ isEnabled: Bool) { contents.table.resizingEnabled = isEnabled }

  /// The contents' address, which stays with them when databases are swapped or emptied.
  var home: UInt { unsafe UInt(bitPattern: storage) }

  /// Where the contents are.
  var contentsHome: ContentsHome { unsafe ContentsHome(storage) }

  init(
    number: Int, allocator: Allocator, seed: HashSeed, moment: Moment, attention: Attention,
    observer: any KeyspaceObserver, statistics: KeyspaceStatistics, limits: EncodingLimits,
    unlinked: UnlinkedData, received: (any ReceivedBlocks)?
  ) {
    self.number = number
    self.allocator = allocator
    self.seed = seed
    self.moment = moment
    self.attention = attention
    self.observer = observer
    self.statistics = statistics
    self.limits = limits
    self.unlinked = unlinked
    self.received = received
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
  /// Whether a key or a field of a hash has a deadline.
  var expires: Bool { expiringCount > 0 || fieldExpiringCount > 0 }

  // MARK: - Look-up

  /// The entry of `key` for a command that reads: counts hit or miss, dates the access.
  @inline(__always)
  func read(_ key: Key) -> Entry? {
    guard let entry = find(key) else {
      statistics.misses &+= 1
      announce(.keyMiss, key)
      return nil
    }
    statistics.hits &+= 1
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
    guard let location = contents.table.locate(entry, hash: key.hash) else { return }
    // Whoever hears of it finds the key gone; `key` may be the entry's own.
    let gone = detach(at: location)
    statistics.expiredKeys &+= 1
    announceExpiry(of: key)
    discard(gone)
  }

  /// Dates the access for LRU, or counts it for LFU.
  @inline(__always)
  func touch(_ entry: Entry) {
    if moment.countsAccesses {
      countAccess(entry)
    } else {
      entry.note(access: moment.accessClock)
    }
  }

  // MARK: - Who is told

  /// Tells whoever wants to hear of events.
  @inline(__always)
  func announce(_ event: KeyEvent, _ key: Key) {
    if attention.kinds.contains(.observer) { tell(event, key) }
  }

  @inline(never)
  private func tell(_ event: KeyEvent, _ key: Key) { observer.announce(event, key, in: self) }

  /// Tells that a key has gone because its deadline has passed.
  func announceExpiry(of key: Key) { observer.removed(key, .expired, in: self) }

  /// Tells that a key has been removed to make room.
  func announceEviction(of key: Key) { observer.removed(key, .evicted, in: self) }

  /// Tells that fields of a hash go because they are due.
  func announceExpiry(
    ofFields count: Int, _ key: Key, names: (_ visit: (StoredText) -> Void) -> Void
  ) {
    statistics.expiredFields += count
    observer.fieldsExpire(count, of: key, in: self, names: names)
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
  func setDeadline(_ deadline: Int64, of entry: WritableEntry, _ key: Key) -> WritableEntry {
    if entry.header.hasDeadline {
      let old = entry.deadline
      entry.deadline = deadline
      contents.expirations.deadlineChanged(KeyExpiration(entry.entry), from: old)
      return entry
    }
    let new = entry.entry.reshaped(withDeadline: true, allocator: allocator)
    new.writable.deadline = deadline
    return replace(entry, hash: key.hash, with: new, .moved)
  }

  /// Takes the deadline away; returns the entry, which has moved if it had one.
  @discardableResult
  func clearDeadline(of entry: WritableEntry, _ key: Key) -> WritableEntry {
    guard entry.header.hasDeadline else { return entry }
    let new = entry.entry.reshaped(withDeadline: false, allocator: allocator)
    return replace(entry, hash: key.hash, with: new, .moved)
  }

  // MARK: - Placement

  /// Adds an entry whose key is absent; if it has a deadline, it is filed under it.
  @discardableResult
  func insert(_ entry: consuming DetachedEntry, _ key: Key) -> WritableEntry {
    entry.writable.header.access = initialAccess
    return attach(entry, key)
  }

  /// The access field of an entry that has just been made.
  var initialAccess: UInt32 {
    moment.countsAccesses
      ? AccessCounter.access(AccessCounter.initial, at: moment.frequencyClock)
      : moment.accessClock
  }
}
