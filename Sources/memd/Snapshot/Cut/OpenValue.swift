// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// A large value of which a cut has noted what it was: it goes into the file block by block.
///
/// Blocks that change before their turn are copied by then; all others are still what they were.
final class OpenValue {
  /// The blocks that the value had when it was opened.
  enum Blocks {
    /// Buckets of a set, of which none goes while the value is open.
    case members(count: Int)
    /// The same of a hash, with the earliest deadline of a field.
    case fields(count: Int, earliest: Int64?)
    case leaves(SortedSetLeafAddresses)
    /// Addresses of a list's nodes, in order.
    case nodes([UInt])
    case stream(StreamBlocks)
    /// The bytes of a long string.
    case text(address: UInt, count: Int)
  }

  /// Bytes of a long string that are copied at once.
  static let textPartByteCount = 256 << 10

  /// What a stream had.
  struct StreamBlocks {
    let places: [(id: StreamID, address: UInt)]
    let figures: StreamFigures
    let groups: [ConsumerGroup]
    let producers: ProducerLog?
    let kind: RDBFormat.ValueKind

    /// A part of a stream, which goes into the file as a whole.
    enum Part {
      case node(Int)
      case figures
      case group(Int)
      case producers
    }

    /// The part with this number in the order of the file; nil behind the last one.
    ///
    /// Where commands make the stream, groups come first: which entries must be there for a moment
    /// is known from what is pending.
    func part(at index: Int, for format: SnapshotOutput.Format) -> Part? {
      let otherCount = 1 + groups.count + (kind == .streamListpacks2 ? 0 : 1)
      switch format {
      case .rdb:
        guard index >= places.count else { return .node(index) }
        return otherPart(at: index - places.count, of: otherCount)
      case .commands:
        guard index >= otherCount else { return otherPart(at: index, of: otherCount) }
        return index - otherCount < places.count ? .node(index - otherCount) : nil
      }
    }

    private func otherPart(at index: Int, of count: Int) -> Part? {
      guard index < count else { return nil }
      if index == 0 { return .figures }
      return index <= groups.count ? .group(index - 1) : .producers
    }
  }

  /// Which of the cut's tables the key was in.
  let table: Int
  let value: UnlinkedValue
  /// Deadline, type, key and count.
  let head: [ImagePiece]
  let blocks: Blocks
  /// The next block, or part of a stream.
  var next = 0
  /// The first bucket, if it was copied when the value was opened: it would move when a second one
  /// comes.
  var onlyBucket: ImagePiece?
  /// What was left of a long string when it changed before its turn.
  var restOfText: [ImagePiece]?

  init(table: Int, value: UnlinkedValue, head: [ImagePiece], blocks: Blocks) {
    self.table = table
    self.value = value
    self.head = head
    self.blocks = blocks
  }

  /// Whether blocks may move to a value of their own, which then waits to be freed.
  var isOrdered: Bool { value.type == .list || value.type == .stream }

  /// Lets the table of a set or hash merge buckets, or not.
  static func setMerging(_ value: UnlinkedValue, _ isEnabled: Bool) {
    switch value.type {
    case .set: value.box(of: HashTable<SetMember>.self).pointee.mergingEnabled = isEnabled
    case .hash: value.box(of: FieldTable.self).pointee.fields.mergingEnabled = isEnabled
    default: break
    }
  }
}

extension OpenValue {
  /// Notes what a large value is now.
  ///
  /// - Complexity: O(blocks) with a nanosecond each for sorted sets, some more for lists and
  ///   streams; O(1) for sets and hashes.
  static func open(
    _ entry: Entry, table: Int, access: RDBAccess?
  ) -> OpenValue {
    let value = UnlinkedValue(
      type: entry.header.type, encoding: entry.header.encoding, word: entry.valueWord)
    let blocks = OpenValue.blocks(of: entry)
    let (kind, count, earliest) = description(of: entry, blocks)
    var head = SingleImage()
    head.addHead(of: entry, access: access, as: kind, earliest: earliest)
    var number = SingleImage()
    number.add(count: count)
    setMerging(value, false)
    return OpenValue(
      table: table, value: value, head: [head.piece, number.piece].compactMap { $0 },
      blocks: blocks)
  }

  private static func blocks(of entry: Entry) -> Blocks {
    switch entry.header.type {
    case .string:
      let block = StringBlock(word: entry.valueWord)
      return .text(address: UInt(bitPattern: unsafe block.start), count: block.count)
    case .set: return .members(count: SetValue(entry).table.pointee.bucketCount)
    case .hash:
      let hash = HashValue(entry)
      return .fields(
        count: hash.table.pointee.fields.bucketCount, earliest: hash.earliestDeadline)
    case .sortedSet: return .leaves(SortedSetValue(entry).large.pointee.leafAddresses())
    case .list:
      var addresses: [UInt] = []
      let chain = ListValue(entry).chain
      addresses.reserveCapacity(chain.pointee.nodeCount)
      var node = chain.pointee.head
      while let current = node {
        addresses.append(current.address)
        node = current.next
      }
      return .nodes(addresses)
    case .stream:
      let stream = StreamValue(entry).stream
      return .stream(
        StreamBlocks(
          places: stream.nodePlaces(), figures: StreamFigures(stream),
          groups: (0..<stream.groupCount).map { stream.group(at: $0) },
          producers: stream.producers, kind: RDBWriter(compresses: false).kind(of: stream)))
    }
  }

  /// Type in RDB, what the file says of the number of elements or blocks, earliest deadline.
  private static func description(
    of entry: Entry, _ blocks: Blocks
  ) -> (kind: RDBFormat.ValueKind, count: Int, earliest: Int64?) {
    switch blocks {
    case .members: (.set, SetValue(entry).count, nil)
    case .fields(_, let earliest):
      (earliest == nil ? .hash : .hashMetadata, HashValue(entry).count, earliest)
    case .leaves: (.sortedSet, SortedSetValue(entry).count, nil)
    case .nodes(let nodes): (.listQuicklist2, nodes.count, nil)
    case .stream(let stream): (stream.kind, stream.places.count, nil)
    case .text(_, let count): (.string, count, nil)
    }
  }
}

// MARK: - Long strings

extension OpenValue {
  /// Copies a part of a long string; false behind the last one.
  func takePart(_ index: Int, into target: inout some ImageTarget) -> Bool {
    guard case .text(let address, let count) = blocks,
      let start = unsafe UnsafeRawPointer(bitPattern: address)
    else { return false }
    let offset = index * OpenValue.textPartByteCount
    guard offset < count else { return false }
    let byteCount = min(OpenValue.textPartByteCount, count - offset)
    target.add(encoded: unsafe RawSpan(_unsafeStart: start + offset, byteCount: byteCount))
    return true
  }

  /// Copies all parts that are left.
  func takeRestOfText() {
    var pieces: [ImagePiece] = []
    var index = next
    while true {
      var image = SingleImage()
      guard takePart(index, into: &image) else { break }
      if let piece = image.piece { pieces.append(piece) }
      index += 1
    }
    restOfText = pieces
  }
}

extension Entry {
  /// Whether the value is a string that goes into a snapshot part by part.
  var isLongText: Bool {
    header.isString && header.encoding == StringEncoding.block.rawValue
      && StringBlock(word: valueWord).isLong
  }
}

// MARK: - Buckets

extension OpenValue {
  /// A bucket of a large set or hash.
  func bucket(at index: Int) -> BucketChain {
    value.type == .set
      ? value.box(of: HashTable<SetMember>.self).pointee.bucketChain(at: index)
      : value.box(of: FieldTable.self).pointee.fields.bucketChain(at: index)
  }

  /// Copies a bucket and lets it carry the present number.
  func take(_ chain: BucketChain, into target: inout some ImageTarget) {
    if value.type == .set {
      target.addMembers(of: chain)
      value.box(of: HashTable<SetMember>.self).pointee.markTaken(chain)
    } else {
      target.addFields(of: chain)
      value.box(of: FieldTable.self).pointee.fields.markTaken(chain)
    }
  }
}
