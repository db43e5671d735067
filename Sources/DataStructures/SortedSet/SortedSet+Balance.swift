// SPDX-License-Identifier: Apache-2.0

// How leaves get room, split and join.

extension SortedSet {
  /// Free slots that a leaf gets when it grows or splits.
  private static var reserve: Int { 4 }
  /// A leaf with so few members is joined with a neighbor, if both together have few enough.
  static var sparseCount: Int { 28 }
  /// Members that a joined leaf may have.
  private static var joinedCount: Int { 48 }
  /// A leaf that could do with so many slots less is made smaller.
  static var spareCount: Int { 20 }

  // MARK: Leaves come, move and go

  /// A new leaf without links and neighbors.
  mutating func makeLeaf(_ shape: LeafShape) -> Leaf {
    let leaf = Leaf(shape, number: directory.takeNumber(), in: allocator)
    blockBytes &+= leaf.byteCount
    directory.enter(leaf)
    return leaf
  }

  /// Puts `new` in the place of `old`, whose block is freed.
  private mutating func replace(_ old: Leaf, with new: Leaf) {
    new.takeIdentity(of: old)
    if let parent = old.parent {
      let slot = LinkChild(at: old.address).slot(in: parent)
      parent.retarget(slot, to: LinkChild(at: new.address))
    }
    directory.enter(new)
    blockBytes &+= new.byteCount &- old.byteCount
    unsafe allocator.deallocateRun(old.base, byteCount: old.byteCount)
  }

  /// Moves a leaf to another block of the same size.
  mutating func move(_ leaf: Leaf) {
    let byteCount = leaf.byteCount
    let run = allocator.allocateRun(byteCount)
    unsafe run.base.copyMemory(from: leaf.base, byteCount: byteCount)
    unsafe replace(leaf, with: Leaf(run.base))
  }

  /// Gives a leaf without members, whose link is gone, back. Others may get lower numbers.
  mutating func free(_ leaf: Leaf) {
    blockBytes &-= leaf.byteCount
    directory.free(leaf.number)
    unsafe allocator.deallocateRun(leaf.base, byteCount: leaf.byteCount)
    if directory.isSparse { thinDirectory() }
  }

  /// Makes the directory of a set that has lost most of its leaves shorter by some numbers.
  ///
  /// If the last number is that of a leaf, this gets a free one, which is lower. As only about one
  /// in four is, four numbers or more go for each leaf that has gone.
  @inline(never)
  private mutating func thinDirectory() {
    var work = 8
    while work > 0 && directory.isSparse {
      work -= 1
      if directory.removeLastIfFree() { continue }
      work -= 3
      renumber(directory.leaf(directory.bound - 1))
      directory.removeLast()
    }
    directory.giveBackUnused()
  }

  /// Gives a leaf a free number. Its members have another place then, and so it is announced.
  private mutating func renumber(_ leaf: Leaf) {
    willChange(leaf)
    let (count, old, new) = (leaf.count, leaf.number, directory.takeNumber())
    for index in 0..<count { self.index.prefetch(leaf.hash(leaf.slot(at: index))) }
    leaf.number = new
    directory.enter(leaf)
    for index in 0..<count {
      let slot = leaf.slot(at: index)
      self.index.replace(
        MemberReference(leaf: old, slot: slot), hash: leaf.hash(slot),
        with: MemberReference(leaf: new, slot: slot))
    }
    if let next = directory.optionalLeaf(leaf.next) { next.previous = new } else { tail = new }
    if let before = directory.optionalLeaf(leaf.previous) { before.next = new } else { head = new }
  }

  // MARK: Room

  /// Makes room for a member with this code and key, which the links to the leaf count already.
  ///
  /// `place` becomes its place afterwards. The leaf has been announced.
  @inline(never)
  mutating func makeRoom(at place: inout Place, for code: MemberCode, _ key: UInt64) {
    while true {
      let leaf = place.leaf
      let count = leaf.count
      if count < Leaf.slotMax, reshape(&place, for: code, key) { return }
      LinkChild(at: leaf.address).adjustCounts(by: -1)
      let isLast = place.index == count && leaf.next == Leaf.none
      let isFirst = place.index == 0 && leaf.previous == Leaf.none
      if isLast || isFirst {
        place = Place(leaf: addLeaf(beside: leaf, behind: isLast, code, key), index: 0)
      } else {
        split(leaf, for: &place)
      }
      LinkChild(at: place.leaf.address).adjustCounts(by: 1)
      if place.leaf.hasRoom(for: code, key) { return }
    }
  }

  /// Gives a leaf another shape, in which a member fits; false if it would become too large.
  mutating func reshape(_ place: inout Place, for code: MemberCode, _ key: UInt64) -> Bool {
    let old = place.leaf
    let count = old.count
    // What grows at the end will go on to.
    let isAtEnd = place.index == count && old.next == Leaf.none
    let reserve = isAtEnd ? max(SortedSet.reserve, count / 2) : SortedSet.reserve
    if count > 0, old.canHold(key), old.isMixed || code == old.code {
      return grow(&place, by: reserve, for: code)
    }
    var contents = LeafContents()
    contents.add(0..<count, of: old)
    contents.add(key, code)
    // Slots stay what they are as far as there is room, so that the index need not be told.
    var shape = contents.shape(reserve: reserve - 1, slotMin: old.slotsInUse, newKey: key)
    if shape.byteCount > Leaf.byteCountMax {
      shape = contents.shape(reserve: 0, newKey: key)
      guard shape.byteCount <= Leaf.byteCountMax else { return false }
    }
    let new = Leaf(shape, number: old.number, in: allocator)
    let kept = old.used & new.slotBits
    new.append(0..<count, of: old, keeping: kept)
    if kept != old.used { reindex(0..<count, of: old, to: new, from: 0) }
    replace(old, with: new)
    place.leaf = new
    return true
  }

  /// Gives a leaf more slots; false if there is no room for even one member.
  private mutating func grow(_ place: inout Place, by reserve: Int, for code: MemberCode) -> Bool {
    let old = place.leaf
    var shape = LeafShape(of: old, for: old.count + reserve)
    if shape.byteCount > Leaf.byteCountMax { shape = LeafShape(of: old, for: old.count + 1) }
    if old.isMixed {
      shape.memberByteCount = max(shape.memberByteCount, old.memberByteCount + code.byteCount)
    }
    guard shape.byteCount <= Leaf.byteCountMax else { return false }
    let new = Leaf(shape, number: old.number, in: allocator)
    new.copyMembers(of: old)
    replace(old, with: new)
    place.leaf = new
    return true
  }

  /// A new leaf before or behind all others, for one member that the caller adds.
  private mutating func addLeaf(
    beside leaf: Leaf, behind: Bool, _ code: MemberCode, _ key: UInt64
  ) -> Leaf {
    var contents = LeafContents()
    contents.add(key, code)
    return addLeaf(
      beside: leaf, behind: behind, contents.shape(reserve: SortedSet.reserve), key)
  }

  /// A new leaf of this shape before or behind all others, for members of which none is counted by
  /// the links yet; `key` is that of the first of them.
  mutating func addLeaf(
    beside leaf: Leaf, behind: Bool, _ shape: LeafShape, _ key: UInt64
  ) -> Leaf {
    let new = makeLeaf(shape)
    if behind { chain(new, behind: leaf) } else { chain(new, before: leaf) }
    let parent = leaf.parent ?? raise(above: leaf)
    let slot = LinkChild(at: leaf.address).slot(in: parent) + (behind ? 1 : 0)
    // `put` writes the key of a first member.
    addLink(to: LinkChild(at: new.address), LinkKey(ScoreKey.score(key), 0), in: parent, at: slot)
    return new
  }

  /// Moves the upper half of a leaf's members to a new leaf behind it; `place` becomes where the
  /// caller's member belongs then.
  private mutating func split(_ old: Leaf, for place: inout Place) {
    let count = old.count
    let half = count / 2
    if old.parent == nil { _ = raise(above: old) }
    for index in half..<count { self.index.prefetch(old.hash(old.slot(at: index))) }
    var (lowerContents, upperContents) = (LeafContents(), LeafContents())
    lowerContents.add(0..<half, of: old)
    upperContents.add(half..<count, of: old)
    let upper = makeLeaf(upperContents.shape(reserve: SortedSet.reserve))
    let lower = Leaf(
      lowerContents.shape(reserve: SortedSet.reserve), number: old.number, in: allocator)
    upper.append(half..<count, of: old)
    lower.append(0..<half, of: old, keeping: old.used(0..<half) & lower.slotBits)
    // Those that leave come first, or two references would name one slot.
    reindex(half..<count, of: old, to: upper, from: 0)
    reindex(0..<half, of: old, to: lower, from: 0)
    replace(old, with: lower)
    chain(upper, behind: lower)
    if let parent = lower.parent {
      let slot = LinkChild(at: lower.address).slot(in: parent)
      addLink(to: LinkChild(at: upper.address), LinkKey(upper), in: parent, at: slot + 1)
    }
    LinkChild(at: lower.address).recount(count - half, to: LinkChild(at: upper.address))
    if place.index <= half {
      place.leaf = lower
    } else {
      place = Place(leaf: upper, index: place.index - half)
    }
  }

  /// Tells the index of members that were copied to another leaf, or to other slots of it.
  ///
  /// `start` is the place in the order of `new` where the first of them stands.
  private func reindex(_ indices: Range<Int>, of old: Leaf, to new: Leaf, from start: Int) {
    let (oldNumber, newNumber) = (old.number, new.number)
    var target = start
    for index in indices {
      let source = MemberReference(leaf: oldNumber, slot: old.slot(at: index))
      let slot = new.slot(at: target)
      let reference = MemberReference(leaf: newNumber, slot: slot)
      target &+= 1
      guard source != reference else { continue }
      self.index.replace(source, hash: new.hash(slot), with: reference)
    }
  }

  // MARK: Becoming fewer

  /// Looks after a leaf that was announced and lost members: frees it if it is empty, joins it if
  /// it is sparse, makes it smaller if it has many free slots.
  mutating func settle(_ leaf: Leaf) {
    let count = leaf.count
    if count == 0 { return drop(leaf) }
    if count <= SortedSet.sparseCount, let parent = leaf.parent {
      // The counts of neighbors that hang on the same node are near.
      let slot = LinkChild(at: leaf.address).slot(in: parent)
      let room = SortedSet.joinedCount - count
      if slot + 1 < parent.count, parent.elementCount(slot + 1) <= room,
        join(leaf, with: parent.leaf(slot + 1))
      {
        return
      }
      if slot > 0, parent.elementCount(slot - 1) <= room,
        join(parent.leaf(slot - 1), with: leaf)
      {
        return
      }
    }
    if leaf.slots >= count + SortedSet.reserve + SortedSet.spareCount { shrink(leaf) }
  }

  /// Gives a leaf a block that fits.
  private mutating func shrink(_ old: Leaf) {
    let count = old.count
    var contents = LeafContents()
    contents.add(0..<count, of: old)
    let shape = contents.shape(reserve: SortedSet.reserve)
    guard shape.byteCount < old.byteCount else { return }
    let new = Leaf(shape, number: old.number, in: allocator)
    new.append(0..<count, of: old, keeping: old.used & new.slotBits)
    reindex(0..<count, of: old, to: new, from: 0)
    replace(old, with: new)
  }

  /// Moves the members of `second` into the leaf before it; false if that can't hold all of them.
  private mutating func join(_ first: Leaf, with second: Leaf) -> Bool {
    let (firstCount, secondCount) = (first.count, second.count)
    var contents = LeafContents()
    contents.add(0..<firstCount, of: first)
    contents.add(0..<secondCount, of: second)
    let shape = contents.shape(reserve: SortedSet.reserve)
    guard shape.byteCount <= Leaf.byteCountMax else { return false }
    willChange(first)
    willChange(second)
    for index in 0..<secondCount { self.index.prefetch(second.hash(second.slot(at: index))) }
    let joined = Leaf(shape, number: first.number, in: allocator)
    joined.append(0..<firstCount, of: first, keeping: first.used & joined.slotBits)
    joined.append(0..<secondCount, of: second)
    reindex(0..<secondCount, of: second, to: joined, from: firstCount)
    reindex(0..<firstCount, of: first, to: joined, from: 0)
    replace(first, with: joined)
    LinkChild(at: second.address).recount(secondCount, to: LinkChild(at: joined.address))
    drop(second)
    return true
  }

  /// Frees a leaf, none of whose members is counted by links any more, and the link to it.
  private mutating func drop(_ leaf: Leaf) {
    unchain(leaf)
    removeLink(to: LinkChild(at: leaf.address))
    free(leaf)
  }

  // MARK: Neighbors

  private mutating func chain(_ new: Leaf, behind leaf: Leaf) {
    new.previous = leaf.number
    new.next = leaf.next
    if let next = directory.optionalLeaf(leaf.next) {
      next.previous = new.number
    } else {
      tail = new.number
    }
    leaf.next = new.number
  }

  private mutating func chain(_ new: Leaf, before leaf: Leaf) {
    new.next = leaf.number
    new.previous = leaf.previous
    if let previous = directory.optionalLeaf(leaf.previous) {
      previous.next = new.number
    } else {
      head = new.number
    }
    leaf.previous = new.number
  }

  private mutating func unchain(_ leaf: Leaf) {
    let (next, previous) = (leaf.next, leaf.previous)
    if let leaf = directory.optionalLeaf(next) { leaf.previous = previous } else { tail = previous }
    if let leaf = directory.optionalLeaf(previous) { leaf.next = next } else { head = next }
  }
}

extension Leaf {
  /// A bit for each slot.
  var slotBits: UInt64 { ~0 >> UInt64(64 - slots) }

  /// A bit for each slot of the members at some places in the order.
  func used(_ indices: Range<Int>) -> UInt64 {
    var bits: UInt64 = 0
    for index in indices { bits |= 1 << UInt64(slot(at: index)) }
    return bits
  }
}
