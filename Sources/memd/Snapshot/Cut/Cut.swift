// SPDX-License-Identifier: Apache-2.0

import DataStructures

// A point-in-time cut through the keyspace, without a copy of the process.
//
// The cut begins an epoch. From then on a walk goes over the tables and takes an image of every
// entry that does not carry the epoch's number; whoever is about to change or remove such an entry
// announces it, and the image is taken first. Either way the entry carries the number afterwards,
// so that each is taken once, as it was when the epoch began.
//
//     loop    walk:   bucket by bucket, entries without the number ---+
//             writer: announces what it is about to change -----------+--> images, in pieces
//                                                                            |
//     helper                                             encode, write  <----+
//
// A large value is opened when the walk or a writer comes to its entry: what it had is noted, and
// its blocks follow one by one; writers announce blocks. In the file a value stands as a whole, so
// images of other entries wait beside it until it is complete, and blocks of a value whose turn has
// not come are kept by address. A block announces itself once per epoch, so an address means one
// block, even if the memory is used again.
//
// Meanwhile tables split buckets, which carries entries ahead of the walk, but merge none; nothing
// is compacted; and what goes and is still needed is kept until the end.

/// Takes images of everything that a keyspace holds at one moment.
final class Cut {
  /// One database as of the beginning.
  private struct Table {
    let home: ContentsHome
    let number: Int
    let keys: Int
    let expiring: Int
    var isSelected = false
    /// Whether all of its buckets have been walked over.
    var isDone = false
  }

  /// How far a cut is.
  enum Progress {
    /// There is more to do.
    case running
    /// All images have been handed out.
    case complete
  }

  private let keyspace: Keyspace
  private let allocator: Allocator
  private let access: (Entry) -> RDBAccess?
  private let format: SnapshotOutput.Format
  private let compresses: Bool
  let pool = ImagePool()
  /// The version that can hold what there was.
  let version: Int
  /// Number of keys at the beginning.
  let keyCount: Int
  /// Keys of which images were taken.
  private(set) var processed = 0

  private var tables: [Table] = []
  private var table = 0
  private var bucket = 0

  /// Large values that wait for their turn; those in front of `firstOpen` have had it.
  private var opened: [OpenValue] = []
  private var firstOpen = 0
  private var openWords: Set<UInt64> = []
  /// The large value that is being written.
  private var current: OpenValue?
  private var orderedCount = 0
  /// Images of blocks that changed before their turn, by address.
  private var forced: [UInt: ImagePiece] = [:]
  /// Bytes of those.
  private(set) var forcedByteCount = 0
  /// Bytes of all images that were taken because something was about to change.
  private(set) var forcedByteCountInAll = 0

  /// Images that are ready, and those that wait for the large value to be complete.
  private var ready: ImageQueue
  private var beside: ImageQueue
  /// The table whose database is selected at the end of each.
  private var readyTable: Int?
  private var besideTable: Int?

  /// What has gone and is kept.
  private var keptValues: [UnlinkedValue] = []
  private var keptContents: [DetachedContents] = []
  /// True while something is freed that is none of the cut's.
  var ignoresBlocks = false
  private var isWalking = false

  /// Begins the epoch: what the keyspace holds now is what the images will show.
  ///
  /// - Parameters:
  ///   - format: of the file, which decides in which order parts of a stream come.
  ///   - access: what is kept of an entry's use.
  ///   - compresses: whether what is encoded here may be compressed.
  init(
    _ keyspace: Keyspace, for format: SnapshotOutput.Format, compresses: Bool,
    access: @escaping (Entry) -> RDBAccess?
  ) {
    self.keyspace = keyspace
    self.format = format
    self.access = access
    self.compresses = compresses
    allocator = keyspace.allocator
    version = keyspace.snapshotVersion
    keyCount = keyspace.keyCount
    ready = ImageQueue(pool)
    beside = ImageQueue(pool)
    allocator.advanceEpoch()
    assert(allocator.blockObserver == nil, "one cut at a time")
    allocator.blockObserver = self
    keyspace.unlinked.keeper = self
    for database in keyspace.databases where database.count > 0 {
      let home = database.contentsHome
      home.setMerging(false)
      tables.append(
        Table(
          home: home, number: database.number, keys: database.count,
          expiring: database.expiringCount))
    }
  }

  // MARK: - Steps

  /// Bytes of images that are ready to be handed out.
  var readyByteCount: Int { ready.byteCount }
  /// Bytes of images that wait.
  var waitingByteCount: Int { beside.byteCount + forcedByteCount }

  /// Hands out the images that are ready.
  func takeReady() -> [ImagePiece] { ready.takeAll() }

  /// Takes the next images: of one bucket of a table, or of one block of a large value.
  func step() -> Progress {
    if let value = current {
      if addBlock(of: value) { complete(value) }
      return .running
    }
    if firstOpen < opened.count {
      begin(opened[firstOpen])
      return .running
    }
    guard table < tables.count else {
      allocator.noteWalkComplete()
      return .complete
    }
    walkBucket()
    return .running
  }

  private func walkBucket() {
    let home = tables[table].home
    guard bucket < home.bucketCount else {
      tables[table].isDone = true
      table += 1
      bucket = 0
      let all = keptContents
      keptContents = []
      for contents in all where !keeps(contents) { keyspace.unlinked.add(contents) }
      return
    }
    isWalking = true
    home.announceBucket(bucket)
    isWalking = false
    bucket += 1
  }

  // MARK: - Entries

  private func take(_ entry: Entry, in home: UInt) {
    guard let table = tables.firstIndex(where: { $0.home.address == home }) else { return }
    processed += 1
    if entry.hasLargeForm || entry.isLongText { return open(entry, table: table) }
    if current == nil {
      add(entry, of: table, to: &ready, &readyTable)
    } else {
      add(entry, of: table, to: &beside, &besideTable)
    }
  }

  private func add(
    _ entry: Entry, of table: Int, to queue: inout ImageQueue, _ selected: inout Int?
  ) {
    let before = queue.byteCount
    select(table, in: &queue, &selected)
    queue.add(entry, access: access(entry))
    if !isWalking { forcedByteCountInAll += queue.byteCount - before }
  }

  private func select(_ index: Int, in queue: inout ImageQueue, _ selected: inout Int?) {
    guard selected != index else { return }
    let table = tables[index]
    queue.add(
      database: table.number, keys: table.keys, expiring: table.expiring,
      isFirst: !table.isSelected)
    tables[index].isSelected = true
    selected = index
  }

  private func open(_ entry: Entry, table: Int) {
    let value = OpenValue.open(entry, table: table, access: access(entry))
    opened.append(value)
    openWords.insert(value.value.word)
    if value.isOrdered { orderedCount += 1 }
    switch value.blocks {
    case .members(1), .fields(1, _):
      var image = SingleImage()
      value.take(value.bucket(at: 0), into: &image)
      value.onlyBucket = image.piece ?? .empty
    default: break
    }
  }

  // MARK: - Large values

  private func begin(_ value: OpenValue) {
    firstOpen += 1
    if firstOpen == opened.count {
      opened.removeAll(keepingCapacity: true)
      firstOpen = 0
    }
    current = value
    besideTable = nil
    select(value.table, in: &ready, &readyTable)
    for piece in value.head { ready.append(piece) }
  }

  private func complete(_ value: OpenValue) {
    current = nil
    openWords.remove(value.value.word)
    if value.isOrdered { orderedCount -= 1 }
    OpenValue.setMerging(value.value, true)
    releaseKept()
    guard !beside.isEmpty else { return }
    ready.append(&beside)
    readyTable = besideTable
  }

  /// Lets go of what is not needed any more.
  private func releaseKept() {
    guard !keptValues.isEmpty else { return }
    let all = keptValues
    keptValues = []
    for value in all where !keeps(value) { keyspace.unlinked.add(value) }
  }

  /// Adds the next block of a value; true behind the last one.
  private func addBlock(of value: OpenValue) -> Bool {
    let index = value.next
    value.next += 1
    switch value.blocks {
    case .members(let count), .fields(let count, _):
      guard index < count else { return true }
      addBucket(index, of: value)
    case .leaves(let leaves):
      guard index < leaves.count else { return true }
      if let address = leaves[index], !addForced(address) {
        // It was not announced, so it is what and where it was.
        guard let leaf = unsafe leaves.leaf(index) else { return false }
        ready.add(leaf)
        leaf.markTaken(allocator)
      }
    case .nodes(let addresses):
      guard index < addresses.count else { return true }
      if !addForced(addresses[index]) {
        let node = unsafe QuickListNode(at: addresses[index])
        ready.add(node)
        node.markTaken(allocator)
      }
    case .stream(let stream): return addBlock(index, of: stream, value)
    case .text:
      guard let rest = value.restOfText else { return !value.takePart(index, into: &ready) }
      for piece in rest { ready.append(piece) }
      return true
    }
    return false
  }

  private func addBucket(_ index: Int, of value: OpenValue) {
    if let piece = value.onlyBucket { return ready.append(piece) }
    let chain = value.bucket(at: index)
    if !addForced(chain.address) { value.take(chain, into: &ready) }
  }

  private func addBlock(
    _ index: Int, of stream: OpenValue.StreamBlocks, _ value: OpenValue
  ) -> Bool {
    guard let part = stream.part(at: index, for: format) else { return true }
    switch part {
    case .node(let index):
      let place = stream.places[index]
      if !addForced(place.address) {
        ready.add(unsafe StreamNodeView(id: place.id, at: place.address))
        WritableStream(owned: value.value.word).markTaken(block: place.id)
      }
    case .figures: ready.add(stream.figures)
    case .group(let index):
      let group = stream.groups[index]
      if !addForced(group.address) {
        ready.add(group)
        group.markTaken()
      }
    case .producers: addProducers(stream.producers)
    }
    return false
  }

  private func addProducers(_ log: ProducerLog?) {
    if let log, addForced(log.address) { return }
    ready.add(encoded: encoded { $0.producers(log) }.rawSpan)
    log?.markTaken()
  }

  private func encoded(_ write: (RDBWriter) -> Void) -> [UInt8] {
    let writer = RDBWriter(compresses: compresses)
    write(writer)
    return writer.takeBytes()
  }

  /// Adds the image of a block that changed before its turn; false if it didn't.
  private func addForced(_ address: UInt) -> Bool {
    guard let piece = forced.removeValue(forKey: address) else { return false }
    forcedByteCount -= piece.count
    ready.append(piece)
    return true
  }

  // MARK: - The end

  /// Ends the cut, complete or not: the keyspace is as if there had been none.
  func end() {
    allocator.blockObserver = nil
    keyspace.unlinked.keeper = nil
    for table in tables { table.home.setMerging(true) }
    if let current { OpenValue.setMerging(current.value, true) }
    for value in opened[firstOpen...] { OpenValue.setMerging(value.value, true) }
    for value in keptValues { keyspace.unlinked.add(value) }
    for contents in keptContents { keyspace.unlinked.add(contents) }
    keptValues = []
    keptContents = []
    tables = []
    opened = []
    firstOpen = 0
    current = nil
    forced = [:]
  }
}

// MARK: - Who changes something

extension Cut: BlockObserver {
  func willChange(_ block: ChangingBlock) {
    if ignoresBlocks { return }
    switch block {
    case .entry(let word, let home): take(Entry(word: word), in: home)
    case .text(let word): forceText(word)
    case .listNode(let node): force(node.address) { $0.add(node) }
    case .streamNode(let node, _): force(node.address) { $0.add(node) }
    case .sortedSetLeaf(let leaf): force(leaf.address) { $0.add(leaf) }
    case .bucket(.set, let chain): force(chain.address) { $0.addMembers(of: chain) }
    case .bucket(.hash, let chain): force(chain.address) { $0.addFields(of: chain) }
    case .group(let group): force(group.address) { $0.add(group) }
    case .producers(let log):
      force(log.address) { $0.add(encoded: encoded { $0.producers(log) }.rawSpan) }
    }
  }

  /// A long string is about to be edited: what is left of it is copied at once.
  private func forceText(_ word: UInt64) {
    guard openWords.contains(word) else { return }
    let open = opened[firstOpen...] + [current].compactMap { $0 }
    guard let value = open.first(where: { $0.value.word == word && $0.value.type == .string }),
      value.restOfText == nil
    else { return }
    value.takeRestOfText()
    forcedByteCountInAll += value.restOfText?.reduce(0) { $0 + $1.count } ?? 0
  }

  private func force(_ address: UInt, _ add: (inout SingleImage) -> Void) {
    var image = SingleImage()
    add(&image)
    // Even if it holds nothing: it is not to be copied when its turn comes.
    let piece = image.piece ?? .empty
    assert(forced[address] == nil, "a block was announced twice")
    forced[address] = piece
    forcedByteCount += piece.count
    forcedByteCountInAll += piece.count
  }
}

extension Cut: ValueKeeper {
  func keeps(_ value: UnlinkedValue) -> Bool {
    let isNeeded =
      openWords.contains(value.word)
      || orderedCount > 0 && (value.type == .list || value.type == .stream)
    if isNeeded { keptValues.append(value) }
    return isNeeded
  }

  func keeps(_ contents: DetachedContents) -> Bool {
    let isNeeded = tables.contains { $0.home == contents.home && !$0.isDone }
    if isNeeded { keptContents.append(contents) }
    return isNeeded
  }
}

extension Keyspace {
  /// The lowest version of snapshot files that can hold what there is.
  fileprivate var snapshotVersion: Int {
    let parts = allocator.newerParts
    if parts.releasedEntries > 0 { return RDBFormat.releaseVersion }
    if parts.producerLogs > 0 { return RDBFormat.producerVersion }
    return hasFieldDeadlines ? RDBFormat.fieldDeadlineVersion : RDBFormat.lowestVersion
  }
}
