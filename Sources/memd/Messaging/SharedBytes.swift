// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Bytes that are sent to many clients and kept once; they go with the last who has to get them.
@safe
final class SharedBytes {
  private let allocator: Allocator
  private let base: UnsafeMutableRawPointer
  let count: Int

  /// A copy of `bytes`, of which there must be some.
  init(_ bytes: RawSpan, allocator: Allocator) {
    self.allocator = allocator
    count = bytes.byteCount
    unsafe base = allocator.allocate(count)
    unsafe bytes.withUnsafeBytes { source in
      guard let start = source.baseAddress else { return }
      unsafe base.copyMemory(from: start, byteCount: source.count)
    }
  }

  deinit { unsafe allocator.deallocate(base, byteCount: count) }

  var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let span = unsafe RawSpan(_unsafeStart: base, byteCount: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }
}

/// The parts of a client's output that it shares with others, between bytes of its own.
///
///     reply:   | own bytes ......... | own bytes ... | own bytes
///                                    ^ position      ^ position
///     output:    own bytes   [ shared ]   own bytes  [ shared ]   own bytes
struct SharedOutput {
  /// Shared bytes, and how many own bytes stand in front of them, those that have left included.
  private struct Piece {
    let position: Int
    let bytes: SharedBytes
  }

  private var pieces: [Piece] = []
  /// Pieces that have left.
  private var sentPieceCount = 0
  /// Bytes of the first piece that have left.
  private(set) var sentCount = 0
  /// Own bytes that have been dropped from the front of the reply.
  private var removedCount = 0
  /// Shared bytes that wait.
  private(set) var byteCount = 0

  var isEmpty: Bool { sentPieceCount == pieces.count }

  /// Adds bytes behind the first `position` own ones that the reply holds now.
  mutating func append(_ bytes: SharedBytes, at position: Int) {
    pieces.append(Piece(position: removedCount + position, bytes: bytes))
    byteCount += bytes.count
  }

  /// The first piece that has not left as a whole, and its place in the reply.
  var first: (bytes: SharedBytes, position: Int)? {
    guard !isEmpty else { return nil }
    let piece = pieces[sentPieceCount]
    return (piece.bytes, piece.position - removedCount)
  }

  /// The place of the piece behind the first one; nil if there is none.
  var secondPosition: Int? {
    guard sentPieceCount + 1 < pieces.count else { return nil }
    return pieces[sentPieceCount + 1].position - removedCount
  }

  /// So many bytes of the first piece have left.
  mutating func sent(_ count: Int) {
    guard count > 0, !isEmpty else { return }
    sentCount += count
    byteCount -= count
    guard sentCount == pieces[sentPieceCount].bytes.count else { return }
    sentCount = 0
    sentPieceCount += 1
    if isEmpty || sentPieceCount > 32, sentPieceCount * 2 >= pieces.count {
      pieces.removeFirst(sentPieceCount)
      sentPieceCount = 0
    }
  }

  /// So many own bytes were dropped from the front of the reply.
  mutating func removedFirst(_ count: Int) { removedCount += count }
}
