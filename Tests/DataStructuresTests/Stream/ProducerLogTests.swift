// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DataStructures

/// What producers have added lately, compared with plain arrays.
struct ProducerLogTests {
  private struct Known {
    let producer: Int
    let name: Int
    let id: StreamID
    let time: Int64
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `A log remembers what an array of names does`(seed: UInt64) {
    let allocator = Allocator.create()
    let stream = WritableStream.make(allocator)
    let log = stream.makeProducers()
    var random = RandomGenerator(seed: seed)
    log.duration = 1 + random.next(below: 3)
    log.maxCount = 1 + random.next(below: 5)
    var known: [Known] = []
    var now: Int64 = 1000
    for step in 0..<400 {
      if random.next(below: 4) == 0 { now += Int64(random.next(below: 900)) }
      let producer = random.next(below: 5)
      let name = random.next(below: 8)
      known.removeAll { now - $0.time >= Int64(log.duration) * 1000 }
      let expected = known.last { $0.producer == producer && $0.name == name }
      let (pid, iid) = (Array("p\(producer)".utf8), Array("name \(name)".utf8))
      let found = log.reading.find(pid.rawSpan, iid.rawSpan, now: now)
      #expect(found == expected?.id, "seed \(seed), step \(step)")
      guard found == nil else { continue }
      let id = StreamID(UInt64(step + 1), 0)
      stream.setLastID(id)
      log.remember(pid.rawSpan, iid.rawSpan, as: id, now: now)
      known.append(Known(producer: producer, name: name, id: id, time: now))
      while known.count(where: { $0.producer == producer }) > log.maxCount {
        known.remove(at: known.firstIndex { $0.producer == producer } ?? 0)
      }
      let tracked = log.reading.tracked(now: now)
      #expect(tracked.names == known.count, "seed \(seed), step \(step)")
      #expect(tracked.producers == Set(known.map(\.producer)).count)
      log.reading.checkInvariants()
    }
    checkCopies(of: stream.reading, allocator)
    free(stream, slice: 3)
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  private func checkCopies(of stream: DataStructures.Stream, _ allocator: Allocator) {
    let before = allocator.bytesInUse
    let copy = stream.copied(allocator)
    copy.reading.checkInvariants()
    #expect(copy.reading.producers?.count == stream.producers?.count)
    #expect(copy.reading.allocatedSize() == allocator.bytesInUse - before)
    if let names = copy.detachProducers() { free(names, slice: 2) }
    #expect(copy.reading.producers?.count == 0)
    #expect(copy.producers?.maxCount == stream.producers?.maxCount)
    free(copy, slice: 1)
    #expect(allocator.bytesInUse == before)
  }

  private func free(_ stream: WritableStream, slice: Int) {
    var isDone = false
    while !isDone {
      var budget = slice
      isDone = stream.free(budget: &budget)
    }
  }

  @Test func `Names of thousands of producers whose time is over go a few at a time`() {
    let allocator = Allocator.create()
    let stream = WritableStream.make(allocator)
    let log = stream.makeProducers()
    for index in 1...3000 {
      let name = Array("\(index)".utf8)
      log.remember(name.rawSpan, name.rawSpan, as: StreamID(UInt64(index), 0), now: 0)
    }
    #expect(log.reading.count == 3000)
    let late = Array("late".utf8)
    var id: UInt64 = 3001
    while log.reading.count > 100 {
      let before = log.reading.count
      log.remember(late.rawSpan, Array("\(id)".utf8).rawSpan, as: StreamID(id, 0), now: 100_000)
      #expect(before - log.reading.count <= 32)
      id += 1
    }
    #expect(log.reading.tracked(now: 100_000).producers == 1)
    log.reading.checkInvariants()
    free(stream, slice: .max)
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }
}
