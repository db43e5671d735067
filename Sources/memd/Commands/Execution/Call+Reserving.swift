// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Replies that a small request can make larger than all data: a count below zero, a key or a name
// that is repeated. What such a reply will take is estimated before it is written; one that the
// client may not get is refused, since it would fill the memory first and close the client then.

extension Call {
  /// Where a reply begins that may have to be taken back.
  struct ReplyMark {
    fileprivate let start: Int
    /// The reply is looked at again when the output has grown beyond this.
    fileprivate(set) var nextCheck: Int
  }

  /// So much of a reply is written without a second look.
  static var unreservedReplyByteCount: Int { 1 << 20 }
  /// The shortest element of a reply: an empty bulk string.
  static var smallestElementByteCount: Int { 6 }
  /// So much may be added between two looks.
  private static var uncheckedByteCount: Int { 64 << 10 }
  /// So many parts of a reply, drawn alike, say how long the rest will be.
  private static var sampleCount: Int { 1024 }

  /// The place where the reply begins.
  @inline(__always)
  func markReply() -> ReplyMark {
    let start = client.reply.count
    // What waits already counts: many replies that are each short may be the elements of one.
    let unreserved = Call.unreservedReplyByteCount
    return ReplyMark(start: start, nextCheck: start > unreserved ? start : start &+ unreserved)
  }

  /// Refuses a reply of so many elements of (about) so many bytes that the client may not get.
  func reserveReply(items: Int, bytesEach: Int) throws(CommandError) {
    try reserve(items: items, bytesEach: bytesEach, instead: 0)
  }

  /// True if so much of the reply is written that somebody should ask how much is still to come.
  @inline(__always)
  func isLong(_ mark: ReplyMark) -> Bool { client.reply.count > mark.nextCheck }

  /// Refuses, and takes back, a reply under way of which `rest` more bytes are to come. It isn't
  /// looked at again.
  @inline(never)
  func reserveRest(_ mark: inout ReplyMark, bytes rest: Int) throws(CommandError) {
    let written = client.reply.count - mark.start
    mark.nextCheck = .max
    let (total, overflows) = written.addingReportingOverflow(rest)
    do throws(CommandError) {
      try reserve(items: 1, bytesEach: overflows ? .max : total, instead: written)
    } catch {
      client.reply.truncate(to: mark.start)
      throw error
    }
  }

  /// The same for a reply of `total` like parts, of which `done` are there: what they take says
  /// how long the rest will be. Call it after every part, it mostly does nothing.
  @inline(__always)
  func reserveRest(
    _ mark: inout ReplyMark, after done: Int, of total: Int
  ) throws(CommandError) {
    guard done & (Call.sampleCount - 1) == 0 || isLong(mark) else { return }
    try extrapolate(&mark, after: done, of: total)
  }

  @inline(never)
  private func extrapolate(
    _ mark: inout ReplyMark, after done: Int, of total: Int
  ) throws(CommandError) {
    let written = client.reply.count - mark.start
    let isSample = done >= Call.sampleCount
    let bytesEach = isSample ? written / done : Call.smallestElementByteCount
    let (rest, overflows) = (total - done).multipliedReportingOverflow(by: bytesEach)
    try reserveRest(&mark, bytes: overflows ? .max : rest)
    mark.nextCheck = client.reply.count &+ Call.uncheckedByteCount
  }

  /// Refuses to put together so many bytes for a new value out of what is there already.
  func reserveValue(bytes: Int) throws(CommandError) {
    guard bytes > server.largestProduct else { return }
    throw failure(
      "ERR result of \(bytes) bytes or more exceeds the limit of \(server.largestProduct)")
  }

  /// - Parameter written: bytes of the reply that are in the client's output already
  private func reserve(
    items: Int, bytesEach: Int, instead written: Int
  ) throws(CommandError) {
    let (bytes, overflows) = items.multipliedReportingOverflow(by: bytesEach)
    let limit = server.replyLimit(of: client)
    guard overflows || bytes > limit - (client.pendingOutput - written) else { return }
    let count = overflows ? Int.max : bytes
    throw failure("ERR reply of \(count) bytes or more exceeds the output limit of \(limit)")
  }
}

extension Server {
  /// What a request may make of data that is there already: as much as the memory may hold, and
  /// never more than 1 GB.
  var largestProduct: Int {
    let most = 1 << 30
    guard configuration.maxMemory > 0 else { return most }
    return min(most, max(configuration.maxMemory, Call.unreservedReplyByteCount))
  }

  /// Output that a client may have waiting when a reply is added whose size the request decides.
  func replyLimit(of client: Client) -> Int {
    let hard = outputLimit(of: client)?.hardBytes ?? 0
    guard hard > 0 else { return largestProduct }
    let (limit, overflows) = hard.addingReportingOverflow(Client.exemptOutputByteCount)
    return overflows ? largestProduct : min(largestProduct, limit)
  }
}
