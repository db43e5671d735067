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

  init(_ node: StreamNode) {
    id = node.id
    listpack = node.listpack
    epoch = node.epoch
  }
}

extension Stream {
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
