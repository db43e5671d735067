// SPDX-License-Identifier: Apache-2.0

@testable import DataStructures

/// Random changes of a stream, its groups and its producers.
struct StreamRun: ~Copyable {
  private let allocator: Allocator
  let stream: WritableStream
  /// What was taken out and waits to be freed.
  private var remains: [WritableStream] = []
  var random: RandomGenerator
  private let limits: StreamLimits
  private var last: UInt64 = 0
  private var ids: [StreamID] = []
  private var time: Int64 = 0

  init(_ allocator: Allocator, seed: UInt64) {
    self.allocator = allocator
    stream = WritableStream.make(allocator)
    random = RandomGenerator(seed: seed)
    limits = StreamLimits(nodeBytes: seed % 2 == 0 ? 300 : 4096, nodeEntries: 6)
  }

  var blocks: [BlockShadow.Seen] {
    remains.reduce(stream.reading.blocks) { $0 + $1.reading.blocks }
  }

  mutating func step() {
    time += 1
    switch random.next(below: 20) {
    case 0..<8: add()
    case 8, 9: remove()
    case 10: if random.next(below: 5) == 0 { trim() }
    case 11: freeSome()
    case 12..<18: changeGroup()
    default: changeProducers()
    }
  }

  private mutating func add() {
    last += UInt64(random.next(below: 3) + 1)
    let id = StreamID(last, UInt64(random.next(below: 5)))
    let names = random.next(below: 2) == 0 ? ["a", "b"] : ["c", "a"]
    let count = random.next(below: 30)
    let texts = TextList([names[0], "\(count)", names[1], String(repeating: "x", count: count)])
    _ = stream.add(id, texts, limits: limits)
    ids.append(id)
  }

  private var someID: StreamID {
    mutating get { ids.isEmpty ? .zero : ids[random.next(below: ids.count)] }
  }

  private mutating func remove() {
    for _ in 0..<random.next(below: 3) { _ = stream.remove(someID) }
  }

  private mutating func trim() {
    var dropped: WritableStream?
    let kept = max(0, stream.reading.length - random.next(below: 90))
    let trim = random.next(below: 2) == 0 ? StreamTrim.length(kept) : .minimum(someID)
    if case .minimum(let id) = trim, random.next(below: 4) > 0, id.milliseconds + 40 > last {
      return
    }
    _ = stream.trim(
      trim, isApproximate: random.next(below: 2) == 0, limit: 0, dropping: &dropped)
    if let dropped { remains.append(dropped) }
  }

  private mutating func freeSome() {
    guard let value = remains.last else { return }
    var budget = random.next(below: 20)
    if value.free(budget: &budget) { remains.removeLast() }
  }

  private mutating func changeGroup() {
    let name = Array("group \(random.next(below: 3))".utf8)
    guard let group = stream.group(named: name.octets) else {
      stream.addGroup(name.octets, lastID: .zero, entriesRead: 0)
      return
    }
    let name2 = Array("consumer \(random.next(below: 3))".utf8)
    let consumer = group.reading.consumer(named: name2.octets)
    let kind = random.next(below: 12)
    guard let consumer else {
      if kind < 6 { _ = group.addConsumer(name2.octets, seenTime: time) }
      return
    }
    switch kind {
    case 0: group.lastID = someID
    case 1: group.entriesRead = random.next(below: 100)
    case 2: group.note(consumer, seenAt: time)
    case 3: group.note(consumer, activeAt: time)
    case 4, 5: group.deliver(someID, to: consumer, time: time, count: random.next(below: 4))
    case 6, 7: group.acknowledge(someID)
    case 8: _ = group.release(someID, count: 1)
    case 9:
      let id = someID
      if group.reading.pending(id) == nil { group.addReleased(id, count: 2) }
    case 10: if random.next(below: 4) == 0 { _ = group.removeConsumer(name2.octets) }
    default:
      if random.next(below: 8) == 0, let group = stream.detachGroup(name.octets) {
        remains.append(group)
      }
    }
  }

  private mutating func changeProducers() {
    let log = stream.makeProducers()
    switch random.next(below: 8) {
    case 0: log.duration = 1 + random.next(below: 3)
    case 1: log.maxCount = 1 + random.next(below: 5)
    case 2: log.added += 1
    case 3: log.duplicates += 1
    case 4:
      if random.next(below: 4) == 0, let names = stream.detachProducers() {
        remains.append(names)
      }
    case 5: stream.dropPristineProducers()
    default:
      let producer = Array("producer \(random.next(below: 3))".utf8)
      let name = Array("name \(random.next(below: 50))".utf8)
      last += 1
      if log.reading.find(producer.octets, name.octets, now: time * 100) == nil {
        log.remember(producer.octets, name.octets, as: StreamID(last, 0), now: time * 100)
      }
    }
  }

  /// Frees everything.
  mutating func free() {
    var budget = Int.max
    for value in remains { _ = value.free(budget: &budget) }
    remains = []
    _ = stream.free(budget: &budget)
  }
}
