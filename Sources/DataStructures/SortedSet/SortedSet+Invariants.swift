// SPDX-License-Identifier: Apache-2.0

extension SortedSet {
  /// Stops the process if the set contradicts its own rules; for tests.
  ///
  /// - Complexity: O(n log n).
  public func checkInvariants() {
    guard count > 0 else {
      precondition(head == Leaf.none && tail == Leaf.none && top == nil, "leaves without members")
      precondition(blockBytes == 0, "bytes without blocks")
      return
    }
    var bytes = 0
    if let top {
      precondition(top.parent == nil && top.next == nil && top.previous == nil, "not the top")
      precondition(top.count > 1, "a level with one link")
      precondition(top.elementCount == count, "the counts don't add up")
      checkNodes(top, bytes: &bytes)
    }
    checkLeaves(bytes: &bytes)
    precondition(bytes == blockBytes, "blocks are counted wrongly")
    index.checkInvariants(directory)
  }

  private func checkNodes(_ top: LinkNode, bytes: inout Int) {
    var level: LinkNode? = top
    while let first = level {
      precondition(first.previous == nil, "the level does not start here")
      var node: LinkNode? = first
      while let current = node {
        unsafe bytes += allocator.allocatedSize(of: current.byteCount, at: current.base)
        precondition(current.count > 0 && current.count <= current.capacity, "count out of bounds")
        precondition(current.capacity == LinkNode.slotMax || current == top, "a small node")
        for slot in 0..<current.count { check(current, slot) }
        for slot in current.count..<current.capacity {
          precondition(unsafe current.scores[slot] == .infinity, "a free slot has a score")
        }
        if let next = current.next { precondition(next.previous == current, "chain") }
        node = current.next
      }
      level = first.level > 1 ? first.node(0) : nil
    }
  }

  private func check(_ node: LinkNode, _ slot: Int) {
    let child = node.target(slot)
    precondition(child.parent == node && child.slot(in: node) == slot, "a link goes astray")
    let first = LinkKey(node.firstLeaf(slot))
    let key = node.key(slot)
    precondition(first.score == key.score && first.prefix == key.prefix, "a key is wrong")
    if node.level > 1 {
      precondition(node.node(slot).level == node.level - 1, "a link skips a level")
      precondition(node.elementCount(slot) == node.node(slot).elementCount, "a wrong count")
    } else {
      precondition(node.elementCount(slot) == node.leaf(slot).count, "a wrong count")
    }
  }

  private func checkLeaves(bytes: inout Int) {
    var (seen, leaves) = (0, 0)
    var previous: SortedSetElement?
    var number = head
    var before = Leaf.none
    while let leaf = directory.optionalLeaf(number) {
      precondition(leaf.number == number && leaf.previous == before, "chain of leaves")
      precondition(directory[number].rawValue == LeafWord(leaf).rawValue, "a wrong word")
      precondition(leaf.used & ~(~0 >> UInt64(64 - leaf.slots)) == 0, "a slot too many")
      precondition(leaf.used(0..<leaf.count) == leaf.used, "order and used differ")
      bytes += leaf.byteCount
      checkMembers(of: leaf, &previous, bytes: &bytes)
      seen += leaf.count
      leaves += 1
      (before, number) = (number, leaf.next)
    }
    precondition(before == tail, "tail")
    precondition(leaves + directory.countedFree == directory.bound, "numbers of nothing")
    precondition(seen == count, "the leaves have another count than the index")
  }

  private func checkMembers(of leaf: Leaf, _ previous: inout SortedSetElement?, bytes: inout Int) {
    precondition(leaf.count > 0, "an empty leaf")
    var length = 0
    for index in 0..<leaf.count {
      let slot = leaf.slot(at: index)
      let element = SortedSetElement(address: leaf.address, slot: slot)
      if let before = previous {
        let isBehind =
          before.score < element.score
          || before.score == element.score && before.member.precedes(element.member)
        precondition(isBehind, "elements are out of order")
      }
      let hash = element.hash(seed)
      precondition(UInt64(UInt32(truncatingIfNeeded: hash)) == leaf.hash(slot), "a wrong hash")
      precondition(find(element.member, hash: hash) == element, "the index misses an element")
      let code = leaf.code(slot)
      precondition(code == MemberCode(memberByteCount: element.memberByteCount), "a wrong code")
      length += code.byteCount
      if code.isLong {
        let long = leaf.longMember(slot)
        unsafe bytes += allocator.allocatedSize(of: long.byteCount, at: long.base)
      }
      previous = element
    }
    if leaf.isMixed { precondition(leaf.memberByteCount == length, "a wrong sum of lengths") }
    let end = leaf.membersOffset + (leaf.isMixed ? length : leaf.slots * leaf.code.byteCount)
    precondition(end <= leaf.byteCount, "members behind the end of the leaf")
  }
}

extension LeafDirectory {
  /// How many numbers are in the list of free ones.
  fileprivate var countedFree: Int {
    var (count, number, before) = (0, firstFree, LeafWord.noNumber)
    while number != LeafWord.noNumber {
      precondition(self[number].isFree && self[number].previousFree == before, "list of numbers")
      count += 1
      (before, number) = (number, self[number].nextFree)
    }
    precondition(count == freeCount, "free numbers are counted wrongly")
    return count
  }
}

extension MemberIndex {
  /// Stops the process if the index contradicts its own rules; for tests.
  func checkInvariants(_ directory: borrowing LeafDirectory) {
    var (references, children) = (0, 0)
    for number in 0..<buckets.count {
      var bucket = self.bucket(at: number)
      while true {
        let used = bucket.usedCount
        for slot in 0..<used {
          precondition(bucket.tag(slot) != 0, "used slots come first")
          let reference = bucket[slot]
          let hash = directory[reference.leaf].hash(reference.slot)
          precondition(buckets.index(hash) == number, "a reference in the wrong bucket")
        }
        references += used
        guard let child = bucket.child else { break }
        precondition(used == IndexBucket.slotCount - 1, "a bucket with a child has eleven entries")
        precondition(child.usedCount >= 2, "a child has at least two entries")
        children += 1
        bucket = child
      }
    }
    precondition(references == count, "count is the number of references")
    precondition(children == childCount, "childCount is the number of children")
    precondition(count <= buckets.count * MemberIndex.meanFill, "overfull")
  }
}
