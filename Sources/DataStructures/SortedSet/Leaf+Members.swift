// SPDX-License-Identifier: Apache-2.0

/// How a member is kept in a leaf.
///
///     bit      7          6 ... 0
///     +--------+---------------------------+
///     | long   | bytes in the leaf         |
///     +--------+---------------------------+
///
/// A long member stands in a block of its own, and eight bytes in the leaf lead there.
struct MemberCode: Equatable {
  let rawValue: UInt8

  /// Members up to this length stand in the leaf.
  static var shortMax: Int { 127 }
  /// Of every long member.
  static var long: MemberCode { MemberCode(rawValue: 0x80 | 8) }

  @inline(__always)
  init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Of a member with so many bytes.
  @inline(__always)
  init(memberByteCount count: Int) {
    self = count <= MemberCode.shortMax ? MemberCode(rawValue: UInt8(count)) : .long
  }

  /// Whether the member has a block of its own.
  @inline(__always)
  var isLong: Bool { rawValue & 0x80 != 0 }

  /// Bytes in the leaf.
  @inline(__always)
  var byteCount: Int { Int(rawValue & 0x7f) }
}

/// A member on its way into a leaf: bytes somewhere else, or the address of a long one's block.
@safe
struct LeafMember {
  /// What is copied; nothing that outlives the operation.
  let start: UnsafeRawPointer
  /// The block of a long member.
  let block: UInt
  let code: MemberCode

  /// A short member whose bytes start here, or the long one in `block`.
  @inline(__always)
  init(start: UnsafeRawPointer, block: UInt, code: MemberCode) {
    unsafe self.start = unsafe start
    self.block = block
    self.code = code
  }

  /// Writes the member to its place in a leaf.
  @inline(__always)
  func write(to target: UnsafeMutableRawPointer) {
    if code.isLong {
      unsafe target.storeBytes(of: block, as: UInt.self)
    } else {
      unsafe target.copyShort(from: start, byteCount: code.byteCount)
    }
  }
}

extension UnsafeMutableRawPointer {
  /// Copies few bytes without a call; source and target do not overlap.
  @inline(__always)
  func copyShort(from source: UnsafeRawPointer, byteCount: Int) {
    guard byteCount >= 8 && byteCount <= 32 else {
      return unsafe copyMemory(from: source, byteCount: byteCount)
    }
    var offset = 0
    while offset &+ 8 < byteCount {
      let word = unsafe source.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      unsafe storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
      offset &+= 8
    }
    // The last word may overlap the one before.
    let word = unsafe source.loadUnaligned(fromByteOffset: byteCount &- 8, as: UInt64.self)
    unsafe storeBytes(of: word, toByteOffset: byteCount &- 8, as: UInt64.self)
  }
}

/// The block of a long member: its length in eight bytes, then its bytes.
@safe
struct LongMember {
  let base: UnsafeMutableRawPointer

  /// A new block with these bytes.
  init(_ member: RawSpan, in allocator: Allocator) {
    let length = member.byteCount
    let block = unsafe allocator.allocate(8 + length)
    unsafe block.storeBytes(of: length, as: Int.self)
    unsafe member.withUnsafeBytes { bytes in
      guard let source = bytes.baseAddress else { return }
      unsafe (block + 8).copyMemory(from: source, byteCount: length)
    }
    unsafe base = unsafe block
  }

  /// The block at `address`.
  @inline(__always)
  init(at address: UInt) {
    unsafe base = unsafe UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped
  }

  var address: UInt { UInt(bitPattern: unsafe base) }

  /// Length of the member.
  @inline(__always)
  var memberByteCount: Int { unsafe base.load(as: Int.self) }

  /// Bytes of the block.
  var byteCount: Int { 8 + memberByteCount }

  /// Gives the block back.
  func free(to allocator: Allocator) {
    unsafe allocator.deallocate(base, byteCount: byteCount)
  }
}

extension Leaf {
  /// The code of the member in a slot.
  @inline(__always)
  func code(_ slot: Int) -> MemberCode {
    guard isMixed else { return code }
    return MemberCode(rawValue: unsafe lengths.load(fromByteOffset: slot, as: UInt8.self))
  }

  /// Bytes before slot `slot` in a mixed leaf: the sum of the lengths before it.
  func mixedOffset(_ slot: Int) -> Int {
    let lengths = unsafe lengths
    let low: UInt64 = 0x007f_007f_007f_007f
    var sums: UInt64 = 0
    var offset = 0
    while offset &+ 8 <= slot {
      let word = unsafe lengths.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      sums &+= (word & low) &+ (word &>> 8 & low)
      offset &+= 8
    }
    if offset < slot {
      // Reads past the lengths; a mixed leaf has eight bytes there.
      let word = unsafe lengths.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      let rest = word & ((1 &<< UInt64((slot &- offset) &* 8)) &- 1)
      sums &+= (rest & low) &+ (rest &>> 8 & low)
    }
    return Int(truncatingIfNeeded: (sums &* 0x0001_0001_0001_0001) &>> 48)
  }

  /// Where the member in a slot, or the address of its block, stands.
  @inline(__always)
  func place(_ slot: Int) -> UnsafeMutableRawPointer {
    let offset = isMixed ? mixedOffset(slot) : slot &* code.byteCount
    return unsafe base + (membersOffset &+ offset)
  }

  /// The block of the long member in a slot.
  @inline(__always)
  func longMember(_ slot: Int) -> LongMember {
    LongMember(at: unsafe place(slot).loadUnaligned(as: UInt.self))
  }

  /// The bytes of the member in a slot.
  @_lifetime(borrow self)
  @inline(__always)
  func member(_ slot: Int) -> RawSpan {
    let code = code(slot)
    let place = unsafe place(slot)
    // A span of a variable would put that on the heap.
    let start: UnsafeMutableRawPointer
    let count: Int
    if code.isLong {
      let long = longMember(slot)
      unsafe start = unsafe long.base + 8
      count = long.memberByteCount
    } else {
      unsafe start = unsafe place
      count = code.byteCount
    }
    let span = unsafe RawSpan(_unsafeStart: start, byteCount: count)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// Whether the member in a slot has these bytes, which have that code.
  @inline(never)
  func holds(_ member: RawSpan, _ code: MemberCode, in slot: Int) -> Bool {
    self.code(slot) == code && self.member(slot).equals(member)
  }

  /// The member in a slot, to be put into another leaf.
  @inline(__always)
  func leafMember(_ slot: Int) -> LeafMember {
    let place = unsafe place(slot)
    let code = code(slot)
    let block = code.isLong ? unsafe place.loadUnaligned(as: UInt.self) : 0
    return unsafe LeafMember(start: UnsafeRawPointer(place), block: block, code: code)
  }

  /// Gives the blocks of long members back; returns how many bytes they occupied.
  func freeLongMembers(to allocator: Allocator) -> Int {
    guard isMixed || code.isLong else { return 0 }
    var freed = 0
    for index in 0..<count {
      let slot = slot(at: index)
      guard code(slot).isLong else { continue }
      let long = longMember(slot)
      freed += unsafe allocator.allocatedSize(of: long.byteCount, at: long.base)
      long.free(to: allocator)
    }
    return freed
  }
}

extension RawSpan {
  /// Whether as many bytes at an address are the same as these.
  @inline(__always)
  func equals(bytesAt other: UnsafeRawPointer) -> Bool {
    let count = byteCount
    guard count >= 8 else {
      var offset = 0
      while offset < count {
        let otherByte = unsafe other.load(fromByteOffset: offset, as: UInt8.self)
        if byte(offset) != otherByte { return false }
        offset &+= 1
      }
      return true
    }
    // Words may overlap; none ends behind the bytes.
    var offset = count &- 8
    while true {
      let word = unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
      let otherWord = unsafe other.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      if word != otherWord { return false }
      if offset == 0 { return true }
      offset = max(offset &- 8, 0)
    }
  }
}
