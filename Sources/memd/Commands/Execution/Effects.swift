// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// The funnel: everything that a change of the keyspace causes beyond itself.
///
/// A handler says what changed; the order of what follows is decided here (marks for clients that
/// cache, watch or wait for the key, then the event; when the unit ends, the stream) and in
/// `Execution` (after the stream the client's own messages, then clients that waited). Bytes for
/// followers are written as RESP commands: a unit that propagates one command writes it as it is, a
/// transaction of several wraps them in MULTI and EXEC. SELECT is written where the database
/// changes.
final class Effects {
  /// Where effects go that others are to hear of.
  let stream: ReplicationStream
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

  /// What a follower's clients have written that expires; nil unless they may write.
  var localDeadlines: LocalDeadlines? {
    didSet { attention.set(.localWrites, localDeadlines != nil) }
  }

  /// Hears of keys that go because they are due or to make room; nil unless somebody counts them.
  var removals: (any RemovalObserver)?

  /// Changes since the start (`rdb_changes_since_last_save` counts from a save on).
  private(set) var changeCount = 0
  /// True while a leader's stream is applied: nothing of it goes into this server's own stream.
  var isMuted = false
  /// False sends UNLINK, true DEL, for keys that expire or are evicted.
  var removesWithDel = false

  /// Commands of the unit under way that wait for its end.
  private var pending = CommandWriter()
  private var pendingCount = 0 {
    didSet { attention.set(.effects, pendingCount != 0) }
  }
  /// Whether the commands that wait belong together: followers get MULTI and EXEC around them.
  private var isTransaction = false
  /// Arguments that the command which was begun last has announced and not got yet.
  private var missingArguments = 0
  /// The database that the stream has selected; -1: none yet.
  private var streamDatabase = -1
  /// The database whose effects are written.
  private var database = 0
  /// Parts of the stream that are for followers only, as messages are; noted while somebody takes
  /// them.
  private var unlogged: [Range<Int>] = []
  /// The last of them, and the last part that changes nothing: messages, PINGs and questions.
  private var lastUnlogged = 0..<0
  private var lastIdle = 0..<0
  private var pendingUnlogged: [Range<Int>] = []
  private var hasPendingUnlogged = false
  var notesUnlogged = false {
    didSet { if !notesUnlogged { unlogged.removeAll() } }
  }
  /// True once the command under way has said itself what to propagate.
  private(set) var isRewritten = false
  /// Where that begins among the commands that wait.
  private var rewrittenStart = 0

  init(stream: ReplicationStream) {
    self.stream = stream
    attention = Attention()
    watched = WatchedKeys(attention)
    blocked = BlockedClients(attention)
  }

  // MARK: - What handlers say

  /// A key has changed: counted, announced, and marked for whoever watches it or waits for it.
  ///
  /// - Parameter count: what the change counts for; with 0 followers don't hear of it.
  @inline(__always)
  func changed(_ key: Key, _ event: KeyEvent, in database: Database, count: Int = 1) {
    changeCount &+= count
    if !attention.kinds.isEmpty { tell(key, event, in: database) }
  }

  @inline(never)
  private func tell(_ key: Key, _ event: KeyEvent, in database: Database) {
    // Compatibility: who caches the key and hears its events, too, is told first that it is stale.
    touched(key, in: database)
    notify(event, key, in: database)
    localDeadlines?.noteChange(of: key, in: database)
  }

  /// Changes that are announced otherwise, or not at all; they are propagated like others.
  func countChanges(_ count: Int) { changeCount &+= count }

  /// Announces an event that is no change of its own (a second event of one command).
  @inline(__always)
  func notify(_ event: KeyEvent, _ key: Key, in database: Database) {
    if attention.kinds.contains(.observer) { announce(event, key, in: database) }
  }

  /// The next event is about this field of a hash, among others perhaps.
  @inline(__always)
  func mention(field: RawSpan) {
    if attention.kinds.contains(.fields) { note(field: field) }
  }

  @inline(never)
  private func note(field: RawSpan) { observer?.note(field: field) }

  /// Marks a key for whoever watches it, caches it or waits for it: neither a change that counts
  /// nor an event of its own.
  func touched(_ key: Key, in database: Database) {
    let kinds = attention.kinds
    if kinds.contains(.trackers) { tracking?.keyChanged(key) }
    if kinds.contains(.watchers) { watched.touch(key.bytes, in: database) }
    if kinds.contains(.waiters) { blocked.signal(key, in: database) }
  }

  /// Starts a command that goes to followers instead of the request; its arguments follow.
  func rewrite(_ name: StaticString, argumentCount: Int) {
    if !isRewritten { rewrittenStart = pending.count }
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
    guard !isMuted else { return }
    missingArguments -= 1
    pending.append(integer: integer)
  }

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
    if pendingCount == 0, raw.byteCount != 0, database == streamDatabase {
      stream.append(raw)
      return
    }
    checkArguments()
    selectStreamDatabase()
    pendingCount += 1
    if raw.byteCount != 0 {
      pending.append(raw: raw)
    } else {
      pending.append(arguments)
    }
  }

  /// Has the request under way sent to followers, though it changes nothing.
  func tellFollowers(_ arguments: Arguments) {
    guard !isMuted else { return }
    checkArguments()
    // Compatibility: as Redis does, though messages know no databases. As long as nobody has heard
    // of the history nobody could tell, and nothing but messages has come.
    if stream.isIDKnown { selectStreamDatabase() }
    pendingCount += 1
    let start = pending.count
    pending.append(arguments)
    pendingUnlogged.append(start..<pending.count)
    hasPendingUnlogged = true
  }

  /// What waits when a command has ended belongs together, unless the command happened upon it: a
  /// key that is due is no part of what SCAN does.
  func keepTogether(_ isTransaction: Bool) { self.isTransaction = isTransaction }

  /// The unit has ended: what waits goes into the stream.
  @inline(never)
  func endUnit() {
    guard pendingCount != 0 else { return }
    checkArguments()
    let wraps = isTransaction && pendingCount > 1
    if wraps { appendLiteral("*1\r\n$5\r\nMULTI\r\n") }
    if hasPendingUnlogged { notePendingUnlogged() }
    stream.append(pending.bytes)
    if wraps { appendLiteral("*1\r\n$4\r\nEXEC\r\n") }
    pending.removeAll()
    pendingCount = 0
    isTransaction = false
  }

  /// The server ends in the midst of a unit: nobody gets what it has done so far.
  func abandonUnit() {
    pending.removeAll()
    pendingUnlogged.removeAll()
    hasPendingUnlogged = false
    pendingCount = 0
    missingArguments = 0
    isTransaction = false
    isMuted = true
  }

  private func appendLiteral(_ text: StaticString) {
    let span = unsafe RawSpan(_unsafeStart: text.utf8Start, byteCount: text.utf8CodeUnitCount)
    stream.append(span)
  }

  /// The database that the stream has selected; nil if the next command says so itself.
  var selectedDatabaseIfAny: Int? { streamDatabase < 0 ? nil : streamDatabase }

  /// The database that the stream has selected; 0 if the next command says so itself.
  var selectedDatabase: Int { max(0, streamDatabase) }

  /// Somebody joins the stream: the next command says which database it is for.
  func forgetDatabase() { streamDatabase = -1 }

  /// A PING for followers; it belongs to no database.
  func ping() { appendIdle("*1\r\n$4\r\nPING\r\n") }

  /// A PING that brings a follower's mark back to it.
  func ping(_ mark: RawSpan) {
    var writer = CommandWriter()
    writer.begin(argumentCount: 2)
    writer.append("PING")
    writer.append(mark)
    noteIdle(appendApart { stream.append(writer.bytes) })
  }

  /// Asks followers how far they are.
  func askForAcknowledgements() {
    appendIdle("*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n")
  }

  /// Puts a command into the stream that changes nothing wherever it is executed.
  private func appendIdle(_ literal: StaticString) {
    noteIdle(appendApart { appendLiteral(literal) })
  }

  /// Puts a command into the stream that is for followers only, and for no database.
  func tellFollowersAlone(_ command: RawSpan) {
    noteUnlogged(appendApart { stream.append(command) })
  }

  /// Has something put into the stream that is no effect of a unit; tells where it stands.
  private func appendApart(_ append: () -> Void) -> Range<Int> {
    assert(!isMuted, "a follower adds nothing to its leader's stream")
    let start = stream.offset
    append()
    return start..<stream.offset
  }

  /// What waits is about to go into the stream.
  @inline(never)
  private func notePendingUnlogged() {
    for range in pendingUnlogged {
      noteUnlogged(stream.offset + range.lowerBound..<stream.offset + range.upperBound)
    }
    pendingUnlogged.removeAll()
    hasPendingUnlogged = false
  }

  private static func join(_ last: inout Range<Int>, _ range: Range<Int>) {
    let joins = last.upperBound == range.lowerBound
    last = (joins ? last.lowerBound : range.lowerBound)..<range.upperBound
  }

  private func noteIdle(_ range: Range<Int>) { Effects.join(&lastIdle, range) }

  private func noteUnlogged(_ range: Range<Int>) {
    noteIdle(range)
    Effects.join(&lastUnlogged, range)
    guard notesUnlogged else { return }
    if let last = unlogged.last, last.upperBound == range.lowerBound {
      unlogged[unlogged.count - 1] = last.lowerBound..<range.upperBound
    } else {
      unlogged.append(range)
    }
  }

  /// The parts of the stream that were noted since this was called last.
  func takeUnlogged() -> [Range<Int>] {
    defer { unlogged.removeAll() }
    return unlogged
  }

  /// Where the stream ends, apart from what is for followers only at its end.
  var loggedOffset: Int {
    lastUnlogged.upperBound == stream.offset ? lastUnlogged.lowerBound : stream.offset
  }

  /// Where the stream ends, apart from what changes nothing at its end.
  var dataOffset: Int {
    lastIdle.upperBound == stream.offset ? lastIdle.lowerBound : stream.offset
  }

  /// The stream is another one: nothing is known of its parts.
  func forgetParts() {
    unlogged.removeAll()
    lastUnlogged = 0..<0
    lastIdle = 0..<0
  }

  // MARK: - Encoding

  private func beginCommand(argumentCount: Int) {
    checkArguments()
    selectStreamDatabase()
    pendingCount += 1
    missingArguments = argumentCount
    pending.begin(argumentCount: argumentCount)
  }

  private func appendArgument(_ bytes: RawSpan) {
    missingArguments -= 1
    pending.append(bytes)
  }

  private func appendArgument(_ text: StaticString) {
    missingArguments -= 1
    pending.append(text)
  }

  /// A command with other arguments than it has announced would make nonsense of the whole stream.
  private func checkArguments() {
    precondition(missingArguments == 0, "a rewritten command has a wrong number of arguments")
  }

  /// Whether what the command under way has rewritten has this argument.
  private func hasRewritten(_ argument: RawSpan) -> Bool {
    guard isRewritten, pending.count > rewrittenStart else { return false }
    var writer = CommandWriter()
    writer.append(argument)
    let wanted = writer.bytes.copied
    let written = pending.bytes.copied
    return written.indices[rewrittenStart...].contains {
      written[$0...].starts(with: wanted)
    }
  }

  private func selectStreamDatabase() {
    guard database != streamDatabase else { return }
    streamDatabase = database
    pending.begin(argumentCount: 2)
    pending.append("SELECT")
    pending.append(integer: database)
  }
}

// MARK: - What the keyspace says

extension Effects: KeyspaceObserver {
  @inline(never)
  func announce(_ event: KeyEvent, _ key: Key, in database: Database) {
    observer?.observe(event, key.bytes, database: database.number)
  }

  @inline(never)
  func removed(_ key: Key, _ event: KeyEvent, in database: Database) {
    notify(event, key, in: database)
    removals?.noteRemoval(of: key.bytes, event)
    let kinds = attention.kinds
    if kinds.contains(.trackers) { tracking?.keyVanished(key) }
    if kinds.contains(.watchers) { watched.touchRemoved(key.bytes, in: database) }
    if kinds.contains(.waiters) { blocked.signal(key, in: database) }
    guard !isMuted else { return }
    assert(!hasRewritten(key.bytes), "a key goes behind what its command has said of it")
    propagate(removesWithDel ? "DEL" : "UNLINK", argumentCount: 1, in: database) {
      append(key.bytes)
    }
  }

  func fieldsExpire(
    _ count: Int, of key: Key, in database: Database,
    names: (_ visit: (StoredText) -> Void) -> Void
  ) {
    if attention.kinds.contains(.fields) { names { mention(field: $0) } }
    notify(.hashExpired, key, in: database)
    touched(key, in: database)
    guard !isMuted else { return }
    propagate("HDEL", argumentCount: count + 1, in: database) {
      append(key.bytes)
      names { append($0) }
    }
  }

  // Caches know no databases: with one of them emptied, all that they hold may be stale.
  func willFlush() { tracking?.forgetAll() }

  func willChange(_ database: Database, to replacement: Database?) {
    watched.touchAll(in: database, replacedBy: replacement)
    localDeadlines?.forgetAll(in: database.number)
  }

  func didChange(_ database: Database) { blocked.signalAll(in: database) }

  /// Has a command propagated beside the one under way, in a database of its own.
  private func propagate(
    _ name: StaticString, argumentCount: Int, in database: Database, _ arguments: () -> Void
  ) {
    let own = self.database
    self.database = database.number
    beginCommand(argumentCount: argumentCount + 1)
    appendArgument(name)
    arguments()
    self.database = own
  }
}

/// Whoever wants to see keyspace events as they happen.
protocol KeyEventObserver: AnyObject {
  /// An event of one key; the bytes are valid during the call.
  func observe(_ event: KeyEvent, _ key: RawSpan, database: Int)

  /// A field that the next event is about; only while `Attention.Kinds.fields` prevails.
  func note(field: RawSpan)
}

/// Whoever counts keys that go by themselves.
protocol RemovalObserver: AnyObject {
  /// A key has gone because it was due (`expired`) or to make room (`evicted`).
  func noteRemoval(of key: RawSpan, _ event: KeyEvent)
}

extension KeyEventObserver {
  func note(field: RawSpan) {}
}
