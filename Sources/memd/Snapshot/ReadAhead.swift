// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

// A file is read in pieces, by a helper while the loop is busy with earlier ones, or by whoever
// wants the next. Who fills a piece also sums it up, up to the end of the file: how much of it the
// checksum covers shows only when it is read, so each piece tells the sum in front of it.
//
//     | room for what is left of the piece before | bytes of the file |
//                                                 ^ start

/// Some bytes of a file.
@safe
final class FilePiece: @unchecked Sendable {
  static let byteCountMax = 256 << 10
  fileprivate static let byteCountMin = 4 << 10
  /// Bytes in front of the start that a reader may write to, to have those of two pieces together.
  static let roomByteCount = 64

  let start: UnsafeMutableRawPointer
  /// Bytes that it can hold.
  fileprivate let capacity: Int
  fileprivate(set) var byteCount = 0
  /// The checksum of everything in front of this piece.
  fileprivate(set) var sumBefore: UInt64 = 0
  /// What went wrong behind its bytes.
  fileprivate(set) var failure: DiskError?

  /// - Parameter fileByteCount: size of the file, if it is known: a small one needs little room.
  fileprivate init(fileByteCount: Int) {
    // One byte more shows that the file ends.
    let wanted =
      fileByteCount > 0
      ? min(fileByteCount, FilePiece.byteCountMax - 1) + 1
      : FilePiece.byteCountMax
    capacity = max(wanted, FilePiece.byteCountMin)
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: FilePiece.roomByteCount + capacity, alignment: 64)
    unsafe start = memory + FilePiece.roomByteCount
  }

  deinit { unsafe (start - FilePiece.roomByteCount).deallocate() }

  /// Its first bytes.
  @_lifetime(borrow self)
  func bytes(first count: Int) -> RawSpan {
    precondition(count >= 0 && count <= byteCount)
    let bytes = unsafe RawSpan(_unsafeStart: start, byteCount: count)
    return unsafe _overrideLifetime(bytes, borrowing: self)
  }
}

/// Reads a file from where it stands, with or without a helper.
final class ReadAhead {
  /// Pieces beside the one that is being read.
  private static let pieceCount = 3

  /// Size of the file when it was opened.
  let byteCount: Int
  private let filler: PieceFiller
  /// Nil if pieces are filled when they are wanted.
  private var helpers: Helpers?
  private var ready: [FilePiece] = []
  /// Pieces that nobody uses.
  private var idle: [FilePiece] = []
  /// Pieces that the helper has.
  private var fillingCount = 0
  /// Whether the last piece of the file has come; if not for its end, then for this failure.
  private var isAtEnd = false
  private var failure: DiskError?

  init(_ file: DiskFile, helpers: Helpers?) {
    byteCount = (try? file.byteCount()) ?? 0
    filler = PieceFiller(file)
    self.helpers = helpers
  }

  /// False saves the time for checksums; to be set before the first piece is taken.
  var sumsUp: Bool {
    get { filler.sumsUp }
    set {
      precondition(fillingCount == 0)
      filler.sumsUp = newValue
    }
  }

  /// Whether `next` would have to wait for the helper.
  func isBehind() -> Bool {
    fillIdle()
    return ready.isEmpty && fillingCount > 0 && !isAtEnd
  }

  /// The next piece; nil at the end of the file. Waits for the helper if need be.
  func next() throws(DiskError) -> FilePiece? {
    if isBehind() { helpers?.drain(.snapshot) }
    if ready.isEmpty, !isAtEnd {
      let piece = idle.popLast() ?? FilePiece(fileByteCount: byteCount)
      filler.fill(piece)
      take(piece)
    }
    if !ready.isEmpty { return ready.removeFirst() }
    if let failure { throw failure }
    return nil
  }

  /// Takes a piece back that was read.
  func recycle(_ piece: FilePiece) {
    idle.append(piece)
    fillIdle()
  }

  /// Waits until nobody uses the file any more; from now on it is read when bytes are wanted.
  func stop() {
    if fillingCount > 0 { helpers?.drain(.snapshot) }
    helpers = nil
  }

  /// Lets the helper fill what nobody uses.
  private func fillIdle() {
    guard let helpers else { return }
    while !isAtEnd, ready.count + fillingCount < ReadAhead.pieceCount {
      fillingCount += 1
      helpers.submit(
        PieceJob(idle.popLast() ?? FilePiece(fileByteCount: byteCount), filler) { [self] piece in
          fillingCount -= 1
          take(piece)
        }, to: .snapshot)
    }
  }

  private func take(_ piece: FilePiece) {
    // The helper may have tried to go on behind the end.
    if isAtEnd { return }
    isAtEnd = piece.byteCount < piece.capacity
    failure = piece.failure
    if piece.byteCount > 0 { ready.append(piece) }
  }
}

/// Fills pieces in the order of the file; used by one thread at a time.
private final class PieceFiller: @unchecked Sendable {
  private let file: DiskFile
  private var sum = CRC64()
  var sumsUp = true

  init(_ file: DiskFile) { self.file = file }

  func fill(_ piece: FilePiece) {
    piece.byteCount = 0
    piece.failure = nil
    piece.sumBefore = sum.value
    do throws(DiskError) {
      while piece.byteCount < piece.capacity {
        let room = unsafe UnsafeMutableRawBufferPointer(
          start: piece.start + piece.byteCount, count: piece.capacity - piece.byteCount)
        let count = unsafe try file.read(into: room)
        if count == 0 { break }
        piece.byteCount += count
      }
    } catch {
      piece.failure = error
    }
    if sumsUp { sum.update(piece.bytes(first: piece.byteCount)) }
  }
}

/// One piece on its way through a helper.
private final class PieceJob: Job, @unchecked Sendable {
  private let piece: FilePiece
  private let filler: PieceFiller
  private let done: (FilePiece) -> Void

  /// - Parameter done: called on the loop.
  init(_ piece: FilePiece, _ filler: PieceFiller, done: @escaping (FilePiece) -> Void) {
    self.piece = piece
    self.filler = filler
    self.done = done
  }

  override func perform() { filler.fill(piece) }

  override func finish() { done(piece) }
}
