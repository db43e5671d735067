// SPDX-License-Identifier: Apache-2.0

// A stream is announced in pieces: each block, each group with all that its consumers have pending,
// the log of producers. What is left (length and ids) goes with the stream's entry.

extension WritableStream {
  /// Must be called before a block of entries changes or is freed.
  @inline(__always)
  func willChange(_ position: OrderedPages<StreamNode>.Position) {
    if fields.nodes[position].epoch != allocator.epoch {
      fields.nodes[position].epoch = announce(fields.nodes[position])
    }
  }

  /// The same for a block that has left the index and is about to be freed.
  func willFree(_ node: StreamNode) {
    if node.epoch != allocator.epoch { _ = announce(node) }
  }

  @inline(never)
  private func announce(_ node: StreamNode) -> UInt8 {
    allocator.announce(.streamNode(StreamNodeView(node), of: reading))
  }
}

extension WritableStream {
  /// Lets the block with this id, if there is one, carry the present number: a walk has taken it.
  public func markTaken(block id: StreamID) {
    if let position = fields.nodes.find(id) { fields.nodes[position].epoch = allocator.epoch }
  }
}

extension ConsumerGroup {
  /// Where the group is.
  public var address: UInt { UInt(word) }

  /// The group at an address.
  ///
  /// - Safety: the group must not have been freed.
  @unsafe
  public init(at address: UInt) { self.init(word: UInt64(address)) }

  /// Lets a group that a walk has taken carry the present number.
  public func markTaken() {
    WritableConsumerGroup(owned: self).fields.epoch = fields.allocator.epoch
  }

  /// The epoch in which the group was made or last announced.
  public var epoch: UInt8 { fields.epoch }
}

extension WritableConsumerGroup {
  /// Must be called before anything that the group or its consumers know changes.
  @inline(__always)
  func willChange() {
    if fields.epoch != fields.allocator.epoch { announce() }
  }

  @inline(never)
  private func announce() { fields.epoch = fields.allocator.announce(.group(reading)) }
}

extension ProducerLog {
  /// Where the log is.
  public var address: UInt { UInt(word) }

  /// Lets a log that a walk has taken carry the present number.
  public func markTaken() {
    WritableProducerLog(owned: self).fields.epoch = fields.allocator.epoch
  }

  /// The epoch in which the log was made or last announced.
  public var epoch: UInt8 { fields.epoch }
}

extension WritableProducerLog {
  /// Must be called before anything that the log knows changes.
  @inline(__always)
  func willChange() {
    if fields.epoch != fields.allocator.epoch { announce() }
  }

  @inline(never)
  private func announce() { fields.epoch = fields.allocator.announce(.producers(reading)) }
}
