// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Keys that clients watch, and who has to be told when one of them changes.
final class WatchedKeys {
  /// A key of a database.
  struct WatchedKey: Hashable {
    let database: Int
    let bytes: [UInt8]
  }

  private var watchers: [WatchedKey: [Client]] = [:]
  /// Clients that watch at least one key, in the order in which they began.
  private(set) var clients: [Client] = [] {
    didSet { isEmpty = clients.isEmpty }
  }

  /// True while nobody watches anything: the common case, which every write asks for.
  private(set) var isEmpty = true
  /// Number of different keys that are watched (INFO's total_watched_keys).
  var keyCount: Int { watchers.count }

  /// Starts watching; a key that the client watches already changes nothing.
  func add(_ key: WatchedKey, wasDue: Bool, for client: Client) {
    guard !client.transaction.watched.contains(where: { $0.key == key }) else { return }
    if client.transaction.watched.isEmpty { clients.append(client) }
    client.transaction.watched.append(Transaction.Watch(key: key, wasDue: wasDue))
    watchers[key, default: []].append(client)
  }

  /// Forgets everything that the client watches.
  func removeAll(of client: Client) {
    guard !client.transaction.watched.isEmpty else { return }
    for watch in client.transaction.watched {
      guard var others = watchers[watch.key] else { continue }
      others.removeAll { $0 === client }
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
    for client in affected {
      // A key that was already expired when it was watched stays unchanged by its removal.
      if let watch = client.transaction.watched.first(where: { $0.key == key }), watch.wasDue,
        !exists(key, in: database)
      {
        continue
      }
      client.transaction.isDirty = true
    }
  }

  /// All keys of a database change at once (FLUSHDB, SWAPDB): those that exist before or after.
  ///
  /// - Parameter replacement: the database whose keys take their place; nil: none do.
  func touchAll(in database: Database, replacedBy replacement: Database? = nil) {
    for client in clients {
      for watch in client.transaction.watched where watch.key.database == database.number {
        let existed = exists(watch.key, in: database) && !watch.wasDue
        let willExist = replacement.map { exists(watch.key, in: $0) } ?? false
        if existed || willExist { client.transaction.isDirty = true }
      }
    }
  }

  private func exists(_ key: WatchedKey, in database: Database) -> Bool {
    let span = key.bytes.rawSpan
    return database.contents.table.find(
      span, hash: SipHash13.hash(span, database.seed)) != nil
  }
}
