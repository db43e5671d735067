// SPDX-License-Identifier: Apache-2.0

/// A block of a stream's entries in the index: the id that its entries count from, and the block.
///
///     0                      16
///     +----------------------+---------------------------------------------+
///     | id                   | address 48 bits | spare 8 | epoch 8 bits    |
///     +----------------------+---------------------------------------------+
///
/// The epoch is that in which the block was made or last announced.
///
/// The block is a listpack, byte for byte that of Redis, since it travels in RDB files:
///
///     master entry:  live | deleted | field count n | name 1 ... name n | 0
///     entry:         flags | ms - id's ms | seq - id's seq | value 1 ... value n | lp-count
///     or, if its names are others than the master entry's:
///                    flags | ms | seq | count m | name 1 | value 1 ... value m | lp-count
///
/// Flags: 1 deleted, 2 same names as the master entry. `lp-count` is the number of elements of the
/// entry without itself, so that it can be read backwards. Differences wrap around modulo 2^64.
@safe
struct StreamNode: OrderedElement {
  let id: StreamID
  private var word: UInt64

  static var deletedFlag: Int { 1 }
  static var sameFieldsFlag: Int { 2 }

  init(_ id: StreamID, _ block: ListpackBlock) {
    self.id = id
    word = block.word | UInt64(block.allocator.epoch) << 56
  }

  private static var addressMask: UInt64 { 0xFFFF_FFFF_FFFF }

  /// The epoch in which the block was made or last announced.
  var epoch: UInt8 {
    get { UInt8(truncatingIfNeeded: word >> 56) }
    set { word = word & ~(0xFF << 56) | UInt64(newValue) << 56 }
  }

  /// The block's owner.
  func block(_ allocator: Allocator) -> ListpackBlock {
    ListpackBlock(word: word & StreamNode.addressMask, allocator: allocator)
  }

  /// Remembers where the block is after an edit.
  mutating func moved(to block: ListpackBlock) {
    word = word & ~StreamNode.addressMask | block.word
  }

  /// The block's bytes.
  var listpack: Listpack {
    // Made from the address of a block, hence not zero.
    unsafe Listpack(
      UnsafeMutableRawPointer(bitPattern: UInt(word & StreamNode.addressMask)).unsafelyUnwrapped)
  }

  /// The master entry.
  var master: StreamMaster { StreamMaster(listpack) }

  /// The id of the block's last entry, deleted or not.
  var lastID: StreamID {
    let listpack = self.listpack
    guard let last = listpack.last, let count = listpack.integer(at: last) else { return id }
    var position = last
    for _ in 0..<count { position = listpack.previous(position) ?? position }
    return StreamEntry(listpack, at: position, node: id, fieldCount: 0, names: 0).id
  }
}

/// The head of a block, read once.
struct StreamMaster {
  /// Entries that are not deleted.
  let liveCount: Int
  /// Entries that are only marked as deleted.
  let deletedCount: Int
  let fieldCount: Int
  /// Where `deletedCount` stands; `liveCount` stands at `Listpack.headerCount`.
  let deletedPosition: Int
  /// Where the names begin.
  let namesPosition: Int

  init(_ listpack: Listpack) {
    var position = Listpack.headerCount
    liveCount = listpack.integer(at: position) ?? 0
    position += listpack.entryCount(at: position)
    deletedPosition = position
    deletedCount = listpack.integer(at: position) ?? 0
    position += listpack.entryCount(at: position)
    fieldCount = listpack.integer(at: position) ?? 0
    namesPosition = position + listpack.entryCount(at: position)
  }

  /// Where the first entry begins: behind the names and a zero.
  func firstEntry(_ listpack: Listpack) -> Int {
    listpack.position(namesPosition, skipping: fieldCount + 1)
  }
}

extension Listpack {
  /// Position behind `count` elements, which exist, from `position` on.
  @inline(__always)
  func position(_ position: Int, skipping count: Int) -> Int {
    var position = position
    var rest = count
    while rest > 0 {
      position &+= entryCount(at: position)
      rest &-= 1
    }
    return position
  }
}
