// SPDX-License-Identifier: Apache-2.0

/// A block of up to thirty records that belong to one slot of a timing wheel.
///
///     byte 0  [ next chunk of the slot, 48 bits | slot, 16 bits ]
///          8  [ records, 32 bits | place in the directory, 32 bits ]
///         16  [ record 0 ] [ record 1 ] ... [ record 29 ]            a record is an element's word
///
/// Only the first chunk of a slot may have room; all behind it are full.
@safe @usableFromInline
struct WheelChunk: Equatable {
  /// The chunk's 32 words.
  @usableFromInline let words: UnsafeMutablePointer<UInt64>

  /// Size of a chunk in bytes.
  @inlinable static var byteCount: Int { 256 }
  /// Records that a chunk has room for.
  @inlinable static var capacity: Int { 30 }
  /// The bits of a word that hold an address; user space needs no more.
  @inlinable static var addressMask: UInt64 { 0xffff_ffff_ffff }

  /// The chunk at an address, which must be one.
  @inlinable @inline(__always)
  init(address: UInt64) {
    let bits = UInt(truncatingIfNeeded: address & WheelChunk.addressMask)
    unsafe words = UnsafeMutablePointer(bitPattern: bits).unsafelyUnwrapped
  }

  /// The chunk in a fresh block of memory, without records.
  @inlinable
  init(memory: UnsafeMutableRawPointer, slot: Int, next: UInt64, directoryIndex: Int) {
    unsafe words = memory.bindMemory(to: UInt64.self, capacity: 32)
    unsafe words[0] = next | UInt64(slot) << 48
    unsafe words[1] = UInt64(directoryIndex) << 32
  }

  /// The chunk's address.
  @inlinable @inline(__always)
  var address: UInt64 { UInt64(UInt(bitPattern: unsafe words)) }

  /// Address of the slot's next chunk, 0 behind the last one.
  @inlinable @inline(__always)
  var next: UInt64 { unsafe words[0] & WheelChunk.addressMask }

  /// Lets another chunk follow in the slot's list.
  @inlinable @inline(__always)
  func setNext(_ address: UInt64) {
    unsafe words[0] = words[0] & ~WheelChunk.addressMask | address
  }

  /// The slot that the records belong to: its index, and the wheel's bank in bit 15.
  @inlinable @inline(__always)
  var slot: Int { Int(truncatingIfNeeded: unsafe words[0] >> 48) }

  /// How many records there are.
  @inlinable @inline(__always)
  var count: Int {
    get { Int(truncatingIfNeeded: unsafe words[1] & 0xffff_ffff) }
    nonmutating set { unsafe words[1] = words[1] & ~0xffff_ffff | UInt64(newValue) }
  }

  /// Where in the wheel's directory the chunk is listed.
  @inlinable @inline(__always)
  var directoryIndex: Int {
    get { Int(truncatingIfNeeded: unsafe words[1] >> 32) }
    nonmutating set { unsafe words[1] = words[1] & 0xffff_ffff | UInt64(newValue) << 32 }
  }

  /// The record at a position below `capacity`.
  @inlinable @inline(__always)
  subscript(position: Int) -> UInt64 {
    get {
      assert(position >= 0 && position < WheelChunk.capacity)
      return unsafe words[2 &+ position]
    }
    nonmutating set {
      assert(position >= 0 && position < WheelChunk.capacity)
      unsafe words[2 &+ position] = newValue
    }
  }

  /// What an entry notes about the record at `position`: the chunk's address and the position.
  @inlinable @inline(__always)
  func note(position: Int) -> UInt64 { address | UInt64(position) << 48 }

  /// The position that an entry's note names.
  @inlinable @inline(__always)
  static func position(of note: UInt64) -> Int { Int(truncatingIfNeeded: note >> 48) }

  /// Whether both are the same block.
  @inlinable
  static func == (a: WheelChunk, b: WheelChunk) -> Bool { unsafe a.words == b.words }
}
