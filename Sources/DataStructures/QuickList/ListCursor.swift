// SPDX-License-Identifier: Apache-2.0

/// A place at an element of a list, packed or not; valid until the list changes.
///
/// - Complexity: all operations are O(1) and touch the element's memory only.
@safe @frozen
public struct ListCursor {
  /// The node, or nil in a listpack that is a whole list.
  public let node: QuickListNode?
  /// The listpack, or the text if it stands alone.
  @usableFromInline let start: UnsafeMutableRawPointer
  /// The element's position in the listpack; 0 for a text that stands alone.
  public let position: Int

  /// The element at `position` of a listpack that is a whole list.
  @inlinable @inline(__always)
  public init(_ listpack: Listpack, at position: Int) {
    node = nil
    unsafe start = unsafe listpack.start
    self.position = position
  }

  /// The element at `position` of a node; it doesn't matter if the node is plain.
  @inlinable @inline(__always)
  init(_ node: QuickListNode, at position: Int) {
    self.node = node
    if node.isPlain {
      unsafe start = unsafe node.block
      self.position = 0
    } else {
      unsafe start = unsafe node.listpack.start
      self.position = position
    }
  }

  /// The first element of a node.
  @inlinable @inline(__always)
  init(firstOf node: QuickListNode) { self.init(node, at: Listpack.headerCount) }

  /// The last element of a node.
  @inlinable @inline(__always)
  init(lastOf node: QuickListNode) {
    let position = node.isPlain ? nil : node.listpack.last
    self.init(node, at: position ?? 0)
  }

  /// The listpack at hand; there must be one.
  @inlinable @inline(__always)
  var listpack: Listpack { unsafe Listpack(start) }

  // MARK: - The element

  /// The integer, if it is stored as one.
  @inlinable @inline(__always)
  public var integer: Int? { position == 0 ? nil : listpack.integer(at: position) }

  /// The text; empty if the element is stored as an integer.
  @inlinable
  public var bytes: RawSpan {
    @inline(__always) @_lifetime(borrow self)
    get {
      if position == 0, let node {
        let span = unsafe RawSpan(_unsafeStart: start, byteCount: node.plainByteCount)
        return unsafe _overrideLifetime(span, borrowing: self)
      }
      let listpack = listpack
      let span = listpack.bytes(at: position)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The element as text; an integer's digits are written into `scratch`.
  @inlinable @inline(__always)
  @_lifetime(&scratch)
  public func text(_ scratch: inout DecimalScratch) -> RawSpan {
    if let integer { return scratch.write(integer) }
    let span = bytes
    return unsafe _overrideLifetime(span, mutating: &scratch)
  }

  /// Whether the element reads as `text`, of which `number` is the canonical integer if it has one.
  @inlinable @inline(__always)
  public func equals(_ text: RawSpan, number: Int?) -> Bool {
    if let integer { return integer == number }
    return bytes.equals(text)
  }

  // MARK: - Neighbours

  /// The element behind this one.
  @inlinable
  public var next: ListCursor? {
    @inline(__always) get {
      if position != 0, let position = listpack.next(position) { return moved(to: position) }
      guard let node = node?.next else { return nil }
      return ListCursor(firstOf: node)
    }
  }

  /// The element in front of this one.
  @inlinable
  public var previous: ListCursor? {
    @inline(__always) get {
      if position != 0, let position = listpack.previous(position) { return moved(to: position) }
      guard let node = node?.previous else { return nil }
      return ListCursor(lastOf: node)
    }
  }

  /// The next element in reading direction.
  @inlinable @inline(__always)
  public func next(backwards: Bool) -> ListCursor? { backwards ? previous : next }

  /// Another element of the same listpack.
  @inlinable @inline(__always)
  func moved(to position: Int) -> ListCursor {
    unsafe ListCursor(node: node, start: start, position: position)
  }

  /// Takes the parts as they are.
  @inlinable @inline(__always)
  init(node: QuickListNode?, start: UnsafeMutableRawPointer, position: Int) {
    self.node = node
    unsafe self.start = unsafe start
    self.position = position
  }
}
