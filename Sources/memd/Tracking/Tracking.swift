// SPDX-License-Identifier: Apache-2.0
//
// Client-side caching. A client that reads a key and keeps what it got wants to be told when the
// key changes. In the usual mode the server remembers who has read what (`InvalidationTable`), says
// so once when a key changes, and forgets it; in broadcasting mode it remembers nothing and tells
// everybody who listens to one of the key's prefixes (`PrefixTable`), once per turn.
//
// All of this exists only while a client asks for it: `Effects.tracking` is nil else, and a write
// looks at one bit of `Attention`. Reads of a client that tracks take the slower way through
// `runGated`; those of all others stay as they are.

import DataStructures
import RESP

/// Everything about the clients that cache what they read.
final class Tracking {
  private unowned let server: Server
  private var byNumber: [UInt32: Tracker] = [:]
  /// Who holds what. Whoever drops all of this hands it over to be freed in slices.
  private(set) var table: InvalidationTable
  let prefixes = PrefixTable()
  private var random: RandomGenerator
  private var message = InvalidationMessage()

  init(_ server: Server) {
    self.server = server
    random = RandomGenerator(seed: server.keyspace.random.next())
    table = Tracking.makeTable(server)
  }

  private static func makeTable(_ server: Server) -> InvalidationTable {
    InvalidationTable(allocator: server.allocator, seed: server.keyspace.seed)
  }

  /// Number of clients that track.
  var clientCount: Int { byNumber.count }
  /// Number of keys that somebody holds.
  var keyCount: Int { table.keyCount }
  /// Number of pairs of a key and a client that holds it.
  var itemCount: Int { table.itemCount }

  // MARK: - Clients

  /// A client begins to track; it has a number of its own from now on.
  func add(_ client: Client) -> Tracker {
    // As a rule the client's own number: what it read before it stopped tracking is found again.
    var number = UInt32(truncatingIfNeeded: client.id)
    while byNumber[number] != nil { number &+= 1 }
    let tracker = Tracker(client: client, number: number)
    byNumber[number] = tracker
    return tracker
  }

  /// A client tracks no more. What it has read stays in the table until the keys change.
  func remove(_ tracker: Tracker) {
    for prefix in tracker.prefixes { prefixes.remove(tracker, from: prefix) }
    tracker.prefixes = []
    byNumber[tracker.number] = nil
  }

  // MARK: - Keys

  /// A client has read a key.
  func remember(_ key: Key, for tracker: Tracker) {
    table.insert(key, for: tracker.number) { byNumber[$0] != nil }
  }

  /// The client whose unit is under way has changed or removed a key.
  func keyChanged(_ key: Key) { keyChanged(key, author: server.output.pushes.author) }

  /// A key has expired or was evicted: that is nobody's doing.
  func keyVanished(_ key: Key) { keyChanged(key, author: 0) }

  private func keyChanged(_ key: Key, author: Int) {
    if prefixes.count > 0, prefixes.note(key.bytes, author: author) {
      server.effects.attention.set(.broadcasts, true)
    }
    if let tracked = table.remove(key) { invalidate(tracked, author: author) }
  }

  /// Tells those who hold a key, which has been taken out of the table, and frees it.
  private func invalidate(_ tracked: TrackedKey, author: Int) {
    message.mean(count: 1)
    message.append(tracked.bytes)
    for index in 0..<tracked.count {
      guard let tracker = byNumber[tracked[index]], !tracker.options.contains(.broadcast) else {
        continue
      }
      if tracker.options.contains(.noLoop), tracker.client.id == author { continue }
      send(to: tracker)
    }
    table.free(tracked)
  }

  /// All keys of a database, or of all, are gone: everybody forgets everything.
  func forgetAll() {
    server.keyspace.unlinked.add(table)
    table = Tracking.makeTable(server)
    message.meanAll()
    for client in server.clients.all {
      if let tracker = client.tracker { send(to: tracker) }
    }
  }

  /// True while more keys are remembered than may be.
  var isOverLimit: Bool {
    let limit = server.configuration.trackingTableMaxKeys
    return limit > 0 && table.keyCount > limit
  }

  /// Forgets some keys, drawn by lot, if there are too many; whoever holds them is told.
  ///
  /// - Parameter count: forgets at most so many; what is still too much goes in the next turn.
  func enforceLimit(upTo count: Int = 100) {
    var remaining = count
    while isOverLimit, remaining > 0, let tracked = table.removeRandom(using: &random) {
      invalidate(tracked, author: 0)
      remaining -= 1
    }
  }

  // MARK: - Broadcasting

  /// Tells those who listen to prefixes what has changed in this turn.
  func broadcast() {
    server.effects.attention.set(.broadcasts, false)
    for group in prefixes.takeChanged() {
      let changes = group.takeChanges()
      var keyCount = 0
      changes.forEach { _, _ in keyCount += 1 }
      message.mean(count: keyCount)
      changes.forEach { key, _ in message.append(key) }
      for tracker in group.listeners where !tracker.options.contains(.noLoop) { send(to: tracker) }
      for tracker in group.listeners where tracker.options.contains(.noLoop) {
        broadcast(changes, toAllBut: tracker)
      }
    }
  }

  /// Tells a client of those changes that are not its own.
  private func broadcast(_ changes: ChangedKeys, toAllBut tracker: Tracker) {
    var keyCount = 0
    changes.forEach { _, author in if author != tracker.client.id { keyCount += 1 } }
    guard keyCount > 0 else { return }
    message.mean(count: keyCount)
    changes.forEach { key, author in if author != tracker.client.id { message.append(key) } }
    send(to: tracker)
  }

  // MARK: - Sending

  /// Sends the message to a client, or to the one that gets its messages.
  private func send(to tracker: Tracker) {
    var target = tracker.client
    if tracker.redirect != 0 {
      guard let other = server.clients.find(id: tracker.redirect) else {
        return announceBrokenRedirect(tracker)
      }
      target = other
    }
    let isRedirected = tracker.redirect != 0
    // In RESP2 a message would be taken for a reply, unless its receiver expects messages.
    guard target.version == .resp3 || (isRedirected && target.flags.contains(.pubsub)) else {
      return
    }
    message.write(for: target.version)
    message.send(to: target, of: server, isOwn: target === tracker.client)
  }

  private func announceBrokenRedirect(_ tracker: Tracker) {
    tracker.isBroken = true
    guard tracker.client.version == .resp3 else { return }
    var text = ReplyWriter(version: .resp3)
    text.push(2)
    text.bulk("tracking-redir-broken")
    text.integer(tracker.redirect)
    server.push(text.bytes, to: tracker.client, isInvalidation: true)
  }
}
