// SPDX-License-Identifier: Apache-2.0
//
// A long list of texts and integers: linked nodes, each with a listpack of some hundred elements,
// so that an element costs its bytes and two more. Text larger than a listpack may be stands alone
// in a node ("plain").
//
// The limits of a node are handed to each operation that may need a new one, not kept: they are
// settings that may change at any time. Nodes that are larger than the limit of the day are left
// as they are.
//
// What a newcomer gets wrong: a `ListCursor` is worthless after the next change of the list, except
// where the changing function returns a new one. And bytes that are handed in must not lie in the
// list itself.

/// A list as a chain of listpacks.
///
/// - Complexity: pushing and popping at both ends O(1), an element by its index O(nodes) from the
///   nearer end, edits elsewhere O(1) with moves within one node.
@safe
public struct QuickList: ~Copyable {
  /// Where all memory of the list comes from.
  public let allocator: Allocator
  /// The first node.
  @usableFromInline var headNode: QuickListNode?
  /// The last node.
  @usableFromInline var tailNode: QuickListNode?
  /// Number of elements.
  @usableFromInline var elementCount = 0
  /// Number of nodes.
  @usableFromInline var chainCount = 0

  /// A list without elements, which takes no memory yet.
  @inlinable
  public init(allocator: Allocator) { self.allocator = allocator }

  @inlinable
  deinit { assert(head == nil, "a list is drained before it goes") }

  /// The node with the first element.
  @inlinable
  public var head: QuickListNode? { headNode }

  /// The node with the last element.
  @inlinable
  public var tail: QuickListNode? { tailNode }

  /// Number of elements.
  @inlinable
  public var count: Int { elementCount }

  /// Number of nodes.
  @inlinable
  public var nodeCount: Int { chainCount }

  /// Whether there is no element.
  @inlinable
  public var isEmpty: Bool { count == 0 }

  // MARK: - Ends

  /// Puts an element in front of all others.
  @inlinable
  public mutating func pushFront(_ text: RawSpan, limit: QuickListLimit) {
    if text.byteCount <= limit.packedTextMax {
      let form = ListpackForm(text)
      if let head, QuickList.hasRoom(head, form, limit) {
        head.prepend(text, form: form, limit: limit.byteCountMax, allocator: allocator)
        elementCount &+= 1
        return
      }
    }
    head?.trim(allocator)
    link(newNode(text, limit), before: head)
  }

  /// Puts an element behind all others.
  @inlinable
  public mutating func pushBack(_ text: RawSpan, limit: QuickListLimit) {
    if text.byteCount <= limit.packedTextMax {
      let form = ListpackForm(text)
      if let tail, QuickList.hasRoom(tail, form, limit) {
        tail.append(text, form: form, limit: limit.byteCountMax, allocator: allocator)
        elementCount &+= 1
        return
      }
    }
    tail?.trim(allocator)
    link(newNode(text, limit), before: nil)
  }

  /// Puts copies of all entries of a listpack behind all elements, as a node of its own.
  public mutating func pushBack(entriesOf listpack: Listpack) {
    let count = listpack.count
    guard count > 0 else { return }
    let node = QuickListNode(
      entriesOf: listpack, from: Listpack.headerCount, to: listpack.end, count: count, allocator)
    link(node, before: nil)
  }

  /// Puts a text that stands alone, whatever its length, behind all elements.
  public mutating func pushBack(plain text: RawSpan) {
    link(QuickListNode(plain: text, allocator: allocator), before: nil)
  }

  /// Removes the first element; there must be one.
  @inlinable
  public mutating func removeFirst() {
    guard let node = head else { return }
    if node.count == 1 { return unlinkAndFree(node) }
    let listpack = node.listpack
    node.removeFirst(
      1, to: Listpack.headerCount &+ listpack.entryCount(at: Listpack.headerCount), allocator)
    elementCount &-= 1
  }

  /// Removes the last element; there must be one.
  @inlinable
  public mutating func removeLast() {
    guard let node = tail else { return }
    guard node.count > 1, let position = node.listpack.last else { return unlinkAndFree(node) }
    node.removeLast(1, from: position, allocator)
    elementCount &-= 1
  }

  // MARK: - Places

  /// The first element.
  @inlinable
  public var first: ListCursor? { head.map { ListCursor(firstOf: $0) } }

  /// The last element.
  @inlinable
  public var last: ListCursor? { tail.map { ListCursor(lastOf: $0) } }

  /// The element with this index; negative ones count from the end.
  ///
  /// - Complexity: O(nodes) from the nearer end.
  @inlinable
  public func cursor(at index: Int) -> ListCursor? {
    let index = index < 0 ? index &+ count : index
    guard index >= 0 && index < count, let (node, offset) = locate(index) else { return nil }
    if node.isPlain { return ListCursor(node, at: 0) }
    return node.listpack.position(at: offset).map { ListCursor(node, at: $0) }
  }

  /// The node of the element with this index, which exists, and how many are in front in the node.
  @inlinable
  func locate(_ index: Int) -> (QuickListNode, Int)? {
    if index < count / 2 {
      var rest = index
      var node = head
      while let current = node {
        if rest < current.count { return (current, rest) }
        rest &-= current.count
        node = current.next
      }
      return nil
    }
    var rest = count &- 1 &- index
    var node = tail
    while let current = node {
      if rest < current.count { return (current, current.count &- 1 &- rest) }
      rest &-= current.count
      node = current.previous
    }
    return nil
  }

  // MARK: - Nodes

  /// Whether one more entry of this form may go into a node.
  @inlinable @inline(__always)
  static func hasRoom(
    _ node: QuickListNode, _ form: ListpackForm, _ limit: QuickListLimit
  ) -> Bool {
    !node.isPlain
      && limit.allows(
        byteCount: node.listpack.byteCount &+ form.entryCount, entryCount: node.count &+ 1)
  }

  /// A node with one element, not linked yet.
  @inlinable
  func newNode(_ text: RawSpan, _ limit: QuickListLimit) -> QuickListNode {
    if text.byteCount > limit.packedTextMax {
      return QuickListNode(plain: text, allocator: allocator)
    }
    return QuickListNode(packed: text, form: ListpackForm(text), allocator: allocator)
  }

  /// Takes a node into the chain, in front of `next` or at the end, and counts its elements.
  @inlinable
  mutating func link(_ node: QuickListNode, before next: QuickListNode?) {
    let previous = next == nil ? tail : next?.previous
    node.previous = previous
    node.next = next
    if let previous { previous.next = node } else { headNode = node }
    if let next { next.previous = node } else { tailNode = node }
    chainCount &+= 1
    elementCount &+= node.count
  }

  /// Takes a node out of the chain, and its elements out of the count.
  @inlinable
  mutating func unlink(_ node: QuickListNode) {
    if let previous = node.previous { previous.next = node.next } else { headNode = node.next }
    if let next = node.next { next.previous = node.previous } else { tailNode = node.previous }
    chainCount &-= 1
    elementCount &-= node.count
  }

  /// Takes a node out of the chain and frees it.
  @inlinable
  mutating func unlinkAndFree(_ node: QuickListNode) {
    unlink(node)
    node.free(allocator)
  }
}
