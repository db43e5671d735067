// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// Fills databases with the keys of an RDB, a slice at a time.
final class RDBLoader {
  /// What may be in the way of a key, and what becomes of it.
  struct Options {
    /// False believes the file without looking at its checksum.
    var verifiesChecksum = true
    /// Keys that are left out because their deadline has passed are announced: followers have them.
    var announcesExpired = false
    /// Keys whose deadline has passed are kept: what follows was done while they were there.
    var keepsDueKeys = false
    /// A key that is there already is replaced; else that is an error.
    var replaces = false
    /// Commands of a log become the server's own stream again.
    var restoresStream = false
    /// Called before the first key, or at the end without one, with the point of the stream that
    /// the file is of.
    var beforeKeys: ((LogPosition?) -> Void)?
    /// Where libraries of functions go, and who loads them; what follows in the file goes on if
    /// nobody does.
    var libraries: LibrarySet?
    var loadLibrary: ((RawSpan, LibrarySet) throws(LibraryError) -> Void)?
    /// Libraries that are here stay where the file has none of that name; else all of them go.
    var keepsLibraries = false
    /// Hears of every key, and none is stored: the databases only lend their memory.
    var report: RDBReport?
  }

  let reader: RDBReader
  private let databases: [Database]
  private let log: Log
  private var options: Options
  private var database: Database
  private(set) var version = 0
  private(set) var keysLoaded = 0
  private(set) var keysExpired = 0
  private(set) var emptyKeys = 0
  /// Memory of the server that made the file, in bytes, as it says.
  private(set) var usedMemory = 0
  /// The database that its stream had selected, as it says.
  private(set) var streamDatabase = 0
  /// The history that it is of, and where it was, as it says.
  private var streamID: ByteText?
  private var streamOffset: Int?

  /// The point of the stream at which the server was that made it, if it says so.
  var position: LogPosition? {
    guard let streamID, ReplicationStream.isID(streamID), let streamOffset,
      0...ReplicationStream.offsetMax ~= streamOffset
    else { return nil }
    return LogPosition(replicationID: streamID, offset: streamOffset)
  }
  private var hasHeader = false
  /// Keys for which buckets are to be made before they come.
  private var announcedCount = 0
  /// Keys of `database` that are about to be stored.
  private let batch = Held(KeyBatch())
  /// What stands in front of the next key.
  private var deadline: Int64?
  private var access: RDBAccess?

  private static let bucketsPerStep = 1024
  /// What is announced must be possible before memory is taken for it; shorter keys do without.
  private static let bytesPerKeyMin = 16

  init(reader: RDBReader, into databases: [Database], log: Log, options: Options) {
    self.reader = reader
    self.databases = databases
    self.log = log
    self.options = options
    database = databases[0]
    reader.sumsUp = options.verifiesChecksum
  }

  deinit { batch.free() }

  /// Keys that were met so far, whatever became of them.
  var keyCount: Int { keysLoaded + keysExpired + emptyKeys + batch.value.waitingCount }

  /// Loads until `isTimeOver` says so, which is asked behind so many steps, each of them a key or
  /// something smaller, or until the helper that reads ahead is behind; true at the end.
  func load(stepsPerQuestion: Int, isTimeOver: () -> Bool) throws(RDBError) -> Bool {
    let isDone: Bool
    do throws(RDBError) {
      isDone = try read(stepsPerQuestion: stepsPerQuestion, isTimeOver: isTimeOver)
    } catch {
      // What is wrong with these keys stands in front of it.
      try storeBatch()
      throw error
    }
    try storeBatch()
    return isDone
  }

  private func read(stepsPerQuestion: Int, isTimeOver: () -> Bool) throws(RDBError) -> Bool {
    var key = ByteBuffer()
    var value = ByteBuffer()
    if reader.isStarved { return false }
    if !hasHeader { try readHeader() }
    var count = 0
    while try step(&key, &value) {
      count &+= 1
      if count.isMultiple(of: stepsPerQuestion), reader.isStarved || isTimeOver() { return false }
      if value.capacity > 1 << 20 { value.removeAll(keepingCapacity: false) }
    }
    return true
  }

  // MARK: - Header

  private func readHeader() throws(RDBError) {
    var header: [UInt8] = []
    for _ in 0..<9 { header.append(try reader.byte()) }
    let isValkey = header.starts(with: Array("VALKEY".utf8))
    guard isValkey || header.starts(with: Array("REDIS".utf8)) else {
      throw reader.failure(.notRDB)
    }
    let digits = ByteText(header[(isValkey ? 6 : 5)...])
    guard let number = digits.integer(), RDBFormat.isKnown(version: number),
      isValkey == RDBFormat.valkeyVersions.contains(number)
    else { throw reader.failure(.unknownVersion(digits.logText)) }
    version = number
    reader.dialect = isValkey ? .valkey : .redis
    hasHeader = true
  }

  // MARK: - Body

  /// Reads one key or one opcode; false at the end.
  private func step(_ key: inout ByteBuffer, _ value: inout ByteBuffer) throws(RDBError) -> Bool {
    if announcedCount > 0 {
      if database.reserve(announcedCount, atMost: RDBLoader.bucketsPerStep) { announcedCount = 0 }
      return true
    }
    let code = try reader.byte()
    guard let opcode = RDBFormat.Opcode(rawValue: code) else {
      try readKey(code, &key, &value)
      return true
    }
    switch opcode {
    case .end:
      try readChecksum()
      tellPosition()
      return false
    case .deadlineMilliseconds: deadline = try reader.littleEndian(Int64.self)
    case .deadlineSeconds: deadline = Int64(try reader.littleEndian(Int32.self)) * 1000
    case .idle: access = .idle(Int(clamping: try reader.number()))
    case .frequency: access = .frequency(try reader.byte())
    case .selectDatabase: try select(try reader.length())
    case .resize:
      let count = try reader.length()
      _ = try reader.length()
      if options.report == nil { announce(count) }
    case .enterpriseUse, .enterpriseSlot: _ = try reader.number()
    case .slotInfo: for _ in 0..<3 { _ = try reader.length() }
    case .aux:
      try reader.string(into: &key)
      try reader.string(into: &value)
      noteAux(key.bytes, value.bytes)
    case .function:
      try reader.string(into: &value)
      try loadLibrary(value.bytes)
    case .oldFunction: throw reader.malformed("functions of a release candidate of Redis 7.0")
    case .moduleAux: try skipModuleData()
    }
    return true
  }

  private func loadLibrary(_ code: RawSpan) throws(RDBError) {
    do throws(LibraryError) {
      if let report = options.report { report.note(try LibraryHeader(of: code)) }
      if let libraries = options.libraries { try options.loadLibrary?(code, libraries) }
    } catch {
      throw reader.failure(.library(error.message.logText))
    }
  }

  private func select(_ number: Int) throws(RDBError) {
    if let report = options.report { return report.select(number) }
    tellPosition()
    guard number < databases.count else { throw reader.failure(.databaseOutOfRange(number)) }
    try storeBatch()
    database = databases[number]
  }

  private func tellPosition() {
    options.beforeKeys?(position)
    options.beforeKeys = nil
  }

  /// So many keys of the database are said to follow.
  private func announce(_ count: Int) {
    announcedCount = min(count, reader.remainingByteCount / RDBLoader.bytesPerKeyMin)
  }

  private func noteAux(_ name: RawSpan, _ value: RawSpan) {
    if let report = options.report { return report.noteField(name, value) }
    switch FoldedName(folding: name) {
    case FoldedName("redis-ver"), FoldedName("valkey-ver"):
      log.notice("Loading RDB produced by version \(value.logText(ofAtMost: 128))")
    case FoldedName("used-mem"):
      usedMemory = DecimalText.parse(value) ?? 0
      let megabytes = FixedPoint.text(Double(usedMemory) / (1024 * 1024), digits: 2)
      log.notice("RDB memory usage when created \(megabytes) Mb")
    case FoldedName("repl-id"): streamID = ByteText(value)
    case FoldedName("repl-offset"): streamOffset = DecimalText.parse(value)
    case FoldedName("repl-stream-db"): streamDatabase = DecimalText.parse(value) ?? 0
    case FoldedName("ctime"):
      guard let time = DecimalText.parse(value) else { return }
      let (age, overflows) = (database.moment.milliseconds / 1000).subtractingReportingOverflow(
        Int64(time))
      log.notice("RDB age \(overflows ? 0 : max(0, age)) seconds")
    default: break
    }
  }

  /// Passes over what a module has stored beside the keys.
  private func skipModuleData() throws(RDBError) {
    let name = RDBFormat.moduleName(try reader.number())
    // When it is to be loaded, with an opcode in front.
    for _ in 0..<2 { _ = try reader.number() }
    while true {
      switch try reader.number() {
      case RDBFormat.ModulePart.end:
        log.warning(
          "The RDB contains data of the module '\(name)', which memd doesn't have: skipped")
        options.report?.noteSkipped("data of the module '\(name)', which memd doesn't have")
        return
      case RDBFormat.ModulePart.signed, RDBFormat.ModulePart.unsigned: _ = try reader.number()
      case RDBFormat.ModulePart.float: try reader.skip(4)
      case RDBFormat.ModulePart.double: try reader.skip(8)
      case RDBFormat.ModulePart.string: try reader.skipString()
      default: throw reader.malformed("module data")
      }
    }
  }

  private func readChecksum() throws(RDBError) {
    guard version >= RDBFormat.checksumVersion else {
      options.report?.checksum = .none
      return
    }
    let found = options.verifiesChecksum ? reader.checksum() : 0
    let expected = try reader.littleEndian(UInt64.self)
    guard options.verifiesChecksum else { return }
    if expected == 0 {
      log.notice("RDB file was saved with checksum disabled: no check performed.")
    } else if expected != found {
      throw reader.failure(.checksum(expected: expected, found: found))
    }
    options.report?.checksum = expected == 0 ? .disabled : .right
  }

  // MARK: - Keys

  private func readKey(
    _ code: UInt8, _ text: inout ByteBuffer, _ scratch: inout ByteBuffer
  ) throws(RDBError) {
    defer {
      deadline = nil
      access = nil
    }
    guard let kind = RDBFormat.ValueKind(rawValue: code) else {
      throw reader.failure(.unknownType(code))
    }
    try reader.string(into: &text)
    let start = reader.offset
    let outcome: ValueOutcome
    do throws(RDBError) {
      outcome = try reader.value(
        kind, key: text.bytes, hasDeadline: deadline != nil, database, &scratch)
    } catch {
      throw described(error, text.bytes, kind)
    }
    let key = Key(text.bytes, seed: database.seed)
    switch consume outcome {
    case .empty:
      emptyKeys += 1
      options.report?.noteEmpty(key.bytes)
      if emptyKeys <= 10 {
        log.notice("rdbLoadObject skipping empty key: \(key.bytes.logText(ofAtMost: 128))")
      }
    case .entry(let entry):
      guard let report = options.report else { return try store(entry, key, kind) }
      report.note(
        key.bytes, entry.entry, byteCount: reader.offset - start, deadline: deadline,
        now: database.moment.milliseconds)
      database.discard(entry)
    }
  }

  private func store(
    _ entry: consuming DetachedEntry, _ key: Key, _ kind: RDBFormat.ValueKind
  ) throws(RDBError) {
    if let deadline {
      entry.writable.deadline = deadline
      if deadline < database.moment.milliseconds, !options.keepsDueKeys {
        database.discard(entry)
        keysExpired += 1
        if options.announcesExpired { try announceExpiry(of: key) }
        return
      }
    }
    entry.writable.header.access = database.access(access)
    database.keys.prefetchBucket(key.hash)
    batch.value.append(
      KeyBatch.Element(entry: entry, hash: key.hash, offset: reader.offset, kind: kind))
    if batch.value.isFull { try storeBatch() }
  }

  /// Tells of a due key that was left out.
  private func announceExpiry(of key: Key) throws(RDBError) {
    try storeBatch()
    // One that is still there, too, goes by itself.
    if database.keys.find(key.bytes, hash: key.hash) == nil { database.announceExpiry(of: key) }
  }

  /// Stores the keys that wait for it. Of a key that can't be stored the error is thrown, and those
  /// behind it are dropped.
  private func storeBatch() throws(RDBError) {
    var failure: RDBError?
    while let element = batch.value.takeFirst() {
      let entry = element.entry.entry
      let key = Key(entry.key, hash: element.hash)
      if failure == nil, database.keys.find(key.bytes, hash: key.hash) != nil {
        if options.replaces {
          _ = database.remove(key)
        } else {
          failure = RDBError(
            .duplicateKey, offset: element.offset, key: key.bytes.copied, kind: element.kind)
        }
      }
      if failure == nil {
        database.attachQuietly(element.entry, key)
        keysLoaded += 1
      } else {
        database.discard(element.entry)
      }
    }
    if let failure { throw failure }
  }

  private func described(
    _ error: RDBError, _ key: RawSpan, _ kind: RDBFormat.ValueKind
  ) -> RDBError {
    RDBError(error.reason, offset: error.offset, key: key.copied, kind: kind)
  }
}

/// What became of the bytes of a value.
enum ValueOutcome: ~Copyable {
  /// A collection without elements, which no key can have.
  case empty
  /// An entry that no table knows yet; the deadline, if it has one, is to be filled.
  case entry(DetachedEntry)
}

extension Database {
  /// The access field of a key that was used as an RDB or RESTORE tells, or of a new one.
  func access(_ access: RDBAccess?) -> UInt32 {
    switch access {
    case .idle(let seconds) where !moment.countsAccesses:
      // The clock ticks every 16 ms; longer than it can tell is as long as it can.
      let ticks = min(seconds, Int(Entry.Header.accessMask) / 63) * 1000 / 16
      return (moment.accessClock &- UInt32(ticks)) & Entry.Header.accessMask
    case .frequency(let counter) where moment.countsAccesses:
      return AccessCounter.access(counter, at: moment.frequencyClock)
    default: return initialAccess
    }
  }
}
