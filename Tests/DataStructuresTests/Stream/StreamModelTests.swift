// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DataStructures

/// Random operations on a stream and its groups, compared with plain arrays.
struct StreamModelTests {
  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `A stream holds what an array of entries holds`(seed: UInt64) {
    var model = StreamModel(seed: seed)
    for step in 0..<150 {
      model.step()
      if step % 20 == 0 { model.check() }
      guard model.failure == nil else { break }
    }
    model.check()
    #expect(model.failure == nil, "seed \(seed)")
    model.finish()
    #expect(model.failure == nil, "seed \(seed)")
  }
}

/// Texts of an entry to be added.
struct TextList: StreamTextSource {
  private var bytes: [UInt8] = []
  private var ends = [0]

  init(_ texts: [String]) {
    for text in texts {
      bytes += Array(text.utf8)
      ends.append(bytes.count)
    }
  }
  init(_ texts: String...) { self.init(texts) }

  var count: Int { ends.count - 1 }

  @_lifetime(borrow self)
  func text(_ index: Int) -> RawSpan {
    unsafe bytes.span.bytes.extracting(ends[index]..<ends[index + 1])
  }
}

extension StreamEntry {
  /// Names and values as text.
  var strings: [String] {
    var strings: [String] = []
    var scratch = DecimalScratch()
    var texts = self.texts
    while let text = texts.next(&scratch) { strings.append(text.text) }
    return strings
  }
}

private struct StreamModel: ~Copyable {
  struct Pending: Equatable {
    /// -1: it was given back.
    var consumer: Int
    var time: Int64
    var count: Int
  }

  let allocator = Allocator.create()
  let stream: WritableStream
  let group: WritableConsumerGroup
  var consumers: [Consumer] = []
  var random: RandomGenerator
  var limits: StreamLimits
  var entries: [(id: StreamID, texts: [String])] = []
  var pending: [StreamID: Pending] = [:]
  /// Ids of entries that were given back, those first that were first.
  var released: [StreamID] = []
  var added = 0
  var failure: String? {
    didSet { failure = oldValue ?? failure }
  }

  init(seed: UInt64) {
    random = RandomGenerator(seed: seed)
    stream = WritableStream.make(allocator)
    limits = StreamLimits(
      nodeBytes: [0, 64, 300, 4096][random.next(below: 4)],
      nodeEntries: [0, 1, 3, 20][random.next(below: 4)])
    let name = Array("group".utf8)
    group = unsafe stream.addGroup(name.rawSpan, lastID: .zero, entriesRead: 0).unsafelyUnwrapped
    for index in 0..<3 {
      let name = Array("consumer \(index)".utf8)
      consumers.append(group.addConsumer(name.rawSpan, seenTime: 0))
    }
  }

  mutating func step() {
    switch random.next(below: 13) {
    case 0..<5: for _ in 0...random.next(below: 12) { add() }
    case 5: for _ in 0...random.next(below: 6) { remove() }
    case 6: trim()
    case 7, 8: for _ in 0...random.next(below: 90) { deliver() }
    case 9: for _ in 0...random.next(below: 90) { acknowledge() }
    case 10: for _ in 0...random.next(below: 40) { release() }
    case 11: setBack()
    default: range()
    }
  }

  /// The ids of deleted entries at the end are free again.
  private mutating func setBack() {
    for _ in 0..<random.next(below: 3) where !entries.isEmpty {
      _ = stream.remove(entries.removeLast().id)
    }
    stream.setLastID(entries.last?.id ?? .zero)
    stream.reading.checkInvariants()
  }

  private mutating func add() {
    var id = stream.reading.lastID
    switch random.next(below: 4) {
    case 0: id = id.successor ?? id
    case 1: id = StreamID(id.milliseconds + 1 + UInt64(random.next(below: 300)), 0)
    case 2: id = StreamID(id.milliseconds + 1, .max)
    default:
      id = StreamID(id.milliseconds + 2, UInt64(random.next(below: 1 << 40)))
    }
    let names = [["a"], ["b"], ["a", "b"], ["12", "a"]][random.next(below: 4)]
    var texts: [String] = []
    for name in names {
      texts.append(name)
      texts.append(value())
    }
    let isAdded = stream.add(id, TextList(texts), limits: limits)
    if !isAdded { failure = "not added" }
    entries.append((id, texts))
    added += 1
  }

  private mutating func value() -> String {
    switch random.next(below: 6) {
    case 0: ""
    case 1: String(random.next(below: 1 << 30))
    case 2: "-\(random.next(below: 5000))"
    case 3: String(repeating: "x", count: random.next(below: 400))
    default: "value"
    }
  }

  private mutating func remove() {
    guard !entries.isEmpty else { return }
    let index = random.next(below: entries.count)
    let id = entries[index].id
    if !stream.remove(id) { failure = "\(id) was not removed" }
    if stream.remove(id) { failure = "\(id) was removed twice" }
    entries.remove(at: index)
  }

  private mutating func trim() {
    let isApproximate = random.next(below: 2) == 0
    let limit = isApproximate ? random.next(below: 50) : 0
    var rule = StreamTrim.length(max(0, entries.count - random.next(below: 40)))
    if random.next(below: 2) == 0, !entries.isEmpty {
      rule = .minimum(entries[random.next(below: entries.count)].id)
    }
    let exact: Int
    switch rule {
    case .length(let most): exact = max(0, entries.count - most)
    case .minimum(let id): exact = entries.count { $0.id < id }
    }
    var dropped: WritableStream?
    let removed = stream.trim(
      rule, isApproximate: isApproximate, limit: limit, dropping: &dropped)
    var budget = Int.max
    if let dropped, !dropped.free(budget: &budget) { failure = "dropped blocks are left" }
    if isApproximate ? removed > exact : removed != exact {
      failure = "removed \(removed), not \(exact)"
    }
    if limit > 0, removed > limit { failure = "removed more than the limit" }
    entries.removeFirst(removed)
  }

  private mutating func deliver() {
    let id =
      entries.isEmpty || random.next(below: 3) == 0
      ? StreamID(UInt64(random.next(below: 500)), 0) : entries[random.next(below: entries.count)].id
    let new = Pending(
      consumer: random.next(below: 3), time: Int64(random.next(below: 1 << 40)),
      count: random.next(below: (1 << 32) - 1))
    group.deliver(id, to: consumers[new.consumer], time: new.time, count: new.count)
    pending[id] = new
    released.removeAll { $0 == id }
  }

  private mutating func release() {
    let id =
      group.reading.firstPending(from: StreamID(UInt64(random.next(below: 3000)), 0))?.id ?? .zero
    let count = random.next(below: 1 << 31)
    if group.release(id, count: count) != (pending[id] != nil) { failure = "released \(id)" }
    guard pending[id] != nil else {
      let id = StreamID(.max, UInt64(random.next(below: 1 << 40)))
      if pending[id] == nil { group.addReleased(id, count: count) }
      return note(id, count)
    }
    note(id, count)
  }

  private mutating func note(_ id: StreamID, _ count: Int) {
    pending[id] = Pending(consumer: -1, time: 0, count: count)
    released.removeAll { $0 == id }
    released.append(id)
  }

  private mutating func acknowledge() {
    let id =
      group.reading.firstPending(from: StreamID(UInt64(random.next(below: 3000)), 0))?.id ?? .zero
    let wasPending = pending.removeValue(forKey: id) != nil
    released.removeAll { $0 == id }
    if group.acknowledge(id) != wasPending { failure = "acknowledged \(id)" }
  }

  private mutating func range() {
    guard !entries.isEmpty else { return }
    var bounds = [StreamID.zero, .maximum, .zero]
    for index in 0..<3 where random.next(below: 2) == 0 {
      bounds[index] = entries[random.next(below: entries.count)].id
      if random.next(below: 2) == 0 { bounds[index].sequence &+= 1 }
    }
    let (first, last) = (bounds[0], bounds[1])
    let isReversed = random.next(below: 2) == 0
    var expected = entries.filter { $0.id >= first && $0.id <= last }
    if isReversed { expected.reverse() }
    var walk = stream.reading.entries(from: first, through: last, reversed: isReversed)
    for entry in expected {
      guard let found = walk.next() else {
        failure = "missing \(entry.id)"
        return
      }
      if found.id != entry.id || found.strings != entry.texts { failure = "other \(entry.id)" }
    }
    if walk.next() != nil { failure = "too many" }
    let exists = entries.contains { $0.id == bounds[2] }
    if (stream.reading.entry(bounds[2]) != nil) != exists { failure = "look-up of \(bounds[2])" }
  }

  mutating func check() {
    stream.reading.checkInvariants()
    compare(stream.reading, group.reading)
    if stream.entriesAdded != UInt64(added) { failure = "entries added" }
    let copy = stream.reading.copied(allocator)
    copy.reading.checkInvariants()
    compare(copy.reading, copy.reading.group(at: 0))
    StreamModel.free(copy, slice: 7)
    let loaded = WritableStream.make(allocator)
    var node = stream.reading.firstNode
    while let current = node {
      if !loaded.appendNode(current.id, current.listpack.allBytes) { failure = "not loaded" }
      node = stream.reading.node(after: current)
    }
    loaded.reading.checkInvariants()
    if loaded.reading.length != entries.count { failure = "length after loading" }
    StreamModel.free(loaded, slice: .max)
  }

  private mutating func compare(_ stream: DataStructures.Stream, _ group: ConsumerGroup) {
    if stream.length != entries.count { failure = "length" }
    if (stream.lastEntryID ?? .zero) != entries.last?.id ?? .zero { failure = "last entry" }
    var walk = stream.entries()
    var index = 0
    while let entry = walk.next() {
      if entry.id != entries[index].id || entry.strings != entries[index].texts {
        failure = "entry \(index)"
      }
      index += 1
    }
    if index != entries.count { failure = "count of entries" }
    if group.pendingCount != pending.count { failure = "count of pending entries" }
    var id: StreamID? = .zero
    while let start = id, let entry = group.firstPending(from: start) {
      let names = entry.consumer.flatMap { owner in
        (0..<3).firstIndex { consumers[$0].name.equals(owner.name) }
      }
      let found = Pending(
        consumer: names ?? -1, time: entry.deliveryTime, count: entry.deliveryCount)
      if pending[entry.id] != found { failure = "pending \(entry.id)" }
      id = entry.id.successor
    }
    if group.releasedCount != released.count { failure = "count of released entries" }
    var place = group.released()
    for id in released {
      if place?.id != id { failure = "released \(id)" }
      place = place.flatMap { group.released(after: $0) }
    }
  }

  mutating func finish() {
    let name = Array("consumer 1".utf8)
    let expected = pending.values.count { $0.consumer == 1 }
    if group.removeConsumer(name.rawSpan) != expected { failure = "removed consumer" }
    pending = pending.filter { $0.value.consumer != 1 }
    if group.reading.pendingCount != pending.count {
      failure = "pending entries of a removed consumer"
    }
    group.reading.checkInvariants()
    StreamModel.free(stream, slice: 5)
    if allocator.bytesInUse != 0 { failure = "\(allocator.bytesInUse) bytes leaked" }
    allocator.destroy()
  }

  private static func free(_ stream: WritableStream, slice: Int) {
    var isDone = false
    while !isDone {
      var budget = slice
      isDone = stream.free(budget: &budget)
    }
  }
}
