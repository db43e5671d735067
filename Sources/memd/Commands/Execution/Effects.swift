// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// The funnel: everything that a change of the keyspace causes beyond itself.
///
/// A handler says what changed; the order of what follows is decided here (event, watchers, stream)
/// and in `Execution` (reply, then clients that waited). Bytes for followers are written as RESP
/// commands: a unit that propagates one command writes it as it is, a unit of several wraps them in
/// MULTI and EXEC. SELECT is written where the database changes.
final class Effects {
  let backlog: ReplicationBacklog
  let attention: Attention
  let watched: WatchedKeys
  let blocked: BlockedClients
  /// Sees every keyspace event, in order; nil unless somebody asked for events.
  var observer: (any KeyEventObserver)? {
    didSet { attention.set(.observer, observer != nil) }
  }

  /// Clients that cache what they read; nil while there are none.
  var tracking: Tracking? {
    didSet { attention.set(.trackers, tracking != nil) }
  }

  /// Changes since the last save (`rdb_changes_since_last_save`).
  var changeCount = 0
  /// True on a follower: the stream it passes on is its leader's, so it adds nothing of its own.
  var isMuted = false
  /// False sends UNLINK, true DEL, for keys that expire or are evicted.
  var removesWithDel = false

  /// Commands of the unit under way that wait for its end.
  private var pending = CommandWriter()
  private var pendingCount = 0
  /// The database that the stream has selected; -1: none yet.
  private var streamDatabase = -1
  /// The database whose effects are written.
  private var database = 0
  /// True once the command under way has said itself what to propagate.
  private var isRewritten = false
  /// Units inside units: EXEC and scripts propagate when they end.
  private var depth = 0

  init(backlog: ReplicationBacklog) {
    self.backlog = backlog
    attention = Attention()
    watched = WatchedKeys(attention)
    blocked = BlockedClients(attention)
  }

  /// True if the command under way has left something to propagate.
  var hasPending: Bool { pendingCount != 0 }

  // MARK: - What handlers say

  /// One change of a key: counted, announced, and marked for whoever watches it or waits for it.
  @inline(__always)
  func changed(_ key: Key, _ event: KeyEvent, in database: Database) {
    changeCount &+= 1
    if !attention.kinds.isEmpty { tell(key, event, in: database) }
  }

  @inline(never)
  private func tell(_ key: Key, _ event: KeyEvent, in database: Database) {
    // Compatibility: who caches the key and hears its events, too, is told first that it is stale.
    touched(key, in: database)
    notify(event, key, in: database)
  }

  /// Announces an event that is no change of its own (a second event of one command).
  @inline(__always)
  func notify(_ event: KeyEvent, _ key: Key, in database: Database) {
    if attention.kinds.contains(.observer) { announce(event, key, in: database) }
  }

  @inline(never)
  private func announce(_ event: KeyEvent, _ key: Key, in database: Database) {
    observer?.observe(event, key.bytes, database: database.number)
  }

  /// The next event is about this field of a hash, among others perhaps.
  @inline(__always)
  func mention(field: RawSpan) {
    if attention.kinds.contains(.fields) { observer?.note(field: field) }
  }

  /// Marks a key for whoever watches it, caches it or waits for it: neither a change that counts
  /// nor an event of its own.
  func touched(_ key: Key, in database: Database) {
    let kinds = attention.kinds
    if kinds.contains(.trackers) { tracking?.keyChanged(key) }
    if kinds.contains(.watchers) { watched.touch(key.bytes, in: database) }
    if kinds.contains(.waiters) { blocked.signal(key, in: database) }
  }

  /// A key has been removed because its deadline has passed.
  func expired(_ key: Key, in database: Database) {
    removed(key, .expired, in: database)
  }

  /// A key has been removed to make room.
  func evicted(_ key: Key, in database: Database) {
    removed(key, .evicted, in: database)
  }

  private func removed(_ key: Key, _ event: KeyEvent, in database: Database) {
    notify(event, key, in: database)
    let kinds = attention.kinds
    if kinds.contains(.trackers) { tracking?.keyVanished(key) }
    if kinds.contains(.watchers) { watched.touchRemoved(key.bytes, in: database) }
    if kinds.contains(.waiters) { blocked.signal(key, in: database) }
    guard !isMuted else { return }
    let own = self.database
    self.database = database.number
    beginCommand(argumentCount: 2)
    appendArgument(removesWithDel ? "DEL" : "UNLINK")
    appendArgument(key.bytes)
    self.database = own
  }

  /// Fields of a hash are removed because their deadlines have passed; their names follow.
  func fieldsExpire(_ count: Int, of key: Key, in database: Database) {
    notify(.hashExpired, key, in: database)
    touched(key, in: database)
    guard !isMuted else { return }
    let own = self.database
    self.database = database.number
    beginCommand(argumentCount: count + 2)
    appendArgument("HDEL")
    appendArgument(key.bytes)
    self.database = own
  }

  /// Starts a command that goes to followers instead of the request; its arguments follow.
  func rewrite(_ name: StaticString, argumentCount: Int) {
    isRewritten = true
    guard !isMuted else { return }
    beginCommand(argumentCount: argumentCount + 1)
    appendArgument(name)
  }

  /// The next argument of a rewritten command.
  func append(_ bytes: RawSpan) {
    if !isMuted { appendArgument(bytes) }
  }

  /// The next argument of a rewritten command.
  func append(_ text: StaticString) {
    if !isMuted { appendArgument(text) }
  }

  /// The next argument of a rewritten command.
  func append(_ integer: Int) {
    if !isMuted { pending.append(integer: integer) }
  }

  /// The command under way propagates nothing (more) of its own.
  func suppress() { isRewritten = true }

  // MARK: - What execution says

  /// A command starts in `database`.
  @inline(__always)
  func begin(in database: Database) {
    isRewritten = false
    self.database = database.number
  }

  /// The command has changed something: unless it said otherwise, its request is propagated.
  @inline(__always)
  func propagate(_ arguments: Arguments, raw: RawSpan, isVerbatim: Bool) {
    guard isVerbatim, !isRewritten, !isMuted else { return }
    if depth == 0, pendingCount == 0, raw.byteCount != 0, database == streamDatabase {
      backlog.append(raw)
      return
    }
    selectStreamDatabase()
    pendingCount += 1
    if raw.byteCount != 0 {
      pending.append(raw: raw)
    } else {
      pending.append(arguments)
    }
  }

  /// A unit of several commands starts (EXEC).
  func beginUnit() { depth += 1 }

  /// The innermost unit ends; the outermost one writes what waits.
  func endUnit() {
    depth -= 1
    if depth == 0, pendingCount != 0 { flush(isTransaction: pendingCount > 1) }
  }

  /// Writes what a unit of one command has left.
  ///
  /// - Parameter isTransaction: whether several commands belong together.
  @inline(never)
  func flush(isTransaction: Bool) {
    guard depth == 0, pendingCount != 0 else { return }
    let wraps = isTransaction && pendingCount > 1
    if wraps { appendLiteral("*1\r\n$5\r\nMULTI\r\n") }
    backlog.append(pending.bytes)
    if wraps { appendLiteral("*1\r\n$4\r\nEXEC\r\n") }
    pending.removeAll()
    pendingCount = 0
  }

  private func appendLiteral(_ text: StaticString) {
    let span = unsafe RawSpan(_unsafeStart: text.utf8Start, byteCount: text.utf8CodeUnitCount)
    backlog.append(span)
  }

  /// Somebody joins the stream: the next command says which database it is for.
  func forgetDatabase() { streamDatabase = -1 }

  /// A PING for followers; it belongs to no database.
  func ping() { appendLiteral("*1\r\n$4\r\nPING\r\n") }

  // MARK: - Encoding

  private func beginCommand(argumentCount: Int) {
    selectStreamDatabase()
    pendingCount += 1
    pending.begin(argumentCount: argumentCount)
  }

  private func appendArgument(_ bytes: RawSpan) { pending.append(bytes) }

  private func appendArgument(_ text: StaticString) {
    pending.append(text)
  }

  private func selectStreamDatabase() {
    guard database != streamDatabase else { return }
    streamDatabase = database
    pending.begin(argumentCount: 2)
    pending.append("SELECT")
    pending.append(integer: database)
  }
}

/// Whoever wants to see keyspace events as they happen.
protocol KeyEventObserver: AnyObject {
  /// An event of one key; the bytes are valid during the call.
  func observe(_ event: KeyEvent, _ key: RawSpan, database: Int)

  /// A field that the next event is about; only while `Attention.Kinds.fields` prevails.
  func note(field: RawSpan)
}

extension KeyEventObserver {
  func note(field: RawSpan) {}
}
