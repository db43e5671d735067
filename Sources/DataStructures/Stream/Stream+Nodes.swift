// SPDX-License-Identifier: Apache-2.0

// Blocks and pending entries as files and payloads carry them. A value is read whole before anybody
// can begin an epoch: what is put in here has just been made and needs no announcement.

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

  /// Puts a block of a file behind all others and counts its entries; false if it is damaged.
  ///
  /// The caller sets `lastID`, `entriesAdded` and `maxDeletedID`.
  public func appendNode(_ id: StreamID, _ bytes: RawSpan) -> Bool {
    guard Listpack.isValid(bytes) else { return false }
    let listpack = Listpack(validated: bytes)
    var previous: StreamID?
    if let last = fields.nodes.last {
      previous = lastID(of: last)
      guard last.id < id, lastID(of: last) < id else { return false }
    }
    guard let check = StreamNodeCheck(listpack, id: id, behind: previous), check.liveCount > 0
    else { return false }
    let block = ListpackBlock(copying: listpack, allocator: allocator)
    fields.nodes.insert(StreamNode(id, block), allocator: allocator)
    fields.length += check.liveCount
    if fields.firstID == .zero { renewFirstID() }
    fields.lastID = max(fields.lastID, lastID(of: StreamNode(id, block)))
    return true
  }

  /// Stops the process if counts, order or blocks are damaged.
  public func checkInvariants() {
    fields.nodes.checkInvariants()
    var previous: StreamID?
    var live = 0
    var node = firstNode
    while let current = node {
      if let previous { precondition(previous < current.id, "order of blocks") }
      guard
        let check = StreamNodeCheck(current.listpack, id: current.id, behind: previous)
      else { preconditionFailure("block \(current.id)") }
      precondition(check.liveCount > 0, "an empty block")
      live += check.liveCount
      previous = check.lastID
      node = self.node(after: current)
    }
    precondition(live == length, "length")
    if let previous { precondition(previous <= lastID, "last id") }
    var entries = self.entries()
    precondition((entries.next()?.id ?? .zero) == firstID, "first id")
    for index in 0..<groupCount { group(at: index).checkInvariants() }
    producers?.checkInvariants()
  }
}

/// What a full reading of a block has found; nil for one that no stream can have.
struct StreamNodeCheck {
  private(set) var liveCount = 0
  private(set) var lastID: StreamID

  /// - Parameter previous: the id that all must be larger than.
  init?(_ listpack: Listpack, id: StreamID, behind previous: StreamID?) {
    lastID = id
    var position = Listpack.headerCount
    func number(_ least: Int) -> Int? {
      guard position < listpack.end, let value = listpack.integer(at: position), value >= least
      else { return nil }
      position += listpack.entryCount(at: position)
      return value
    }
    func skip(_ count: Int) -> Bool {
      for _ in 0..<count {
        guard position < listpack.end else { return false }
        position += listpack.entryCount(at: position)
      }
      return true
    }
    let most = listpack.byteCount
    guard let live = number(0), let deleted = number(0), let names = number(0), live <= most,
      deleted <= most, names <= most, skip(names), number(0) == 0
    else { return nil }
    var last = previous
    var marked = 0
    while position < listpack.end {
      guard let flags = number(0), flags <= 3, let milliseconds = number(.min),
        let sequence = number(.min)
      else { return nil }
      var texts = names
      if flags & StreamNode.sameFieldsFlag == 0 {
        guard let own = number(0), own <= most else { return nil }
        texts = own * 2
      }
      let elements = texts + (flags & StreamNode.sameFieldsFlag != 0 ? 3 : 4)
      guard skip(texts), number(0) == elements else { return nil }
      let entry = StreamID(
        id.milliseconds &+ UInt64(bitPattern: Int64(milliseconds)),
        id.sequence &+ UInt64(bitPattern: Int64(sequence)))
      if let last, entry <= last { return nil }
      guard entry >= id else { return nil }
      last = entry
      lastID = entry
      if flags & StreamNode.deletedFlag != 0 { marked += 1 } else { liveCount += 1 }
    }
    guard liveCount == live, marked == deleted else { return nil }
  }
}

extension ConsumerGroup {
  /// Takes in a pending entry of a file, which has no consumer yet; false if it is there already.
  public func restorePending(_ id: StreamID, time: Int64, count: Int) -> Bool {
    guard fields.pending.find(id) == nil else { return false }
    // The time waits where a released entry has its number.
    let entry = PendingEntry(id, consumer: nil, time: time, count: count)
    fields.pending.insert(entry, allocator: fields.allocator)
    return true
  }

  /// Gives a restored entry to its consumer; false if there is none or it has one already.
  public func assignRestored(_ id: StreamID, to consumer: Consumer) -> Bool {
    guard let position = fields.pending.find(id), fields.pending[position].consumer == nil
    else { return false }
    fields.pending[position].consumer = consumer
    consumer.fields.pending.insert(id, allocator: fields.allocator)
    return true
  }

  /// Puts a restored entry among those that were given back, behind the others; false if there is
  /// none, or if it has a consumer or was put there already.
  public func releaseRestored(_ id: StreamID) -> Bool {
    guard let position = fields.pending.find(id), fields.pending[position].consumer == nil
    else { return false }
    let number = StreamID(fields.pending[position].releaseNumber, 0)
    if let place = fields.released.find(number), fields.released[place].entry == id { return false }
    let count = fields.pending[position].deliveryCount
    fields.pending[position] = noteRelease(of: id, count: count)
    return true
  }

  /// Whether every pending entry has a consumer or was given back; a group of which this is false
  /// can only be freed.
  public var isComplete: Bool {
    var owned = fields.released.count
    for index in 0..<consumerCount { owned += consumer(at: index).pendingCount }
    return owned == pendingCount
  }
}
