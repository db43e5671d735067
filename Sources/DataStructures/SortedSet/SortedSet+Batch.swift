// SPDX-License-Identifier: Apache-2.0

// Many members at once: sorted first, and where they belong behind all others a leaf after the
// other, made as large as it has to be.

extension SortedSet {
  /// Adds the members of a batch, which is empty then; false if one of them is there already or
  /// twice in the batch. Those before it may have been added.
  ///
  /// - Complexity: O(n log n) for n members if they come behind those that are here.
  public mutating func insert(_ batch: inout SortedSetBatch) -> Bool {
    defer { batch.removeAll() }
    guard batch.count > 0 else { return true }
    batch.sort()
    if isEmpty { index.reserve(batch.count) }
    var start = 0
    if isBehindAll(batch.member(at: 0), score: batch.item(at: 0).score) {
      while start < batch.count {
        guard let next = appendLeaf(of: batch, from: start) else { return false }
        start = next
      }
      return true
    }
    while start < batch.count {
      let item = batch.item(at: start)
      if find(batch.member(at: start), hash: item.hash) != nil { return false }
      insert(batch.member(at: start), hash: item.hash, score: item.score)
      start += 1
    }
    return true
  }

  private func isBehindAll(_ member: RawSpan, score: Double) -> Bool {
    guard tail != Leaf.none else { return true }
    let leaf = directory.leaf(tail)
    let slot = leaf.slot(at: leaf.count - 1)
    let last = leaf.score(slot)
    return last != score ? last < score : leaf.member(slot).precedes(member)
  }

  /// Adds as many members as fit into a leaf, behind all others. Returns the place in the batch
  /// behind them; nil if a member is there already.
  private mutating func appendLeaf(of batch: borrowing SortedSetBatch, from start: Int) -> Int? {
    if find(batch.member(at: start), hash: batch.item(at: start).hash) != nil { return nil }
    var end = min(start + Leaf.slotMax, batch.count)
    var shape = shape(of: batch, start..<end)
    while shape.byteCount > Leaf.byteCountMax {
      end = start + (end - start) / 2
      shape = self.shape(of: batch, start..<end)
    }
    let leaf: Leaf
    if tail == Leaf.none {
      leaf = makeLeaf(shape)
      head = leaf.number
      tail = leaf.number
    } else {
      let key = ScoreKey.make(batch.item(at: start).score)
      leaf = addLeaf(beside: directory.leaf(tail), behind: true, shape, key)
    }
    var place = start
    while place < end {
      let item = batch.item(at: place)
      if place > start, find(batch.member(at: place), hash: item.hash) != nil { break }
      let slot = leaf.insert(
        leafMember(batch.member(at: place)), hash: item.hash, key: ScoreKey.make(item.score),
        at: place - start)
      index.insert(
        MemberReference(leaf: leaf.number, slot: slot), hash: item.hash, directory)
      place += 1
    }
    LinkChild(at: leaf.address).adjustCounts(by: place - start)
    LinkChild(at: leaf.address).updateKey(LinkKey(leaf))
    return place == end ? end : nil
  }

  /// The shape of a full leaf of some members.
  private func shape(of batch: borrowing SortedSetBatch, _ places: Range<Int>) -> LeafShape {
    var contents = LeafContents()
    for place in places {
      let item = batch.item(at: place)
      contents.add(ScoreKey.make(item.score), MemberCode(memberByteCount: item.byteCount))
    }
    return contents.shape(reserve: 0)
  }
}
