// SPDX-License-Identifier: Apache-2.0

/// The fields of an entry to be added: texts at even numbers are names, at odd ones values.
public protocol StreamTextSource {
  /// Number of texts, even and at least two.
  var count: Int { get }

  /// The text with this number.
  @_lifetime(borrow self)
  func text(_ index: Int) -> RawSpan
}

/// When a stream begins a new block.
public struct StreamLimits {
  /// Bytes after which no more is added to a block; 0: a gigabyte.
  public var nodeBytes: Int
  /// Entries of a block, deleted ones included; 0: any number.
  public var nodeEntries: Int

  /// The limits with these values.
  public init(nodeBytes: Int = 4096, nodeEntries: Int = 100) {
    self.nodeBytes = nodeBytes
    self.nodeEntries = nodeEntries
  }
}

extension WritableStream {
  /// More bytes of names and values than this are no entry.
  @inlinable public static var entryByteCountMax: Int { 1 << 30 }

  /// Adds an entry, whose id is larger than `lastID`; false if it is too large.
  @inlinable
  public func add<Source: StreamTextSource>(
    _ id: StreamID, _ source: borrowing Source, limits: StreamLimits
  ) -> Bool {
    let count = source.count
    var byteCount = 0
    for index in 0..<count { byteCount &+= source.text(index).byteCount }
    guard byteCount <= WritableStream.entryByteCountMax else { return false }
    var addition = StreamAddition(self, byteCount: byteCount, limits: limits)
    if addition.isNew {
      addition.begin(id, fieldCount: count / 2)
      for index in 0..<count / 2 { addition.block.append(source.text(index &* 2)) }
      addition.block.append(integer: 0)
      addition.hasSameNames = true
    } else if addition.fieldCount == count / 2 {
      addition.hasSameNames = true
      var index = 0
      while index < count, addition.hasSameNames {
        addition.compareName(source.text(index))
        index &+= 2
      }
    }
    let step = addition.hasSameNames ? 2 : 1
    let start = addition.hasSameNames ? 1 : 0
    var index = start
    while index < count {
      addition.measure(source.text(index))
      index &+= step
    }
    addition.open(id, fieldCount: count / 2)
    index = start
    while index < count {
      addition.write(source.text(index))
      index &+= step
    }
    addition.finish(id, in: self)
    return true
  }
}

/// An entry on its way into a block: measured first, then written in one go.
@safe @usableFromInline
struct StreamAddition {
  @usableFromInline var block: ListpackBlock
  /// The id that the block's entries count from.
  private var nodeID: StreamID
  /// Whether the block was made for this entry.
  @usableFromInline let isNew: Bool
  /// Number of names in the master entry.
  @usableFromInline let fieldCount: Int
  /// Whether the entry's names are those of the master entry.
  @usableFromInline var hasSameNames = false
  /// The next name of the master entry; later, where the next element is written.
  private var position = 0
  /// Bytes of the texts.
  private var textBytes = 0

  /// Chooses the last block of `stream`, or a new one if the limits demand it.
  @usableFromInline
  init(_ stream: WritableStream, byteCount: Int, limits: StreamLimits) {
    let allocator = stream.allocator
    if let place = stream.fields.nodes.lastPosition {
      let last = stream.fields.nodes[place]
      let block = last.block(allocator)
      let master = StreamMaster(block.listpack)
      let most = 1 << 30
      let limit = limits.nodeBytes <= 0 || limits.nodeBytes > most ? most : limits.nodeBytes
      let isFull =
        block.listpack.byteCount &+ byteCount >= limit
        || limits.nodeEntries > 0 && master.liveCount &+ master.deletedCount >= limits.nodeEntries
      if !isFull {
        stream.willChange(place)
        self.block = block
        nodeID = last.id
        isNew = false
        fieldCount = master.fieldCount
        position = master.namesPosition
        return
      }
      stream.trimLastBlock()
    }
    block = ListpackBlock(allocator: allocator)
    nodeID = .zero
    isNew = true
    fieldCount = 0
  }

  /// Writes the numbers of a new block's master entry; its names and a zero follow.
  @usableFromInline
  mutating func begin(_ id: StreamID, fieldCount: Int) {
    nodeID = id
    block.append(integer: 0)
    block.append(integer: 0)
    block.append(integer: fieldCount)
  }

  /// Compares the next name with the master entry's.
  @usableFromInline
  mutating func compareName(_ name: RawSpan) {
    let listpack = block.listpack
    if listpack.equals(name, at: position) {
      position &+= listpack.entryCount(at: position)
    } else {
      hasSameNames = false
    }
  }

  /// Counts the bytes that a text will take.
  @usableFromInline
  mutating func measure(_ text: RawSpan) { textBytes &+= ListpackForm(text).entryCount }

  /// Makes room for the whole entry and writes what stands in front of its texts.
  @usableFromInline
  mutating func open(_ id: StreamID, fieldCount: Int) {
    let flags = hasSameNames ? StreamNode.sameFieldsFlag : 0
    let milliseconds = id.milliseconds &- nodeID.milliseconds
    let sequence = id.sequence &- nodeID.sequence
    let elements = StreamAddition.elementCount(fieldCount, hasSameNames)
    let head = [
      4 of ListpackForm
    ] {
      switch $0 {
      case 0: ListpackForm(integer: flags)
      case 1: ListpackForm(integer: Int(truncatingIfNeeded: milliseconds))
      case 2: ListpackForm(integer: Int(truncatingIfNeeded: sequence))
      default: ListpackForm(integer: fieldCount)
      }
    }
    let tail = ListpackForm(integer: elements)
    let headCount = hasSameNames ? 3 : 4
    var byteCount = textBytes &+ tail.entryCount
    for index in 0..<headCount { byteCount &+= head[index].entryCount }
    raiseLiveCount()
    position = block.listpack.end
    var place = unsafe block.splice(
      at: position, removing: 0, inserting: byteCount, entries: elements &+ 1)
    unsafe tail.write(to: place + (byteCount &- tail.entryCount))
    for index in 0..<headCount {
      unsafe head[index].write(to: place)
      unsafe place += head[index].entryCount
      position &+= head[index].entryCount
    }
  }

  /// Elements of an entry without its last one, which says this number.
  private static func elementCount(_ fieldCount: Int, _ hasSameNames: Bool) -> Int {
    hasSameNames ? fieldCount &+ 3 : fieldCount &* 2 &+ 4
  }

  private mutating func raiseLiveCount() {
    let count = block.listpack.integer(at: Listpack.headerCount) ?? 0
    block.replace(at: Listpack.headerCount, withInteger: count + 1)
  }

  /// Writes the next text.
  @usableFromInline
  mutating func write(_ text: RawSpan) {
    let form = ListpackForm(text)
    unsafe form.write(text, to: block.listpack.start + position)
    position &+= form.entryCount
  }

  /// Lets the stream know the block and the entry.
  @usableFromInline
  func finish(_ id: StreamID, in stream: WritableStream) {
    stream.adopt(block, nodeID: nodeID, isNew: isNew)
    stream.count(id)
  }
}

extension WritableStream {
  /// Gives back what the last block has kept for growing.
  func trimLastBlock() {
    guard let position = fields.nodes.lastPosition else { return }
    var block = fields.nodes[position].block(allocator)
    block.trim()
    fields.nodes[position].moved(to: block)
  }

  /// Enters a block that has got an entry.
  fileprivate func adopt(_ block: ListpackBlock, nodeID: StreamID, isNew: Bool) {
    if isNew {
      fields.nodes.insert(StreamNode(nodeID, block), allocator: allocator)
    } else if let position = fields.nodes.lastPosition {
      fields.nodes[position].moved(to: block)
    }
  }

  /// Counts an entry that was added.
  fileprivate func count(_ id: StreamID) {
    fields.length += 1
    if fields.entriesAdded < .max { fields.entriesAdded += 1 }
    fields.lastID = id
    if fields.length == 1 { fields.firstID = id }
  }
}
