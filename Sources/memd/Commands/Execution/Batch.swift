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
    let base: UnsafeRawPointer
    let firstSlice: Int
    let argumentCount: Int
    /// Length of the request as it was received; 0 if those bytes are not what followers may get.
    let rawCount: Int
    /// Nil if there is no such command.
    let command: CommandReference?
  }

  private let requests: UnsafeMutablePointer<Request>
  private(set) var count = 0
  var slices = SliceBuffer(capacity: 1024)

  init() { unsafe requests = .allocate(capacity: Batch.capacity) }

  deinit { unsafe requests.deallocate() }

  var isFull: Bool { count == Batch.capacity }

  func append(_ request: Request) {
    precondition(count < Batch.capacity)
    unsafe (requests + count).initialize(to: request)
    count &+= 1
  }

  subscript(index: Int) -> Request {
    assert(index < count)
    return unsafe requests[index]
  }

  func removeAll() {
    count = 0
    slices.removeAll()
  }

  /// The arguments of a request.
  @inline(__always)
  func arguments(of request: Request) -> Arguments {
    unsafe Arguments(
      base: request.base, slices: slices.base + request.firstSlice, count: request.argumentCount)
  }

  /// Hashes the keys of all requests and brings their buckets and entries into the cache.
  func prefetch() {
    guard count > 1 else { return }
    // The client holds its database; neither goes away while the batch runs.
    forEachKey { database, arguments, index in
      let hash = SipHash13.hash(arguments[index], database.seed)
      arguments.setHash(hash, at: index)
      database.contents.table.prefetchBucket(hash)
    }
    forEachKey { database, arguments, index in
      database.contents.table.prefetchEntries(arguments.hash(at: index))
    }
    forEachKey { database, arguments, index in
      database.contents.table.prefetchChildEntries(arguments.hash(at: index))
    }
  }

  /// Calls `body` for every key whose place the command's record tells.
  @inline(__always)
  private func forEachKey(_ body: (Database, Arguments, Int) -> Void) {
    var index = 0
    while index < count {
      let request = unsafe requests[index]
      index &+= 1
      guard let command = request.command else { continue }
      let keys = command.keys
      guard keys.first != 0 else { continue }
      let arguments = self.arguments(of: request)
      let end = keys.last >= 0 ? Int(keys.last) : request.argumentCount &+ Int(keys.last)
      guard end < request.argumentCount else { continue }
      unsafe request.client._withUnsafeGuaranteedRef { client in
        var position = Int(keys.first)
        while position <= end {
          body(client.database, arguments, position)
          position &+= Int(keys.step)
        }
      }
    }
  }
}
