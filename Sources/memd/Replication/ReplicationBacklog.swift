// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The newest part of the stream of effects, as RESP commands, at known offsets.
///
/// A ring: byte `n` of the stream (the first is number 1) lies at position `(n - 1) % capacity`.
/// Followers and the log read it from their own offsets, so a hundred of them cost one copy.
@safe
final class ReplicationBacklog {
  /// 40 hexadecimal digits that name this history of the dataset.
  private(set) var replicationID: String
  /// Bytes of the stream so far (`master_repl_offset`).
  private(set) var offset: Int = 0
  private(set) var capacity: Int
  /// Bytes of the stream that are still here, the newest ones.
  private(set) var historyCount = 0
  private var ring: UnsafeMutableRawPointer
  private let allocator: Allocator
  /// Gets all bytes as they come; nil while there are no followers.
  weak var reader: (any StreamReader)? { didSet { hasReader = reader != nil } }
  private var hasReader = false

  /// The least size; smaller settings are raised to it, as in Redis.
  static let capacityMin = 16 << 10

  init(capacity: Int, replicationID: String, allocator: Allocator) {
    self.capacity = max(capacity, ReplicationBacklog.capacityMin)
    self.replicationID = replicationID
    self.allocator = allocator
    unsafe ring = allocator.allocate(self.capacity)
  }

  /// Frees the ring; the backlog must not be used afterwards.
  func tearDown() { unsafe allocator.deallocate(ring, byteCount: capacity) }

  /// Gives the history another name: nobody can go on from it any more (DEBUG CHANGE-REPL-ID).
  func rename(_ newID: String) { replicationID = newID }

  /// Offset of the oldest byte that is still here.
  var firstOffset: Int { offset - historyCount + 1 }

  /// Adds bytes to the stream; only the newest `capacity` are kept.
  @inline(__always)
  func append(_ bytes: RawSpan) {
    if hasReader { forward(bytes) }
    let count = bytes.byteCount
    let position = offset % capacity
    guard count <= capacity - position else { return appendAround(bytes) }
    unsafe (ring + position).copy(bytes)
    advance(count)
  }

  /// There are followers: they get the bytes, too.
  @inline(never)
  private func forward(_ bytes: RawSpan) { reader?.received(bytes) }

  /// The bytes reach over the end of the ring.
  @inline(never)
  private func appendAround(_ bytes: RawSpan) {
    var start = max(0, bytes.byteCount - capacity)
    advance(start)
    while start < bytes.byteCount {
      let position = offset % capacity
      let count = min(bytes.byteCount - start, capacity - position)
      unsafe (ring + position).copy(bytes.extracting(start..<(start + count)))
      advance(count)
      start += count
    }
  }

  @inline(__always)
  private func advance(_ count: Int) {
    offset &+= count
    historyCount = min(historyCount &+ count, capacity)
  }

  /// Changes the size and keeps as much of the history as fits.
  func resize(to newCapacity: Int) {
    let wanted = max(newCapacity, ReplicationBacklog.capacityMin)
    guard wanted != capacity else { return }
    let kept = min(historyCount, wanted)
    var old: [UInt8] = []
    _ = read(after: offset - kept, into: &old)
    unsafe allocator.deallocate(ring, byteCount: capacity)
    unsafe ring = allocator.allocate(wanted)
    capacity = wanted
    offset -= kept
    historyCount = 0
    // Nothing new for a reader.
    let hadReader = hasReader
    hasReader = false
    append(old.rawSpan)
    hasReader = hadReader
  }

  /// Appends the bytes behind `position` to `sink`; false if they are no longer here.
  ///
  /// - Parameter position: bytes of the stream that the reader has had.
  func read(after position: Int, into sink: inout [UInt8]) -> Bool {
    guard position >= offset - historyCount, position <= offset else { return false }
    var next = position
    while next < offset {
      let start = next % capacity
      let length = min(offset - next, capacity - start)
      let part = unsafe UnsafeRawBufferPointer(start: ring + start, count: length)
      unsafe sink.append(contentsOf: part)
      next += length
    }
    return true
  }
}

/// Whoever wants the bytes of the stream as they are made.
protocol StreamReader: AnyObject {
  /// The next bytes; valid during the call.
  func received(_ bytes: RawSpan)
}
