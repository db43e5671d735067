// SPDX-License-Identifier: Apache-2.0

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

extension Stream {
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
