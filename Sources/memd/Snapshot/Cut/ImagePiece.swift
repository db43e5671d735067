// SPDX-License-Identifier: Apache-2.0

// Images: what a cut takes of the keyspace, as bytes that refer to nothing of it. The loop copies,
// a helper encodes. A piece of memory holds records:
//
//     0      1        2      3     4        8            16      24
//     +------+--------+------+-----+--------+------------+-------+-----------------------+
//     | kind | access | form | --- | access | byte count | value | payload, filled up to |
//     |      | kind   |      |     | value  | of payload |       | a multiple of eight   |
//     +------+--------+------+-----+--------+------------+-------+-----------------------+
//
//     kind         payload                                  form            value
//     database     number, keys, keys with a deadline       1: seen first
//     entry        the entry, then the block of its value
//     head         the entry of a large value               type in RDB     earliest deadline
//     count        (none)                                                   elements or blocks
//     leaf         leaf of a sorted set, then long members
//     members      (count, bytes) of each, filled up
//     fields       (deadline, name, value) of each
//     packedNode   listpack
//     plainNode    text
//     streamNode   id, listpack
//     figures      see StreamFigures
//     group        see GroupImage
//     encoded      bytes as they stand in the file
//
// An image of an entry or a leaf is the allocation as it was, with the addresses in it set to where
// the copies are. So what reads entries and leaves reads images.

/// What a record of a piece is.
enum ImageKind: UInt8 {
  case database
  case entry
  case head
  case count
  case leaf
  case members
  case fields
  case packedNode
  case plainNode
  case streamNode
  case figures
  case group
  case encoded
}

/// What is in front of a record's payload.
struct ImageHeader {
  static let byteCount = 24

  let kind: ImageKind
  var access: RDBAccess?
  var form: UInt8 = 0
  var value: Int64 = 0
}

/// Memory with records, filled by the loop and read by a helper, one after the other.
@safe
final class ImagePiece: @unchecked Sendable {
  /// Bytes of the pieces that are filled record by record; they stay in a processor's cache.
  static let usualByteCount = 64 << 10

  private let base: UnsafeMutableRawPointer
  let capacity: Int
  /// Bytes in use.
  private(set) var count = 0

  init(capacity: Int) {
    self.capacity = capacity
    unsafe base = .allocate(byteCount: capacity, alignment: 16)
  }

  deinit { unsafe base.deallocate() }

  /// Bytes that a record takes.
  static func recordByteCount(_ payload: Int) -> Int { ImageHeader.byteCount + (payload + 7) & ~7 }

  /// Begins a record; nil if it doesn't fit. The caller fills the payload.
  func append(_ header: ImageHeader, payload: Int) -> UnsafeMutableRawPointer? {
    let byteCount = ImagePiece.recordByteCount(payload)
    guard count + byteCount <= capacity else { return nil }
    let start = unsafe base + count
    count += byteCount
    let access: (kind: UInt64, value: UInt64) =
      switch header.access {
      case .idle(let seconds): (1, UInt64(UInt32(clamping: seconds)))
      case .frequency(let counter): (2, UInt64(counter))
      case nil: (0, 0)
      }
    let word =
      UInt64(header.kind.rawValue) | access.kind << 8 | UInt64(header.form) << 16
      | access.value << 32
    unsafe start.storeBytes(of: word, as: UInt64.self)
    unsafe start.storeBytes(of: payload, toByteOffset: 8, as: Int.self)
    unsafe start.storeBytes(of: header.value, toByteOffset: 16, as: Int64.self)
    return unsafe start + ImageHeader.byteCount
  }

  /// A piece without records, for what turned out to be nothing.
  static let empty = ImagePiece(capacity: 0)

  /// Forgets the records.
  func removeAll() { count = 0 }

  /// Visits the records in order.
  func forEach(_ visit: (ImageHeader, UnsafeMutableRawBufferPointer) -> Void) {
    var offset = 0
    while offset < count {
      let start = unsafe base + offset
      let word = unsafe start.load(as: UInt64.self)
      let payload = unsafe start.load(fromByteOffset: 8, as: Int.self)
      guard let kind = ImageKind(rawValue: UInt8(truncatingIfNeeded: word)) else {
        preconditionFailure("a record of an unknown kind")
      }
      var header = ImageHeader(kind: kind)
      header.form = UInt8(truncatingIfNeeded: word >> 16)
      header.value = unsafe start.load(fromByteOffset: 16, as: Int64.self)
      switch UInt8(truncatingIfNeeded: word >> 8) {
      case 1: header.access = .idle(Int(word >> 32))
      case 2: header.access = .frequency(UInt8(truncatingIfNeeded: word >> 32))
      default: break
      }
      unsafe visit(
        header,
        UnsafeMutableRawBufferPointer(start: start + ImageHeader.byteCount, count: payload))
      offset += ImagePiece.recordByteCount(payload)
    }
  }
}

/// Where an image is put.
protocol ImageTarget {
  /// Begins a record and returns where its payload is to be written.
  mutating func reserve(_ header: ImageHeader, payload: Int) -> UnsafeMutableRawPointer
}

/// A piece of its own for one image.
struct SingleImage: ImageTarget {
  private(set) var piece: ImagePiece?

  mutating func reserve(_ header: ImageHeader, payload: Int) -> UnsafeMutableRawPointer {
    let piece = ImagePiece(capacity: ImagePiece.recordByteCount(payload))
    self.piece = piece
    // It is as large as the record.
    return unsafe piece.append(header, payload: payload).unsafelyUnwrapped
  }
}

/// Images in the order in which they will stand in the file.
struct ImageQueue: ImageTarget {
  /// The piece that is being filled.
  private var last: ImagePiece?
  private var pieces: [ImagePiece] = []
  /// Bytes of all pieces.
  private(set) var byteCount = 0
  private let pool: ImagePool

  init(_ pool: ImagePool) { self.pool = pool }

  var isEmpty: Bool { byteCount == 0 }

  mutating func reserve(_ header: ImageHeader, payload: Int) -> UnsafeMutableRawPointer {
    byteCount += ImagePiece.recordByteCount(payload)
    if let last, let target = unsafe last.append(header, payload: payload) { return unsafe target }
    closeLast()
    let size = ImagePiece.recordByteCount(payload)
    let piece =
      size <= ImagePiece.usualByteCount ? pool.take() : ImagePiece(capacity: size)
    last = piece
    // It is empty and as large as the record, at least.
    return unsafe piece.append(header, payload: payload).unsafelyUnwrapped
  }

  /// Puts an image that was taken before behind all others.
  mutating func append(_ piece: ImagePiece) {
    closeLast()
    pieces.append(piece)
    byteCount += piece.count
  }

  /// Puts all images of another queue behind all others; that one is empty then.
  mutating func append(_ other: inout ImageQueue) {
    for piece in other.takeAll() { append(piece) }
  }

  /// Hands all pieces out.
  mutating func takeAll() -> [ImagePiece] {
    closeLast()
    let taken = pieces
    pieces = []
    byteCount = 0
    return taken
  }

  private mutating func closeLast() {
    if let last { pieces.append(last) }
    last = nil
  }
}

/// Pieces of the usual size that wait to be filled again: fresh ones would be mapped and faulted.
final class ImagePool {
  private var pieces: [ImagePiece] = []
  private static let countMax = 96

  func take() -> ImagePiece {
    pieces.popLast() ?? ImagePiece(capacity: ImagePiece.usualByteCount)
  }

  /// Takes back what a helper has read.
  func give(_ used: [ImagePiece]) {
    for piece in used
    where piece.capacity == ImagePiece.usualByteCount && pieces.count < ImagePool.countMax {
      piece.removeAll()
      pieces.append(piece)
    }
  }
}
