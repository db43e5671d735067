// SPDX-License-Identifier: Apache-2.0

/// What a leaf is to hold, as far as its shape depends on it.
struct LeafContents {
  private(set) var count = 0
  private var lowest = UInt64.max
  private var highest: UInt64 = 0
  /// Bits in which keys differ from the first one.
  private var differences: UInt64 = 0
  private var first: UInt64 = 0
  private var code = MemberCode(rawValue: 0)
  private var isMixed = false
  private var memberByteCount = 0

  /// Adds one member.
  @inline(__always)
  mutating func add(_ key: UInt64, _ code: MemberCode) {
    if count == 0 {
      first = key
      self.code = code
    }
    count &+= 1
    lowest = min(lowest, key)
    highest = max(highest, key)
    differences |= key ^ first
    if code != self.code { isMixed = true }
    memberByteCount &+= code.byteCount
  }

  /// Adds the members at some places of a leaf.
  mutating func add(_ indices: Range<Int>, of leaf: Leaf) {
    let arrays = LeafArrays(leaf)
    let code = leaf.code
    for index in indices {
      let slot = arrays.slot(at: index)
      add(arrays.key(slot), arrays.isMixed ? leaf.code(slot) : code)
    }
  }

  /// The shape of a leaf with these members and room for `reserve` more, with at least so many
  /// slots.
  ///
  /// If the lowest key has just come, keys are expected to fall, and the base leaves room below.
  func shape(reserve: Int, slotMin: Int = 0, newKey: UInt64? = nil) -> LeafShape {
    let shift = differences.trailingZeroBitCount & 63
    let span = (highest &- lowest) &>> UInt64(shift)
    let width = (64 - span.leadingZeroBitCount + 7) / 8
    var base = lowest
    if let newKey, newKey == lowest, count > 1, width > 0 {
      let room = (width == 8 ? UInt64.max : 1 << UInt64(width * 8) - 1) - span
      base -= min(room / 2, lowest >> UInt64(shift)) << UInt64(shift)
    }
    let slots = max(min(count + reserve, Leaf.slotMax), slotMin)
    var shape = LeafShape(
      slots: slots, width: width, shift: shift, base: base, code: code, isMixed: isMixed,
      memberByteCount: 0)
    if isMixed {
      let mean = (memberByteCount + count - 1) / count
      shape.code = MemberCode(rawValue: UInt8(truncatingIfNeeded: mean))
      shape.memberByteCount = max(8, memberByteCount + (slots - count) * mean)
    }
    return shape
  }
}

/// The sizes of a leaf's arrays, and how scores are stored in it.
struct LeafShape {
  var slots: Int
  let width: Int
  let shift: Int
  let base: UInt64
  var code: MemberCode
  let isMixed: Bool
  /// Bytes for the members of a mixed leaf.
  var memberByteCount: Int

  /// Bytes per slot in all arrays together, but for the members of a mixed leaf.
  var byteCountPerSlot: Int { 5 + width + (isMixed ? 1 : code.byteCount) }

  /// Bytes of the leaf.
  var byteCount: Int { Leaf.headerByteCount + slots * byteCountPerSlot + memberByteCount }
}

extension Leaf {
  /// A new leaf without members; it may get more slots than the shape says.
  init(_ shape: LeafShape, number: UInt32, in allocator: Allocator) {
    var shape = shape
    let run = allocator.allocateRun(shape.byteCount, atMost: shape.byteCountAtMost)
    shape.fill(run.byteCount)
    unsafe base = unsafe run.base
    unsafe base.initializeMemory(as: UInt64.self, repeating: 0, count: Leaf.headerByteCount / 8)
    self.number = number
    next = Leaf.none
    previous = Leaf.none
    slots = shape.slots
    width = shape.width
    shift = shape.shift
    code = shape.code
    isMixed = shape.isMixed
    byteCount = run.byteCount
    baseKey = shape.base
    epoch = allocator.epoch
    if isMixed { unsafe lengths.initializeMemory(as: UInt8.self, repeating: 0, count: slots) }
  }

  /// Takes over whose leaf `other` is, and where; not what it holds.
  func takeIdentity(of other: Leaf) {
    next = other.next
    previous = other.previous
    epoch = other.epoch
    LinkChild(at: address).takePlace(of: LinkChild(at: other.address))
  }

  /// Copies the members at some places of `source`, which go behind those that are here.
  ///
  /// Those in slots of `kept` keep theirs.
  func append(_ indices: Range<Int>, of source: Leaf, keeping kept: UInt64 = 0) {
    let (from, to) = (LeafArrays(source), LeafArrays(self))
    let stride = from.isMixed || to.isMixed ? 0 : source.code.byteCount
    var place = count
    var used = used
    for index in indices {
      let old = from.slot(at: index)
      let isKept = kept &>> UInt64(old) & 1 != 0
      let slot = isKept ? old : (used | kept).trailingOneBitCount
      assert(slot < slots && used &>> UInt64(slot) & 1 == 0)
      used |= 1 &<< UInt64(slot)
      unsafe to.order[place] = UInt8(truncatingIfNeeded: slot)
      place &+= 1
      to.set(slot, from.key(old), hash: from.hash(old))
      if stride > 0 {
        unsafe (to.members + slot &* stride).copyShort(
          from: from.members + old &* stride, byteCount: stride)
      } else {
        if isMixed { openMixed(slot, source.code(old)) }
        let member = source.leafMember(old)
        unsafe member.write(to: self.place(slot))
      }
    }
    self.used = used
    count = place
  }

  /// Takes over all members of a leaf that has the same shape but for its size; their slots stay.
  func copyMembers(of source: Leaf) {
    // Either may have free slots behind those of the other.
    let (count, copied) = (source.count, min(slots, source.slots))
    assert(copied >= source.slotsInUse)
    let (from, to) = (LeafArrays(source), LeafArrays(self))
    unsafe to.order.update(from: from.order, count: count)
    unsafe to.scores.copyMemory(from: from.scores, byteCount: copied &* width)
    unsafe to.hashes.copyMemory(from: from.hashes, byteCount: copied &* 4)
    if isMixed {
      unsafe lengths.copyMemory(from: source.lengths, byteCount: copied)
      memberByteCount = source.memberByteCount
      unsafe to.members.copyMemory(from: from.members, byteCount: memberByteCount)
    } else {
      unsafe to.members.copyMemory(from: from.members, byteCount: copied &* code.byteCount)
    }
    used = source.used
    self.count = count
  }
}

/// Where the arrays of a leaf are, for loops over its members.
@safe
struct LeafArrays {
  let order: UnsafeMutablePointer<UInt8>
  let scores: UnsafeMutableRawPointer
  let hashes: UnsafeMutableRawPointer
  let members: UnsafeMutableRawPointer
  let width: Int
  let mask: UInt64
  let shift: UInt64
  let base: UInt64
  let isMixed: Bool

  @inline(__always)
  init(_ leaf: Leaf) {
    unsafe order = unsafe leaf.order
    unsafe scores = unsafe leaf.scores
    unsafe hashes = unsafe leaf.base + leaf.hashesOffset
    unsafe members = unsafe leaf.base + leaf.membersOffset
    width = leaf.width
    mask = leaf.scoreMask
    shift = UInt64(leaf.shift)
    base = leaf.baseKey
    isMixed = leaf.isMixed
  }

  /// As in `Leaf`.
  @inline(__always)
  func slot(at index: Int) -> Int { unsafe Int(order[index]) }

  /// As in `Leaf`.
  @inline(__always)
  func key(_ slot: Int) -> UInt64 {
    let word = unsafe scores.loadUnaligned(fromByteOffset: slot &* width, as: UInt64.self)
    return base &+ (word & mask) &<< shift
  }

  /// As in `Leaf`.
  @inline(__always)
  func hash(_ slot: Int) -> UInt32 {
    unsafe hashes.loadUnaligned(fromByteOffset: slot &* 4, as: UInt32.self)
  }

  /// Stores score and hash.
  @inline(__always)
  func set(_ slot: Int, _ key: UInt64, hash: UInt32) {
    let target = unsafe scores + slot &* width
    let word = unsafe target.loadUnaligned(as: UInt64.self)
    let difference = (key &- base) &>> shift
    assert(difference & ~mask == 0 && difference &<< shift == key &- base)
    unsafe target.storeBytes(of: word & ~mask | difference, as: UInt64.self)
    unsafe hashes.storeBytes(of: hash, toByteOffset: slot &* 4, as: UInt32.self)
  }
}

extension LeafShape {
  /// The shape of a leaf, as large as it needs to be for `count` members.
  init(of leaf: Leaf, for count: Int) {
    let extra = count - leaf.count
    var shape = LeafShape(
      slots: max(min(count, Leaf.slotMax), leaf.slotsInUse), width: leaf.width, shift: leaf.shift,
      base: leaf.baseKey, code: leaf.code, isMixed: leaf.isMixed, memberByteCount: 0)
    if leaf.isMixed {
      shape.memberByteCount = max(8, leaf.memberByteCount + extra * leaf.code.byteCount)
    }
    self = shape
  }

  /// Bytes that the leaf could make use of.
  var byteCountAtMost: Int {
    let extra = min(slots + 12, Leaf.slotMax) - slots
    let perMember = isMixed ? code.byteCount : byteCountPerSlot
    return min(byteCount + extra * perMember, Leaf.byteCountMax)
  }

  /// Makes slots of what the block has beyond what was asked for.
  mutating func fill(_ byteCount: Int) {
    guard !isMixed else { return }
    let room = (byteCount - Leaf.headerByteCount) / byteCountPerSlot
    slots = max(slots, min(Leaf.slotMax, room))
  }
}

extension Leaf {
  /// The last slot in use, plus one.
  var slotsInUse: Int { 64 - used.leadingZeroBitCount }
}
