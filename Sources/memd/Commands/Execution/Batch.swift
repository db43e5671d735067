// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Requests of one or many connections that are executed together.
///
/// Executing one request waits for three or four cache misses: bucket, both lines of the entry, and
/// sometimes a child bucket. A batch hashes all keys first and asks for all buckets, then for all
/// entries, so that the misses overlap (115 -> 65 ns per GET). Everything learnt on the way is a
/// hint: only the hash travels on, since an earlier request may move or free what was prefetched.
@safe
final class Batch {
  /// Best between 32 and 64; with more, the prefetched lines no longer fit into the first cache.
  static let capacity = 64

  /// One request; its slices lie in the batch's buffer, its bytes in arena or input buffer.
  @safe
  struct Request {
    let client: Unmanaged<Client>
    /// The database that was selected when the request was read; a hint, like all of prefetching.
    let database: BorrowedDatabase
    let base: UnsafeRawPointer
    let firstSlice: Int
    let argumentCount: Int
    /// Length of the request as it was received; 0 if those bytes are not what followers may get.
    let rawCount: Int
    /// Nil if there is no such command.
    let command: CommandReference?
  }

  /// A key to come: its hash, and the bucket that it will be looked up in.
  private struct Hint {
    let bucket: BucketHint
    let hash: UInt64
    /// What the bucket belongs to; a string for the table of keys.
    var type = Entry.ValueType.string
    /// The collection; a sorted set's members are found through it.
    var word: UInt64 = 0
  }

  /// Fewer requests have so little to overlap that the passes cost more than they save.
  private static let prefetchedCountMin = 4
  /// Memory for more slices is given back behind the request that had so many arguments.
  private static let keptSliceCount = 64 << 10
  /// Keys prefetched per batch; a longer request's other keys are met unprepared.
  private static let hintCapacity = 1024

  private var requests: UnsafeMutablePointer<Request>
  private let hints: UnsafeMutablePointer<Hint>
  /// Whether a command of the batch names a member of a collection.
  private var namesMembers = false
  private(set) var count = 0
  /// Where those begin that run, or wait behind them.
  var position = 0
  var slices = SliceBuffer(capacity: 1024)

  init() {
    unsafe requests = .allocate(capacity: Batch.capacity)
    unsafe hints = .allocate(capacity: Batch.hintCapacity)
  }

  deinit {
    unsafe requests.deallocate()
    unsafe hints.deallocate()
  }

  var isFull: Bool { count == Batch.capacity }

  func append(_ request: Request) {
    precondition(count < Batch.capacity)
    unsafe (requests + count).initialize(to: request)
    count &+= 1
  }

  /// Takes back the request that was appended last, with its slices.
  func removeLast() {
    precondition(count > 0)
    count &-= 1
    slices.truncate(to: unsafe requests[count].firstSlice)
  }

  /// Changes places with another batch, while requests of this one are under way: what is read and
  /// executed meanwhile is in the other one.
  func exchange(with other: Batch) {
    unsafe swap(&requests, &other.requests)
    swap(&count, &other.count)
    swap(&slices, &other.slices)
  }

  /// Nothing of it runs any more behind the request under way.
  func abandon() { count = 0 }

  subscript(index: Int) -> Request {
    assert(index < count)
    return unsafe requests[index]
  }

  func removeAll() {
    count = 0
    slices.removeAll()
    if slices.capacity > Batch.keptSliceCount { slices.shrink(toCapacity: 1024) }
  }

  /// The arguments of a request.
  @inline(__always)
  func arguments(of request: Request) -> Arguments {
    unsafe Arguments(
      base: request.base, slices: slices.base + request.firstSlice, count: request.argumentCount)
  }

  /// Hashes the keys of all requests and brings their buckets and entries into the cache.
  func prefetch() {
    guard count >= Batch.prefetchedCountMin else { return }
    let hintCount = collectHints()
    var index = 0
    while index < hintCount {
      let hint = unsafe hints[index]
      HashTable<Entry>.prefetchEntries(hint.hash, in: hint.bucket)
      index &+= 1
    }
    index = 0
    while index < hintCount {
      let hint = unsafe hints[index]
      HashTable<Entry>.prefetchChildEntries(hint.hash, in: hint.bucket)
      index &+= 1
    }
    if namesMembers { prefetchMembers() }
  }

  /// The first pass: hashes every key whose place the command's record tells, asks for its bucket.
  private func collectHints() -> Int {
    namesMembers = false
    var hintCount = 0
    var index = 0
    while index < count {
      let request = unsafe requests[index]
      index &+= 1
      guard let command = request.command else { continue }
      let keys = command.keys
      guard keys.first != 0 else { continue }
      if command.member != 0 { namesMembers = true }
      var position = Int(keys.first)
      let end = keys.last >= 0 ? Int(keys.last) : request.argumentCount &+ Int(keys.last)
      guard end < request.argumentCount else { continue }
      let contents = unsafe request.database.use { unsafe $0.storage }
      let seed = unsafe contents.pointee.table.seed
      let arguments = self.arguments(of: request)
      while position <= end, hintCount < Batch.hintCapacity {
        let hash = SipHash13.hash(arguments[position], seed)
        arguments.setHash(hash, at: position)
        let bucket = unsafe contents.pointee.table.prefetchBucket(hash)
        unsafe (hints + hintCount).initialize(to: Hint(bucket: bucket, hash: hash))
        hintCount &+= 1
        position &+= Int(keys.step)
      }
    }
    return hintCount
  }

  // MARK: - Members of large collections

  /// The same passes for the members that commands name (HGET, SADD, ZRANK...), now that the keys'
  /// entries are near: many requests for one large collection are the usual case.
  private func prefetchMembers() {
    let memberCount = collectMembers()
    var index = 0
    while index < memberCount {
      let hint = unsafe hints[index]
      switch hint.type {
      case .hash: HashTable<HashField>.prefetchEntries(hint.hash, in: hint.bucket)
      case .set: HashTable<SetMember>.prefetchEntries(hint.hash, in: hint.bucket)
      default: Boxed<SortedSet>(word: hint.word).pointee.prefetchEntries(hint.hash)
      }
      index &+= 1
    }
    index = 0
    while index < memberCount {
      let hint = unsafe hints[index]
      switch hint.type {
      case .hash: HashTable<HashField>.prefetchChildEntries(hint.hash, in: hint.bucket)
      case .set: HashTable<SetMember>.prefetchChildEntries(hint.hash, in: hint.bucket)
      default: Boxed<SortedSet>(word: hint.word).pointee.prefetchChildEntries(hint.hash)
      }
      index &+= 1
    }
  }

  /// Hashes the members of large collections and asks for their buckets.
  private func collectMembers() -> Int {
    var memberCount = 0
    var index = 0
    while index < count {
      let request = unsafe requests[index]
      index &+= 1
      guard let command = request.command, command.member != 0,
        command.member < request.argumentCount
      else { continue }
      let contents = unsafe request.database.use { unsafe $0.storage }
      let arguments = self.arguments(of: request)
      let found = unsafe contents.pointee.table.find(arguments[1], hash: arguments.hash(at: 1))
      guard let entry = found else { continue }
      let header = entry.header
      let encoding = header.encoding
      guard !header.isString,
        encoding == Entry.CollectionEncoding.table.rawValue
          || encoding == Entry.CollectionEncoding.skipList.rawValue
      else { continue }
      let seed = unsafe contents.pointee.table.seed
      let hash = SipHash13.hash(arguments[command.member], seed)
      arguments.setHash(hash, at: command.member)
      let bucket = entry.prefetchMemberBucket(hash)
      unsafe (hints + memberCount).initialize(
        to: Hint(bucket: bucket, hash: hash, type: header.type, word: entry.valueWord))
      memberCount &+= 1
    }
    return memberCount
  }
}

extension Entry {
  /// Starts loading the bucket of a member of a table or skip list.
  @inline(__always)
  fileprivate func prefetchMemberBucket(_ hash: UInt64) -> BucketHint {
    let word = valueWord
    return switch header.type {
    case .hash: Boxed<FieldTable>(word: word).pointee.fields.prefetchBucket(hash)
    case .set: Boxed<HashTable<SetMember>>(word: word).pointee.prefetchBucket(hash)
    default: Boxed<SortedSet>(word: word).pointee.prefetchBucket(hash)
    }
  }
}
