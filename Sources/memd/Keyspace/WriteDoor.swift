// SPDX-License-Identifier: Apache-2.0
//
// The write door: who may change what a database holds, in types.
//
//     Entry            a view: reads; all it writes is its access and its place in the wheels
//     WritableEntry    an entry of a table that may be changed; only the door hands it out
//     DetachedEntry    an entry that no table knows; whoever has it owns it, and must give it away
//
//     look-up for writing, wheel of fields ---> open ---> WritableEntry
//     made anew, taken out ----------------------------> DetachedEntry
//     DetachedEntry ---> attach   the key was absent
//                   ---> replace  it takes another entry's place
//                   ---> discard  it goes, what is large in slices
//
// So there is one place where a key comes, one where an entry takes the place of another, and one
// where a key goes: table, wheels, accounting and freeing of whole entries are dealt with here. Two
// things are not. A deadline that changes in place is told to the wheel by who changes it
// (`Database.store`, `setDeadline`). And compaction moves blocks, and writes their new addresses
// into the table.

import DataStructures
import RESP

/// An entry that may be changed, valid until the keyspace changes otherwise.
@safe
struct WritableEntry {
  /// The same entry for whoever reads.
  let entry: Entry

  @inline(__always)
  fileprivate init(_ entry: Entry) { self.entry = entry }

  var key: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = entry.key
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  var pointer: UnsafeMutableRawPointer { unsafe entry.pointer }

  var header: Entry.Header {
    @inline(__always) get { entry.header }
    @inline(__always) nonmutating set {
      unsafe entry.pointer.storeBytes(of: newValue.bits, as: UInt64.self)
    }
  }

  /// Milliseconds since 1970; only for entries whose header says that they have one. Who changes it
  /// tells the wheel.
  var deadline: Int64 {
    get { entry.deadline }
    nonmutating set {
      unsafe entry.pointer.storeBytes(of: newValue, toByteOffset: 8, as: Int64.self)
    }
  }

  /// The deadline, or nil for a key that lives until it is deleted.
  var deadlineIfAny: Int64? { entry.deadlineIfAny }

  /// The integer or address beside the key; only if the encoding is not embedded.
  var valueWord: UInt64 {
    @inline(__always) get { entry.valueWord }
    @inline(__always) nonmutating set {
      unsafe entry.pointer.storeBytes(
        of: newValue, toByteOffset: header.wordOffset, as: UInt64.self)
    }
  }

  /// Address of a packed collection's bytes.
  var packedStart: UnsafeMutableRawPointer {
    unsafe UnsafeMutableRawPointer(mutating: entry.packedStart)
  }

  /// The large form of a collection, which the caller knows to be a `Value`.
  @inline(__always)
  func box<Value: ~Copyable>(of type: Value.Type) -> WritableBox<Value> {
    WritableBox(owned: valueWord)
  }
}

/// An entry that no table and no wheel knows: new, or taken out.
///
/// Whoever has it owns it and gives it away in the end: `attach`, `replace`, or `discard`.
@safe
struct DetachedEntry: ~Copyable {
  let writable: WritableEntry

  /// The same entry for whoever reads.
  var entry: Entry { writable.entry }
  var header: Entry.Header { writable.header }

  /// Memory that has just been made an entry, or an entry that its owner has just forgotten.
  fileprivate init(_ entry: Entry) { writable = WritableEntry(entry) }

  deinit { assertionFailure("an entry that belongs to nobody was lost") }

  /// Gives up the ownership to a table, or to whoever frees the entry.
  @inline(__always)
  fileprivate consuming func release() -> WritableEntry {
    let writable = self.writable
    discard self
    return writable
  }

  /// Allocates an entry with header and key; the value and, if any, the deadline are to be filled.
  @inline(__always)
  static func allocate(
    _ header: Entry.Header, key: RawSpan, allocator: Allocator
  ) -> DetachedEntry {
    DetachedEntry(Entry.allocate(header, key: key, allocator: allocator))
  }

  /// Frees the value, of a large form at most `budget` elements, and the entry; returns what is
  /// left of the value.
  consuming func free(_ allocator: Allocator, budget: inout Int) -> UnlinkedValue? {
    let entry = release().entry
    let rest = entry.freeValue(allocator, budget: &budget)
    entry.freeShell(allocator)
    return rest
  }

  /// The value, if it is a collection in its large form, or a long string.
  var largeValue: UnlinkedValue? {
    guard entry.hasLargeForm || entry.isLongText else { return nil }
    return UnlinkedValue(
      type: header.type, encoding: header.encoding, word: entry.valueWord)
  }

  /// Frees the entry alone; somebody else has its value.
  consuming func freeWithoutValue(_ allocator: Allocator) {
    release().entry.freeShell(allocator)
  }

  /// The same value and deadline under another key; this entry is freed.
  consuming func renamed(to key: RawSpan, allocator: Allocator) -> DetachedEntry {
    let old = release().entry
    let new = old.withKey(key, allocator: allocator)
    old.freeShell(allocator)
    return new
  }
}

/// The address of a large form, for whoever may change it.
@safe
struct WritableBox<Value: ~Copyable> {
  let word: UInt64

  /// A form that belongs to the caller: one of an entry opened for writing, one that is being put
  /// together, one that is unlinked.
  @inline(__always)
  init(owned word: UInt64) { self.word = word }

  /// Moves `value` into a block of its own.
  init(_ value: consuming Value, allocator: Allocator) {
    let memory = unsafe allocator.allocate(MemoryLayout<Value>.size)
    unsafe memory.initializeMemory(as: Value.self, to: value)
    word = UInt64(UInt(bitPattern: memory))
  }

  private var pointer: UnsafeMutablePointer<Value> {
    // Made from an address by `init(_:allocator:)`, hence not zero.
    unsafe UnsafeMutablePointer(bitPattern: UInt(word)).unsafelyUnwrapped
  }

  var pointee: Value {
    @inline(__always) unsafeAddress { unsafe UnsafePointer(pointer) }
    @inline(__always) nonmutating unsafeMutableAddress { unsafe pointer }
  }

  /// The same for whoever reads.
  var reading: Boxed<Value> { Boxed(word: word) }

  /// Ends the value's life and frees its block.
  func free(_ allocator: Allocator) {
    unsafe pointer.deinitialize(count: 1)
    unsafe allocator.deallocate(pointer, byteCount: MemoryLayout<Value>.size)
  }
}

// MARK: - The door

extension Database {
  /// The entry of `key` for a command that is going to change it; a due key is removed first.
  ///
  /// A handler obtains a value for writing by this, unless it replaces the value (`setString`).
  @inline(__always)
  func write(_ key: Key) -> WritableEntry? {
    guard let entry = contents.table.find(key.bytes, hash: key.hash) else { return nil }
    if isDue(entry), removesDue(entry, key) { return nil }
    if moment.touchesKeys { touch(entry) }
    return open(entry)
  }

  /// Where the table keeps `key` for a command that overwrites it; a due key is removed first.
  @inline(__always)
  func locateForWriting(_ key: Key) -> HashTable<Entry>.Location? {
    guard let location = contents.table.locate(key.bytes, hash: key.hash) else { return nil }
    let entry = contents.table.element(at: location)
    if isDue(entry), removesDue(entry, key) { return nil }
    return location
  }

  /// Opens an entry of this database that was found otherwise than by `write`: by a wheel, or by a
  /// look-up that counts as a reader's.
  @inline(__always)
  func open(_ entry: Entry) -> WritableEntry {
    willChange(entry)
    return WritableEntry(entry)
  }

  /// Opens an entry for whoever moves parts of its value in memory, which is no change.
  func openForMoving(_ entry: Entry) -> WritableEntry { WritableEntry(entry) }

  /// Must be called before an entry changes or leaves the table: tells whoever takes a snapshot of
  /// one that has not been announced since its epoch began.
  @inline(__always)
  private func willChange(_ entry: Entry) {
    if entry.header.epoch != allocator.epoch { announceChange(of: entry) }
  }

  @inline(never)
  private func announceChange(of entry: Entry) { entry.announceChange(allocator, home: home) }

  /// A look-up for writing has met a due key: it is removed, or left to the leader's stream.
  ///
  /// Where it would only be hidden from readers it is removed too, else it would be there twice.
  @inline(never)
  private func removesDue(_ entry: Entry, _ key: Key) -> Bool {
    if moment.expiryMode == .ignore { return false }
    expire(entry, key)
    return true
  }

  // MARK: - A key comes

  /// Makes buckets for keys that are to come into an empty database; true if there are enough.
  func reserve(_ count: Int, atMost bucketCount: Int) -> Bool {
    contents.table.reserve(count, atMost: bucketCount)
  }

  /// Takes in an entry whose key is absent, as it is: its access time is not renewed, and nobody is
  /// told of a new key.
  @discardableResult
  @inline(__always)
  func attachQuietly(_ detached: consuming DetachedEntry, _ key: Key) -> WritableEntry {
    let entry = detached.release()
    contents.table.insert(entry.entry, hash: key.hash)
    if entry.header.hasDeadline { file(entry.entry) }
    fileFields(of: entry)
    return entry
  }

  // MARK: - A key goes

  /// Takes a key's entry out of table and wheels; the caller owns it from now on.
  func detach(_ key: Key) -> DetachedEntry? {
    guard let location = contents.table.locate(key.bytes, hash: key.hash) else { return nil }
    return detach(at: location)
  }

  /// Takes the entry at a place out of table and wheels; the caller owns it from now on.
  @inline(__always)
  func detach(at location: HashTable<Entry>.Location) -> DetachedEntry {
    let entry = contents.table.element(at: location)
    willChange(entry)
    forgetDeadline(of: entry)
    forgetFields(of: entry)
    contents.table.remove(at: location)
    return DetachedEntry(entry)
  }

  // MARK: - An entry takes another one's place

  /// What becomes of the value of an entry whose place another one takes.
  enum Succession {
    /// The new entry has the value itself: the same key in another shape.
    case moved
    /// The new entry has the same contents in another form; the old form goes.
    case remade
    /// The new entry has another value: what the old one was goes, with everything that was known
    /// about it.
    case replaced
  }

  /// Puts `new`, which has the same key, in the place of the entry at `location`: the one way for
  /// an entry to become another.
  ///
  /// Deadline, access time and epoch stay unless the value is replaced; a deadline that only the
  /// new entry has room for must be set. What goes is freed, a large value in slices.
  @discardableResult
  @inline(__always)
  func replace(
    at location: HashTable<Entry>.Location, with new: consuming DetachedEntry,
    _ succession: Succession
  ) -> WritableEntry {
    let old = contents.table.element(at: location)
    willChange(old)
    let new = new.release()
    if succession == .replaced {
      forgetDeadline(of: old)
      forgetFields(of: old)
      new.header.access = initialAccess
    } else {
      inherit(new, from: old)
    }
    contents.table.replace(at: location, with: new.entry)
    if succession == .replaced {
      if new.header.hasDeadline { file(new.entry) }
      fileFields(of: new)
    }
    if succession == .moved {
      old.freeShell(allocator)
    } else {
      unlinked.discard(DetachedEntry(old))
    }
    return new
  }

  /// The same for an entry that was opened for writing; `hash` is the hash of its key.
  @discardableResult
  func replace(
    _ old: WritableEntry, hash: UInt64, with new: consuming DetachedEntry, _ succession: Succession
  ) -> WritableEntry {
    guard let location = contents.table.locate(old.entry, hash: hash) else {
      preconditionFailure("an entry that was just found is gone")
    }
    return replace(at: location, with: new, succession)
  }

  /// Lets an entry go on with what is known about another one, which has the same value.
  @inline(__always)
  private func inherit(_ new: WritableEntry, from old: Entry) {
    let before = old.header
    var header = new.header
    header.access = before.access
    header.epoch = before.epoch
    new.header = header
    switch (before.hasDeadline, header.hasDeadline) {
    case (true, true):
      new.deadline = old.deadline
      KeyExpiration(new.entry).wheelRecord = KeyExpiration(old).wheelRecord
      relocateDeadline(of: new.entry)
    case (true, false): forgetDeadline(of: old)
    case (false, true): file(new.entry)
    case (false, false): break
    }
    inheritFields(new, from: old)
  }

  /// Puts an entry elsewhere in memory if it lies in a sparse slab, value and all, and tells the
  /// wheels; the table that walks over it notes the new address. Nil if it stays.
  func moveFromSparseSlab(_ entry: Entry) -> Entry? {
    guard unsafe allocator.isSparse(entry.pointer, byteCount: entry.byteCount) else { return nil }
    let new = WritableEntry(entry.duplicated(allocator))
    inherit(new, from: entry)
    entry.freeShell(allocator)
    return new.entry
  }

  /// Puts the block that an entry's value is in elsewhere in memory if it lies in a sparse slab;
  /// nil if there is no such block, false if it stays.
  ///
  /// Nobody but the entry knows where the block is: large forms refer to nothing inside of it.
  func moveValueFromSparseSlab(_ entry: Entry) -> Bool? {
    guard let block = entry.duplicatedValue(allocator) else { return nil }
    guard block != entry.valueWord else { return false }
    WritableEntry(entry).valueWord = block
    return true
  }
}

// MARK: - Tables as a whole

extension DatabaseContents {
  /// Announces the entries of a bucket that have not been announced since the epoch began, though
  /// nothing is going to change: a walk takes them.
  func announceBucket(_ index: Int, home: UInt) {
    prefetchBuckets(ahead: index)
    let allocator = table.allocator
    table.bucketChain(at: index).forEach { word in
      let entry = Entry(word: word)
      if entry.header.epoch != allocator.epoch { entry.announceChange(allocator, home: home) }
    }
  }

  /// Starts loading what the walk will read soon: entries three buckets ahead, a bucket seven.
  @inline(__always)
  private func prefetchBuckets(ahead index: Int) {
    let count = table.bucketCount
    if index &+ 7 < count { table.prefetchBucket(at: index &+ 7) }
    guard index &+ 3 < count else { return }
    table.bucketChain(at: index &+ 3).forEach { Entry(word: $0).prefetch() }
  }

  /// Frees at most `limit` keys with their values; true when none is left. Large values are handed
  /// to `unlinked`.
  ///
  /// - Parameter home: where these contents are, for whoever is told of entries that go.
  mutating func free(upTo limit: Int, into unlinked: UnlinkedData, home: UInt) -> Bool {
    // The wheels refer to entries that are about to go: they are emptied first.
    if !expirations.drain(upTo: limit) || !fieldExpirations.drain(upTo: limit) { return false }
    // A key may free some dozen elements of its value: few keys, then the clock is looked at.
    let keyLimit = limit == .max ? limit : limit / 8 + 1
    let allocator = table.allocator
    return table.drain(upTo: keyLimit) { entry in
      if entry.header.epoch != allocator.epoch { entry.announceChange(allocator, home: home) }
      unlinked.discard(DetachedEntry(entry))
    }
  }
}

// MARK: - What only the door does with entries

extension Entry {
  /// Announces an entry that is about to change or to go.
  fileprivate func announceChange(_ allocator: Allocator, home: UInt) {
    let epoch = allocator.announce(.entry(word: word, home: home))
    var header = self.header
    header.epoch = epoch
    unsafe pointer.storeBytes(of: header.bits, as: UInt64.self)
  }

  /// Allocates an entry with header and key.
  fileprivate static func allocate(
    _ header: Header, key: RawSpan, allocator: Allocator
  ) -> Entry {
    let layout = Layout(header, keyCount: key.byteCount)
    let pointer = unsafe allocator.allocate(layout.byteCount)
    var header = header
    header.epoch = allocator.epoch
    unsafe pointer.storeBytes(of: header.bits, as: UInt64.self)
    if header.hasLongKey {
      unsafe pointer.storeBytes(
        of: key.byteCount, toByteOffset: layout.keyOffset - 8, as: Int.self)
    }
    unsafe (pointer + layout.keyOffset).copy(key)
    return unsafe Entry(pointer)
  }

  /// A byte for byte copy elsewhere in memory, which refers to the same value.
  fileprivate func duplicated(_ allocator: Allocator) -> Entry {
    let count = byteCount
    let target = unsafe allocator.allocate(count)
    unsafe target.copyMemory(from: pointer, byteCount: count)
    return unsafe Entry(target)
  }

  /// Moves the block that the value's word refers to if it lies in a sparse slab.
  ///
  /// - Returns: the block's address, the old one if it stays; nil if there is no block.
  fileprivate func duplicatedValue(_ allocator: Allocator) -> UInt64? {
    guard let count = valueBlockByteCount,
      let block = unsafe UnsafeMutableRawPointer(bitPattern: UInt(valueWord))
    else { return nil }
    guard unsafe allocator.isSparse(block, byteCount: count) else { return valueWord }
    let target = unsafe allocator.allocate(count)
    unsafe target.copyMemory(from: block, byteCount: count)
    unsafe allocator.deallocate(block, byteCount: count)
    return UInt64(UInt(bitPattern: target))
  }

  /// Bytes of that block; a stream stays where it is.
  private var valueBlockByteCount: Int? {
    let header = self.header
    if header.isEmbedded { return nil }
    if header.isString {
      guard header.encoding == StringEncoding.block.rawValue else { return nil }
      return StringBlock(word: valueWord).byteCount
    }
    if CollectionEncoding.isPacked(header.encoding) {
      return PackedBlock(word: valueWord).byteCount
    }
    return switch header.type {
    case .string, .stream: nil
    case .list: MemoryLayout<QuickList>.size
    case .set: MemoryLayout<HashTable<SetMember>>.size
    case .sortedSet: MemoryLayout<SortedSet>.size
    case .hash: MemoryLayout<FieldTable>.size
    }
  }

  /// The same value and deadline under another key. A value in a block is then referred to by both.
  fileprivate func withKey(_ key: RawSpan, allocator: Allocator) -> DetachedEntry {
    let old = header
    if old.isEmbedded,
      Entry.embeddedByteCount(
        keyCount: key.byteCount, valueCount: old.embeddedCount, deadline: true)
        > Entry.embeddedByteCountMax
    {
      return withLongKey(key, allocator: allocator)
    }
    var new = Header(
      type: old.type, encoding: old.encoding, keyCount: key.byteCount,
      embeddedCount: old.embeddedCount, deadline: old.hasDeadline)
    new.access = old.access
    let entry = DetachedEntry.allocate(new, key: key, allocator: allocator)
    if old.hasDeadline { entry.writable.deadline = deadline }
    if old.isEmbedded {
      let from = Layout(old, at: self).valueOffset
      let to = Layout(new, keyCount: key.byteCount).valueOffset
      unsafe (entry.writable.pointer + to).copyMemory(
        from: pointer + from, byteCount: old.embeddedCount)
    } else {
      entry.writable.valueWord = valueWord
    }
    return entry
  }

  /// The same for a key so long that an embedded value needs a block.
  private func withLongKey(_ key: RawSpan, allocator: Allocator) -> DetachedEntry {
    let entry = copiedInline(to: key, allocator: allocator)
    if header.hasDeadline { entry.writable.deadline = deadline }
    var new = entry.writable.header
    new.access = header.access
    entry.writable.header = new
    return entry
  }

  /// Frees the value, of a large form at most `budget` elements, and returns what is left of it.
  fileprivate func freeValue(_ allocator: Allocator, budget: inout Int) -> UnlinkedValue? {
    let header = self.header
    if header.isEmbedded { return nil }
    if header.isString {
      if header.encoding == StringEncoding.block.rawValue {
        StringBlock(word: valueWord).free(allocator)
      }
      return nil
    }
    if CollectionEncoding.isPacked(header.encoding) {
      PackedBlock(word: valueWord).free(allocator)
      return nil
    }
    let value = UnlinkedValue(type: header.type, encoding: header.encoding, word: valueWord)
    return value.free(allocator, budget: &budget) ? nil : value
  }

  /// Frees the entry alone: the value has been freed, or belongs to someone else now.
  fileprivate func freeShell(_ allocator: Allocator) {
    unsafe allocator.deallocate(pointer, byteCount: byteCount)
  }
}
