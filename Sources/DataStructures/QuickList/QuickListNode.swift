// SPDX-License-Identifier: Apache-2.0

/// One node of a list: its links, and a block with a listpack or with one long text.
///
///     0      8          16      24     28         32      36      37         38   40
///     +------+----------+-------+------+----------+-------+-------+----------+----+
///     | next | previous | block | lead | capacity | count | epoch | is plain |    |
///     +------+----------+-------+------+----------+-------+-------+----------+----+
///                          |     (plain: byte count)
///                          v
///     0          lead                              capacity
///     +----------+--------------------------+------+
///     |   room   | listpack                 | room |
///     +----------+--------------------------+------+
///
/// Room in front makes pushing and popping there as cheap as at the end: only the six bytes of the
/// listpack's header move. A node never is empty.
@safe @frozen
public struct QuickListNode: Equatable {
  /// Where the node is.
  @usableFromInline let pointer: UnsafeMutableRawPointer

  /// Bytes of a node, without its block.
  @inlinable static var byteCount: Int { 40 }

  /// The node at an address.
  @inlinable @inline(__always)
  init(_ pointer: UnsafeMutableRawPointer) { unsafe self.pointer = unsafe pointer }

  /// Whether both are the same node.
  @inlinable @inline(__always)
  public static func == (left: QuickListNode, right: QuickListNode) -> Bool {
    unsafe left.pointer == right.pointer
  }

  // MARK: - Fields

  /// The node behind this one.
  @inlinable
  public internal(set) var next: QuickListNode? {
    @inline(__always) get { link(at: 0) }
    @inline(__always) nonmutating set { setLink(newValue, at: 0) }
  }

  /// The node in front of this one.
  @inlinable
  public internal(set) var previous: QuickListNode? {
    @inline(__always) get { link(at: 8) }
    @inline(__always) nonmutating set { setLink(newValue, at: 8) }
  }

  /// The memory of listpack or text.
  @inlinable
  var block: UnsafeMutableRawPointer {
    @inline(__always) get {
      unsafe pointer.load(fromByteOffset: 16, as: UnsafeMutableRawPointer.self)
    }
    @inline(__always) nonmutating set {
      unsafe pointer.storeBytes(
        of: newValue, toByteOffset: 16, as: UnsafeMutableRawPointer.self)
    }
  }

  /// Bytes of room in front of the listpack.
  @inlinable
  var lead: Int {
    @inline(__always) get { unsafe Int(pointer.load(fromByteOffset: 24, as: UInt32.self)) }
    @inline(__always) nonmutating set {
      unsafe pointer.storeBytes(
        of: UInt32(truncatingIfNeeded: newValue), toByteOffset: 24, as: UInt32.self)
    }
  }

  /// Bytes of the block with a listpack.
  @inlinable
  var capacity: Int {
    @inline(__always) get { unsafe Int(pointer.load(fromByteOffset: 28, as: UInt32.self)) }
    @inline(__always) nonmutating set {
      unsafe pointer.storeBytes(
        of: UInt32(truncatingIfNeeded: newValue), toByteOffset: 28, as: UInt32.self)
    }
  }

  /// Bytes of a text that stands alone.
  @inlinable
  public internal(set) var plainByteCount: Int {
    @inline(__always) get { unsafe pointer.load(fromByteOffset: 24, as: Int.self) }
    @inline(__always) nonmutating set {
      unsafe pointer.storeBytes(of: newValue, toByteOffset: 24, as: Int.self)
    }
  }

  /// Number of elements; 1 for a text that stands alone.
  @inlinable
  public internal(set) var count: Int {
    @inline(__always) get { unsafe Int(pointer.load(fromByteOffset: 32, as: UInt32.self)) }
    @inline(__always) nonmutating set {
      unsafe pointer.storeBytes(
        of: UInt32(truncatingIfNeeded: newValue), toByteOffset: 32, as: UInt32.self)
    }
  }

  /// The epoch in which the node was made or last announced.
  @inlinable
  public internal(set) var epoch: UInt8 {
    @inline(__always) get { unsafe pointer.load(fromByteOffset: 36, as: UInt8.self) }
    @inline(__always) nonmutating set {
      unsafe pointer.storeBytes(of: newValue, toByteOffset: 36, as: UInt8.self)
    }
  }

  /// Must be called before the elements change or leave.
  @inlinable @inline(__always)
  func willChange(_ allocator: Allocator) {
    if epoch != allocator.epoch { announce(allocator) }
  }

  /// Where the node is; it stays there as long as it lives.
  public var address: UInt { UInt(bitPattern: unsafe pointer) }

  /// The node at an address.
  ///
  /// - Safety: the node must not have been freed.
  @unsafe
  public init(at address: UInt) {
    unsafe pointer = unsafe UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped
  }

  /// Lets a node that a walk has taken carry the present number.
  public func markTaken(_ allocator: Allocator) { epoch = allocator.epoch }

  @usableFromInline @inline(never)
  func announce(_ allocator: Allocator) { epoch = allocator.announce(.listNode(self)) }

  /// Whether the node holds one text instead of a listpack.
  @inlinable @inline(__always)
  public var isPlain: Bool { unsafe pointer.load(fromByteOffset: 37, as: UInt8.self) != 0 }

  /// The listpack; the node must not be plain.
  @inlinable @inline(__always)
  public var listpack: Listpack {
    assert(!isPlain)
    return unsafe Listpack(block + lead)
  }

  /// The text that stands alone; the node must be plain.
  @inlinable
  public var plainText: RawSpan {
    @_lifetime(borrow self)
    get {
      assert(isPlain)
      let span = unsafe RawSpan(_unsafeStart: block, byteCount: plainByteCount)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Reads a link.
  @inlinable @inline(__always)
  func link(at offset: Int) -> QuickListNode? {
    let address = unsafe pointer.load(fromByteOffset: offset, as: UnsafeMutableRawPointer?.self)
    return unsafe address.map { unsafe QuickListNode($0) }
  }

  /// Writes a link.
  @inlinable @inline(__always)
  func setLink(_ node: QuickListNode?, at offset: Int) {
    unsafe pointer.storeBytes(
      of: node?.pointer, toByteOffset: offset, as: UnsafeMutableRawPointer?.self)
  }

  // MARK: - Making and freeing

  /// A node without links and with a block of `byteCount` bytes.
  @inlinable
  init(blockOf byteCount: Int, isPlain: Bool, count: Int, allocator: Allocator) {
    unsafe pointer = allocator.allocate(QuickListNode.byteCount)
    unsafe pointer.initializeMemory(
      as: UInt8.self, repeating: 0, count: QuickListNode.byteCount)
    unsafe block = allocator.allocate(byteCount)
    self.count = count
    epoch = allocator.epoch
    unsafe pointer.storeBytes(of: isPlain ? 1 : 0, toByteOffset: 37, as: UInt8.self)
    if isPlain {
      plainByteCount = byteCount
    } else {
      capacity = unsafe allocator.allocatedSize(of: byteCount, at: block)
    }
  }

  /// A node with one text that stands alone.
  @inlinable
  init(plain text: RawSpan, allocator: Allocator) {
    self.init(blockOf: text.byteCount, isPlain: true, count: 1, allocator: allocator)
    unsafe text.withUnsafeBytes {
      if let base = $0.baseAddress { unsafe block.copyMemory(from: base, byteCount: $0.count) }
    }
  }

  /// A node with one entry in a listpack.
  @inlinable
  init(packed text: RawSpan, form: ListpackForm, allocator: Allocator) {
    let byteCount = Listpack.emptyByteCount &+ form.entryCount
    self.init(blockOf: byteCount, isPlain: false, count: 1, allocator: allocator)
    unsafe Listpack.writeHeader(byteCount: byteCount, count: 1, to: block)
    unsafe form.write(text, to: block + Listpack.headerCount)
    unsafe block.storeBytes(of: 0xFF, toByteOffset: byteCount &- 1, as: UInt8.self)
  }

  /// A node with a copy of the `count` entries that stand from `first` to `stop` in a listpack.
  @inlinable
  init(
    entriesOf listpack: Listpack, from first: Int, to stop: Int, count: Int, _ allocator: Allocator
  ) {
    let byteCount = Listpack.emptyByteCount &+ stop &- first
    self.init(blockOf: byteCount, isPlain: false, count: count, allocator: allocator)
    unsafe Listpack.writeHeader(byteCount: byteCount, count: count, to: block)
    unsafe (block + Listpack.headerCount).copyMemory(
      from: listpack.start + first, byteCount: stop &- first)
    unsafe block.storeBytes(of: 0xFF, toByteOffset: byteCount &- 1, as: UInt8.self)
  }

  /// A node with the same element or elements, without links and without room.
  @inlinable
  func copy(_ allocator: Allocator) -> QuickListNode {
    if isPlain { return QuickListNode(plain: plainText, allocator: allocator) }
    let listpack = listpack
    return QuickListNode(
      entriesOf: listpack, from: Listpack.headerCount, to: listpack.end, count: count, allocator)
  }

  /// Bytes that were asked for the block.
  @inlinable
  var blockByteCount: Int { isPlain ? plainByteCount : capacity }

  /// Frees the node and its block.
  @inlinable
  func free(_ allocator: Allocator) {
    willChange(allocator)
    unsafe allocator.deallocate(block, byteCount: blockByteCount)
    unsafe allocator.deallocate(pointer, byteCount: QuickListNode.byteCount)
  }

  /// Bytes that node and block occupy.
  @inlinable
  func allocatedSize(_ allocator: Allocator) -> Int {
    let size = unsafe allocator.allocatedSize(of: blockByteCount, at: block)
    return unsafe size &+ allocator.allocatedSize(of: QuickListNode.byteCount, at: pointer)
  }
}
