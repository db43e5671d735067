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
    for index in indices {
      let slot = leaf.slot(at: index)
      add(leaf.key(slot), leaf.code(slot))
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
    } else {
      // What the block has beyond what was asked for becomes slots.
      let room = Allocator.runByteCount(shape.byteCount) - Leaf.headerByteCount
      shape.slots = max(slots, min(Leaf.slotMax, room / shape.byteCountPerSlot))
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
  /// A new leaf without members in memory of `shape.byteCount` bytes, rounded up to granules.
  init(_ shape: LeafShape, number: UInt32, in allocator: Allocator) {
    unsafe base = unsafe allocator.allocateRun(shape.byteCount)
    unsafe base.initializeMemory(as: UInt64.self, repeating: 0, count: Leaf.headerByteCount / 8)
    self.number = number
    next = Leaf.none
    previous = Leaf.none
    slots = shape.slots
    width = shape.width
    shift = shape.shift
    code = shape.code
    isMixed = shape.isMixed
    byteCount = Allocator.runByteCount(shape.byteCount)
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
    var place = count
    var used = used
    for index in indices {
      let from = source.slot(at: index)
      let isKept = kept &>> UInt64(from) & 1 != 0
      let slot = isKept ? from : (used | kept).trailingOneBitCount
      assert(slot < slots && used &>> UInt64(slot) & 1 == 0)
      used |= 1 &<< UInt64(slot)
      unsafe order[place] = UInt8(truncatingIfNeeded: slot)
      place &+= 1
      setKey(slot, source.key(from))
      setHash(slot, source.hash(from))
      if isMixed {
        openMixed(slot, source.code(from))
      }
      let member = source.leafMember(from)
      unsafe member.write(to: self.place(slot))
    }
    self.used = used
  }
}
