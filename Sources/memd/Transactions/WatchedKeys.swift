// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Keys that clients watch, and who has to be told when one of them changes.
final class WatchedKeys {
  /// A key of a database.
  struct WatchedKey: Hashable {
    let database: Int
    let bytes: [UInt8]
  }

  private let attention: Attention
  private var watchers: [WatchedKey: [Client]] = [:]
  /// Clients that watch at least one key, in the order in which they began.
  private(set) var clients: [Client] = [] {
    didSet { attention.set(.watchers, !clients.isEmpty) }
  }

  init(_ attention: Attention) { self.attention = attention }

  /// True while nobody watches anything.
  var isEmpty: Bool { clients.isEmpty }
  /// Number of different keys that are watched (INFO's total_watched_keys).
  var keyCount: Int { watchers.count }
  /// Memory of the table of watched keys, roughly.
  private(set) var byteCount = 0
  /// What a key costs beyond its bytes: its place in the table, two arrays, and a reference.
  private static let keyOverhead = 150

  /// Starts watching; a key that the client watches already changes nothing.
  func add(_ key: Key, in database: Database, for client: Client) {
    let watched = WatchedKey(database: database.number, bytes: key.bytes.copied)
    guard !client.transaction.watched.contains(where: { $0.key == watched }) else { return }
    if client.transaction.watched.isEmpty { clients.append(client) }
    client.transaction.watched.append(
      Transaction.Watch(key: watched, wasDue: WatchedKeys.isDue(watched, in: database)))
    if watchers[watched] == nil { byteCount += watched.bytes.count + WatchedKeys.keyOverhead }
    watchers[watched, default: []].append(client)
  }

  /// Forgets everything that the client watches.
  func removeAll(of client: Client) {
    guard !client.transaction.watched.isEmpty else { return }
    for watch in client.transaction.watched {
      guard var others = watchers[watch.key] else { continue }
      others.removeAll { $0 === client }
      if others.isEmpty { byteCount -= watch.key.bytes.count + WatchedKeys.keyOverhead }
      watchers[watch.key] = others.isEmpty ? nil : others
    }
    client.transaction.watched = []
    clients.removeAll { $0 === client }
  }

  /// A key changes: EXEC of its watchers will fail.
  @inline(never)
  func touch(_ bytes: RawSpan, in database: Database) {
    let key = WatchedKey(database: database.number, bytes: bytes.copied)
    guard let affected = watchers[key] else { return }
    for client in affected { spoil(client) }
  }

  /// A key is about to be removed because it is due, or to make room.
  ///
  /// For whoever began to watch it when it was due already, it was as good as removed then: nothing
  /// changes, but from now on it is watched like any missing key.
  @inline(never)
  func touchRemoved(_ bytes: RawSpan, in database: Database) {
    let key = WatchedKey(database: database.number, bytes: bytes.copied)
    guard let affected = watchers[key] else { return }
    for client in affected {
      let index = client.transaction.watched.firstIndex { $0.key == key }
      if let index, client.transaction.watched[index].wasDue {
        client.transaction.watched[index].wasDue = false
      } else {
        spoil(client)
      }
    }
  }

  /// All keys of a database change at once (FLUSHDB, SWAPDB): those that exist before or after.
  ///
  /// - Parameter replacement: the database whose keys take their place; nil: none do.
  func touchAll(in database: Database, replacedBy replacement: Database? = nil) {
    for client in clients {
      for index in client.transaction.watched.indices {
        let watch = client.transaction.watched[index]
        guard watch.key.database == database.number else { continue }
        let existed = WatchedKeys.exists(watch.key, in: database) && !watch.wasDue
        let willExist = replacement.map { WatchedKeys.exists(watch.key, in: $0) } ?? false
        let willBeDue = replacement.map { WatchedKeys.isDue(watch.key, in: $0) } ?? false
        client.transaction.watched[index].wasDue = willBeDue
        if existed || (willExist && !willBeDue) { client.transaction.isDirty = true }
      }
    }
  }

  /// True if a key that the client watches has become due and was not removed yet.
  func hasExpired(for client: Client, in keyspace: Keyspace) -> Bool {
    client.transaction.watched.contains { watch in
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
    return database.contents.table.find(span, hash: SipHash13.hash(span, database.seed))
  }

  private static func exists(_ key: WatchedKey, in database: Database) -> Bool {
    entry(key, in: database) != nil
  }

  private static func isDue(_ key: WatchedKey, in database: Database) -> Bool {
    guard let deadline = entry(key, in: database)?.deadlineIfAny else { return false }
    return database.moment.milliseconds > deadline
  }
}
