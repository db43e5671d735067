// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Bytes that a client has sent and that could not be executed in the turn in which they came.
///
/// Exists only while there are such bytes. `parser` and `slices` remember how far the first request
/// has been read, so that a large request is not read twice. In front of the bytes is room for the
/// header of a string's block: a buffer with one large argument can become its value.
@safe
final class InputBuffer {
  private(set) var base: UnsafeMutableRawPointer
  private(set) var count = 0
  private(set) var capacity: Int
  /// The memory belongs to a value by now; the requests in it can still be read.
  private var isGivenAway = false
  /// Bytes at the front that are done with.
  var consumed = 0
  var parser = RequestParser()
  /// Slices of the incomplete request, as far as it has been read.
  var slices = SliceBuffer(capacity: 4)

  init(capacity: Int) {
    self.capacity = max(64, capacity)
    unsafe base = InputBuffer.allocate(self.capacity)
  }

  deinit {
    if !isGivenAway { unsafe Allocator.freeUncounted(base - StringBlock.headerCount) }
  }

  private static func allocate(_ capacity: Int) -> UnsafeMutableRawPointer {
    unsafe Allocator.allocateUncounted(StringBlock.headerCount + capacity)
      + StringBlock.headerCount
  }

  // MARK: - Large arguments

  /// Where bytes at an address lie in this buffer; nil if they don't.
  func offset(of address: UInt, count: Int) -> Int? {
    let start = unsafe UInt(bitPattern: base)
    guard !isGivenAway, address >= start, address &+ UInt(count) <= start &+ UInt(capacity) else {
      return nil
    }
    return Int(address &- start)
  }

  /// The memory of the buffer, room for a header in front, for someone who owns it from now on.
  func giveAway() -> UnsafeMutableRawPointer {
    isGivenAway = true
    return unsafe base - StringBlock.headerCount
  }

  // MARK: - Bytes

  /// What has not been consumed.
  var bytes: UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(start: base + consumed, count: count - consumed)
  }

  /// Memory of the bytes and of what is known of the first request.
  var memory: Int { capacity + slices.capacity * MemoryLayout<Slice>.stride }

  /// Bytes that wait.
  var remaining: Int { count - consumed }

  /// Forgets how far the first request has been read.
  func restartParser() {
    parser = RequestParser()
    slices.removeAll()
  }

  /// Room for received bytes behind the waiting ones, at least `least` of it. More than `most` is
  /// of no use, so the buffer doesn't grow for it.
  func room(atLeast least: Int, atMost most: Int = .max) -> UnsafeMutableRawBufferPointer {
    if capacity - count < least { makeRoom(least, most) }
    return unsafe UnsafeMutableRawBufferPointer(start: base + count, count: capacity - count)
  }

  /// So many bytes have been received into the room.
  func received(_ received: Int) { count += received }

  /// Adds a copy of `source` at the end.
  func append(_ source: UnsafeRawBufferPointer) {
    guard let start = source.baseAddress, unsafe !source.isEmpty else { return }
    let target = unsafe room(atLeast: source.count)
    unsafe target.baseAddress.unsafelyUnwrapped.copyMemory(from: start, byteCount: source.count)
    count += source.count
  }

  /// Puts a copy of `bytes` in front of what waits: requests that came before, but may run only
  /// now. How far the first request had been read is forgotten.
  ///
  /// - Complexity: O(count) on average, whatever waits already.
  func prepend(_ bytes: RawSpan) {
    if consumed < bytes.byteCount { makeRoomInFront(bytes.byteCount) }
    consumed -= bytes.byteCount
    unsafe (base + consumed).copy(bytes)
    restartParser()
  }

  private func makeRoomInFront(_ least: Int) {
    // As much again as there is, so that what is put in front piece by piece is moved rarely.
    let front = least + remaining
    let kept = remaining
    let larger = unsafe InputBuffer.allocate(front + kept + (capacity - count))
    unsafe (larger + front).copyMemory(from: base + consumed, byteCount: kept)
    unsafe Allocator.freeUncounted(base - StringBlock.headerCount)
    unsafe base = larger
    capacity += front - consumed
    consumed = front
    count = front + kept
  }

  /// Drops what is consumed, and grows if that isn't enough.
  private func makeRoom(_ least: Int, _ most: Int) {
    let kept = remaining
    if consumed > 0 {
      unsafe base.copyMemory(from: base + consumed, byteCount: kept)
      consumed = 0
      count = kept
    }
    var wanted = capacity
    // A large argument asks for as much as it needs: its buffer may become a value.
    if least >= StringBlock.adoptedByteCountMin { wanted = max(wanted, kept + least) }
    while wanted - kept < least { wanted += wanted < 1 << 20 ? wanted : wanted / 4 }
    if most < wanted - kept { wanted = kept + max(least, most) }
    guard wanted > capacity else { return }
    unsafe base =
      Allocator.reallocateUncounted(
        base - StringBlock.headerCount, to: StringBlock.headerCount + wanted)
      + StringBlock.headerCount
    capacity = wanted
  }
}
