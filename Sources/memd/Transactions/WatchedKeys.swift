// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Keys that clients watch, and who has to be told when one of them changes.
///
/// A watch stands in two lists: that of its client, and that of its key. Both are in the order in
/// which the watching began, and leaving costs the same however long they are:
///
///     keys:     "a" -> watch of client 1 <-> watch of client 2
///               "b" -> watch of client 1
///     clients:  client 1 <-> client 2
final class WatchedKeys {
  /// A key of a database.
  struct WatchedKey: Hashable {
    let database: Int
    let bytes: [UInt8]
  }

  /// A key that somebody watches.
  fileprivate final class Record {
    let key: WatchedKey
    unowned var first: Watch?
    unowned var last: Watch?

    init(_ key: WatchedKey) { self.key = key }
  }

  /// What one client watches. Its client owns it; neighbours take it out before it goes.
  final class Watch {
    fileprivate let record: Record
    fileprivate unowned let client: Client
    /// The key was due already when the watching began.
    fileprivate var wasDue: Bool
    fileprivate unowned var previous: Watch?
    fileprivate unowned var next: Watch?

    fileprivate init(_ record: Record, _ client: Client, wasDue: Bool) {
      self.record = record
      self.client = client
      self.wasDue = wasDue
    }

    var key: WatchedKey { record.key }
  }

  /// One client's side: what it watches, in order, and a quick answer to whether it does.
  struct Watches {
    fileprivate(set) var all: [Watch] = []
    fileprivate var records: Set<ObjectIdentifier> = []
    /// The neighbours among the clients that watch something.
    fileprivate unowned var previous: Client?
    fileprivate unowned var next: Client?

    var count: Int { all.count }
    /// Memory, roughly: a watch with its places in three lists.
    var byteCount: Int { all.count * 100 }
  }

  private let attention: Attention
  private var records: [WatchedKey: Record] = [:]
  private unowned var firstClient: Client?
  private unowned var lastClient: Client?
  /// Number of clients that watch at least one key.
  private(set) var clientCount = 0

  init(_ attention: Attention) { self.attention = attention }

  /// True while nobody watches anything.
  var isEmpty: Bool { clientCount == 0 }
  /// Number of different keys that are watched (INFO's total_watched_keys).
  var keyCount: Int { records.count }
  /// Memory of the table of watched keys, roughly.
  private(set) var byteCount = 0
  /// What a key costs beyond its bytes: its place in the table, a record, and an array.
  private static let keyOverhead = 150

  /// Starts watching; a key that the client watches already changes nothing.
  ///
  /// - Complexity: O(1) expected
  func add(_ key: Key, in database: Database, for client: Client) {
    let watched = WatchedKey(database: database.number, bytes: key.bytes.copied)
    let record = record(of: watched)
    guard client.transaction.watched.records.insert(ObjectIdentifier(record)).inserted else {
      return
    }
    if client.transaction.watched.all.isEmpty { link(client) }
    let watch = Watch(record, client, wasDue: WatchedKeys.isDue(watched, in: database))
    client.transaction.watched.all.append(watch)
    watch.previous = record.last
    if let last = record.last { last.next = watch } else { record.first = watch }
    record.last = watch
  }

  private func record(of key: WatchedKey) -> Record {
    if let record = records[key] { return record }
    let record = Record(key)
    records[key] = record
    byteCount += key.bytes.count + WatchedKeys.keyOverhead
    return record
  }

  /// Forgets everything that the client watches.
  ///
  /// - Complexity: O(watched keys of the client)
  func removeAll(of client: Client) {
    guard !client.transaction.watched.all.isEmpty else { return }
    unlink(client)
    let watches = client.transaction.watched.all
    client.transaction.watched = Watches()
    for watch in watches { unlink(watch) }
  }

  private func unlink(_ watch: Watch) {
    let record = watch.record
    if let previous = watch.previous {
      previous.next = watch.next
    } else {
      record.first = watch.next
    }
    if let next = watch.next {
      next.previous = watch.previous
    } else {
      record.last = watch.previous
    }
    guard record.first == nil else { return }
    records[record.key] = nil
    byteCount -= record.key.bytes.count + WatchedKeys.keyOverhead
  }

  private func link(_ client: Client) {
    client.transaction.watched.previous = lastClient
    if let lastClient { lastClient.transaction.watched.next = client } else { firstClient = client }
    lastClient = client
    clientCount += 1
    attention.set(.watchers, true)
  }

  private func unlink(_ client: Client) {
    let previous = client.transaction.watched.previous
    let next = client.transaction.watched.next
    if let previous { previous.transaction.watched.next = next } else { firstClient = next }
    if let next { next.transaction.watched.previous = previous } else { lastClient = previous }
    clientCount -= 1
    attention.set(.watchers, clientCount > 0)
  }

  /// A key changes: EXEC of its watchers will fail.
  @inline(never)
  func touch(_ bytes: RawSpan, in database: Database) {
    var watch = firstWatch(of: bytes, in: database)
    while let current = watch {
      watch = current.next
      spoil(current.client)
    }
  }

  /// A key is about to be removed because it is due, or to make room.
  ///
  /// For whoever began to watch it when it was due already, it was as good as removed then: nothing
  /// changes, but from now on it is watched like any missing key.
  @inline(never)
  func touchRemoved(_ bytes: RawSpan, in database: Database) {
    var watch = firstWatch(of: bytes, in: database)
    while let current = watch {
      watch = current.next
      if current.wasDue { current.wasDue = false } else { spoil(current.client) }
    }
  }

  /// The watch of whoever has watched a key for longest.
  private func firstWatch(of bytes: RawSpan, in database: Database) -> Watch? {
    records[WatchedKey(database: database.number, bytes: bytes.copied)]?.first
  }

  /// All keys of a database change at once (FLUSHDB, SWAPDB): those that exist before or after.
  ///
  /// - Parameter replacement: the database whose keys take their place; nil: none do.
  func touchAll(in database: Database, replacedBy replacement: Database? = nil) {
    var client = firstClient
    while let current = client {
      client = current.transaction.watched.next
      for watch in current.transaction.watched.all where watch.key.database == database.number {
        let existed = WatchedKeys.exists(watch.key, in: database) && !watch.wasDue
        let willExist = replacement.map { WatchedKeys.exists(watch.key, in: $0) } ?? false
        let willBeDue = replacement.map { WatchedKeys.isDue(watch.key, in: $0) } ?? false
        watch.wasDue = willBeDue
        if existed || (willExist && !willBeDue) { current.transaction.isDirty = true }
      }
    }
  }

  /// True if a key that the client watches has become due and was not removed yet.
  func hasExpired(for client: Client, in keyspace: Keyspace) -> Bool {
    client.transaction.watched.all.contains { watch in
      !watch.wasDue && WatchedKeys.isDue(watch.key, in: keyspace.databases[watch.key.database])
    }
  }

  /// EXEC will fail; the client need not be told of further changes.
  private func spoil(_ client: Client) {
    client.transaction.isDirty = true
    removeAll(of: client)
  }

  private static func entry(_ key: WatchedKey, in database: Database) -> Entry? {
    let span = key.bytes.rawSpan
    return database.keys.find(span, hash: SipHash13.hash(span, database.seed))
  }

  private static func exists(_ key: WatchedKey, in database: Database) -> Bool {
    entry(key, in: database) != nil
  }

  private static func isDue(_ key: WatchedKey, in database: Database) -> Bool {
    guard let deadline = entry(key, in: database)?.deadlineIfAny else { return false }
    return database.moment.milliseconds > deadline
  }
}
