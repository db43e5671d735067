// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// What has come in and has not run yet: events, bytes of this turn, and clients that wait for
/// their place in one of the next turns.
@safe
struct Intake: ~Copyable {
  /// What the transport has reported for this turn.
  var events = EventList()
  /// Where bytes are received; what lies in it dies with the turn.
  private let arena = UnsafeMutableRawBufferPointer.allocate(
    byteCount: Intake.arenaByteCount, alignment: 4096)
  private var used = 0
  /// Where the slices of the request that is being read begin in the batch's buffer.
  var partialStart = 0
  /// Clients that go on in the next turn without new bytes.
  var resuming: [Client] = []
  /// Requests of this turn that were refused until a pause ends, in order.
  var postponed: [Postponed] = []

  private static let arenaByteCount = 512 << 10

  deinit { unsafe arena.deallocate() }

  /// Room for so many bytes; nil if the arena is too full.
  @inline(__always)
  func room(_ byteCount: Int) -> UnsafeMutableRawBufferPointer? {
    guard unsafe arena.count - used >= byteCount else { return nil }
    return unsafe UnsafeMutableRawBufferPointer(rebasing: arena[used..<(used + byteCount)])
  }

  /// So many bytes of the room have been filled, and stay until the turn ends.
  @inline(__always)
  mutating func keep(_ byteCount: Int) { used += (byteCount + 63) & ~63 }

  /// The requests whose bytes lie in the arena have run: there is room for others.
  @inline(__always)
  mutating func reuse() { used = 0 }

  /// The turn's requests are gone: whoever still looks at their bytes finds nonsense in tests.
  mutating func forget() {
    #if DEBUG
      for index in 0..<used { unsafe arena[index] = 0xDB }
    #endif
    used = 0
  }
}
