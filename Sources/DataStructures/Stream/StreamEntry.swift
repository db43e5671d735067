// SPDX-License-Identifier: Apache-2.0

/// An entry of a stream where it is stored; valid until the stream is changed.
@safe
public struct StreamEntry {
  /// The entry's id.
  public let id: StreamID
  /// Number of fields; each has a name and a value.
  public let fieldCount: Int
  let listpack: Listpack
  /// Where the flags stand.
  let position: Int
  let isDeleted: Bool
  /// Where the names stand if they are the master entry's; 0 if the entry has its own.
  fileprivate let namesPosition: Int
  /// Where the first value stands, or the first name of the entry's own.
  fileprivate let textsPosition: Int

  /// Reads what stands at `position` of a block.
  @inline(__always)
  init(_ listpack: Listpack, at position: Int, node: StreamID, fieldCount: Int, names: Int) {
    self.listpack = listpack
    self.position = position
    let flags = listpack.integer(at: position) ?? 0
    isDeleted = flags & StreamNode.deletedFlag != 0
    var position = position &+ listpack.entryCount(at: position)
    let milliseconds = listpack.integer(at: position) ?? 0
    position &+= listpack.entryCount(at: position)
    let sequence = listpack.integer(at: position) ?? 0
    position &+= listpack.entryCount(at: position)
    id = StreamID(
      node.milliseconds &+ UInt64(bitPattern: Int64(milliseconds)),
      node.sequence &+ UInt64(bitPattern: Int64(sequence)))
    if flags & StreamNode.sameFieldsFlag != 0 {
      self.fieldCount = fieldCount
      namesPosition = names
    } else {
      self.fieldCount = listpack.integer(at: position) ?? 0
      position &+= listpack.entryCount(at: position)
      namesPosition = 0
    }
    textsPosition = position
  }

  /// Position behind the entry's last element.
  @inline(__always)
  var behind: Int {
    let texts = namesPosition == 0 ? fieldCount &* 2 : fieldCount
    return listpack.position(textsPosition, skipping: texts &+ 1)
  }

  /// Names and values in turn: twice as many texts as there are fields.
  public var texts: Texts {
    Texts(
      listpack: listpack, name: namesPosition == 0 ? textsPosition : namesPosition,
      value: textsPosition, remaining: fieldCount * 2, hasOwnNames: namesPosition == 0)
  }

  /// Reads the texts of an entry one after the other.
  @safe
  public struct Texts {
    fileprivate let listpack: Listpack
    fileprivate var name: Int
    fileprivate var value: Int
    fileprivate var remaining: Int
    fileprivate let hasOwnNames: Bool

    /// The next text; digits are written into `scratch`. Nil behind the last one.
    @_lifetime(&scratch)
    public mutating func next(_ scratch: inout DecimalScratch) -> RawSpan? {
      guard remaining > 0 else { return nil }
      let isName = remaining & 1 == 0
      remaining &-= 1
      let position: Int
      if isName && !hasOwnNames {
        position = name
        name &+= listpack.entryCount(at: position)
      } else {
        position = value
        value &+= listpack.entryCount(at: position)
      }
      return listpack.text(at: position, &scratch)
    }
  }
}

/// Walks through the entries of a stream whose ids are within bounds; ends if the stream changes.
@safe
public struct StreamEntries {
  private let stream: Stream
  /// The last id in the direction of the walk.
  private let bound: StreamID
  private let isReversed: Bool
  /// The block under way; its page is -1 behind the last one.
  private var node: OrderedPages<StreamNode>.Position
  private var nodeID = StreamID.zero
  private var listpack: Listpack
  private var fieldCount = 0
  private var names = 0
  /// Forwards: where the next entry begins. Backwards: where the one to come ends.
  private var offset = 0

  init(_ stream: Stream, from first: StreamID, through last: StreamID, reversed: Bool) {
    self.stream = stream
    bound = reversed ? first : last
    isReversed = reversed
    let start =
      reversed
      ? stream.fields.nodes.floor(last)
      : stream.fields.nodes.floor(first) ?? stream.fields.nodes.firstPosition
    node = start ?? OrderedPages<StreamNode>.Position(page: -1, slot: 0)
    guard start != nil, first <= last else {
      node.page = -1
      listpack = stream.placeholder
      return
    }
    listpack = stream.fields.nodes[node].listpack
    open()
    seek(reversed ? last : first)
  }

  /// Reads the head of the current block.
  private mutating func open() {
    let current = stream.fields.nodes[node]
    listpack = current.listpack
    let master = StreamMaster(listpack)
    nodeID = current.id
    fieldCount = master.fieldCount
    names = master.namesPosition
    offset = isReversed ? listpack.end : master.firstEntry(listpack)
  }

  /// Skips what lies outside the bound that the walk begins with.
  private mutating func seek(_ start: StreamID) {
    while node.page >= 0 {
      let before = offset
      let block = node
      guard let entry = step() else { return }
      if isReversed ? entry.id <= start : entry.id >= start {
        if block == node { offset = before } else { rewind(to: entry) }
        return
      }
    }
  }

  /// Lets `entry`, the last one read, be read again.
  private mutating func rewind(to entry: StreamEntry) {
    offset = isReversed ? entry.behind : entry.position
  }

  /// The next entry; nil behind the last one.
  public mutating func next() -> StreamEntry? {
    while let entry = step() {
      if isReversed ? entry.id < bound : entry.id > bound {
        node.page = -1
        return nil
      }
      if !entry.isDeleted { return entry }
    }
    return nil
  }

  /// The next entry whether or not it is deleted.
  @inline(__always)
  private mutating func step() -> StreamEntry? {
    while node.page >= 0 {
      if !isReversed, offset < listpack.end {
        let entry = read(at: offset)
        offset = entry.behind
        return entry
      }
      if isReversed, let start = startOfEntry(before: offset) {
        offset = start
        return read(at: start)
      }
      let nodes = isReversed ? stream.fields.nodes.previous(node) : stream.fields.nodes.next(node)
      guard let next = nodes else {
        node.page = -1
        return nil
      }
      node = next
      open()
    }
    return nil
  }

  private func read(at position: Int) -> StreamEntry {
    StreamEntry(listpack, at: position, node: nodeID, fieldCount: fieldCount, names: names)
  }

  /// Where the entry that ends at `offset` begins; nil if that is where the master entry ends.
  private func startOfEntry(before offset: Int) -> Int? {
    guard let last = listpack.previous(offset), let count = listpack.integer(at: last), count > 0
    else { return nil }
    // The master entry ends with a zero; an entry's last element is never less than three.
    var position = last
    for _ in 0..<count {
      guard let previous = listpack.previous(position) else { return nil }
      position = previous
    }
    return position
  }
}
