// SPDX-License-Identifier: Apache-2.0

/// A block of a stream as it stands in an RDB file; valid until the stream is changed.
@safe
public struct StreamNodeView {
  /// The id that the block's entries count from.
  public let id: StreamID
  /// The block.
  public let listpack: Listpack
  /// The epoch in which the block was made or last announced.
  public let epoch: UInt8

  /// Where the block is; it stays there as long as it doesn't change.
  public var address: UInt { listpack.address }

  /// The block that is at an address, with the id that it had.
  ///
  /// - Safety: the block must not have changed or been freed since the address was asked for.
  @unsafe
  public init(id: StreamID, at address: UInt) {
    self.id = id
    listpack = unsafe Listpack(UnsafeMutableRawPointer(bitPattern: address).unsafelyUnwrapped)
    epoch = 0
  }

  /// The block of which these bytes are a copy; they must outlive the view.
  public init(id: StreamID, copy: RawSpan) {
    self.id = id
    listpack = Listpack(validated: copy)
    epoch = 0
  }

  init(_ node: StreamNode) {
    id = node.id
    listpack = node.listpack
    epoch = node.epoch
  }
}

extension StreamNodeView {
  /// Visits the block's entries in order, without those that are deleted.
  public func forEach(_ visit: (StreamEntry) -> Void) {
    let master = StreamMaster(listpack)
    var position = master.firstEntry(listpack)
    while position < listpack.end {
      let entry = StreamEntry(
        listpack, at: position, node: id, fieldCount: master.fieldCount,
        names: master.namesPosition)
      position = entry.behind
      if !entry.isDeleted { visit(entry) }
    }
  }
}

extension Stream {
  /// Ids and addresses of all blocks at the moment, in order.
  ///
  /// - Complexity: O(blocks).
  public func nodePlaces() -> [(id: StreamID, address: UInt)] {
    var places: [(id: StreamID, address: UInt)] = []
    places.reserveCapacity(nodeCount)
    var position = fields.nodes.firstPosition
    while let current = position {
      let node = fields.nodes[current]
      places.append((node.id, node.listpack.address))
      position = fields.nodes.next(current)
    }
    return places
  }

  /// The first block.
  public var firstNode: StreamNodeView? {
    fields.nodes.first.map { StreamNodeView($0) }
  }

  /// The block behind `node`.
  public func node(after node: StreamNodeView) -> StreamNodeView? {
    guard let position = fields.nodes.find(node.id),
      let next = fields.nodes.next(position)
    else { return nil }
    return StreamNodeView(fields.nodes[next])
  }
}
