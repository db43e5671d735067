// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// What a stream knows beside its entries belongs to its parts as well: what there is once to the
// first one, pending entries to the part in whose range of ids they are.

extension ValueDigest {
  /// Groups of a stream, and consumers of one of them, that are taken in by name.
  private static let namedCountMax = 64
  /// Pending entries that a part takes in, of all groups.
  private static let pendingCountMax = 1024

  /// Takes in a part of a stream.
  mutating func take(_ part: ValuePart, of stream: Stream) {
    let (first, count) = part.entries
    if first == .zero { takeState(of: stream) }
    var entries = stream.entries(from: first)
    var scratch = DecimalScratch()
    var rest = count
    var last = StreamID.maximum
    while rest > 0, let entry = entries.next() {
      rest -= 1
      mix(entry.id)
      var texts = entry.texts
      while let text = texts.next(&scratch) { mix(element: text) }
      // Behind the last part there may be pending entries that were deleted.
      if rest == 0 { last = entry.id }
    }
    takePending(of: stream, first, through: last)
  }

  private mutating func mix(_ id: StreamID) {
    mix(id.milliseconds)
    mix(id.sequence)
  }

  private mutating func mix(_ number: Int) { mix(UInt64(bitPattern: Int64(number))) }

  private mutating func takeState(of stream: Stream) {
    mix(stream.lastID)
    mix(stream.maxDeletedID)
    mix(stream.entriesAdded)
    if let log = stream.producers, !log.isPristine {
      mix(log.duration)
      mix(log.maxCount)
      mix(log.added)
    }
    mix(stream.groupCount)
    for index in 0..<min(stream.groupCount, Self.namedCountMax) {
      let group = stream.group(at: index)
      mix(element: group.name)
      mix(group.lastID)
      mix(group.entriesRead)
      mix(group.pendingCount)
      mix(group.releasedCount)
      mix(group.consumerCount)
      for index in 0..<min(group.consumerCount, Self.namedCountMax) {
        mix(element: group.consumer(at: index).name)
      }
    }
  }

  private mutating func takePending(
    of stream: Stream, _ first: StreamID, through last: StreamID
  ) {
    var rest = Self.pendingCountMax
    for index in 0..<min(stream.groupCount, Self.namedCountMax) {
      let group = stream.group(at: index)
      var next: StreamID? = first
      while rest > 0, let id = next, let entry = group.firstPending(from: id), entry.id <= last {
        rest -= 1
        mix(entry.id)
        if let consumer = entry.consumer { mix(element: consumer.name) }
        mix(UInt64(bitPattern: entry.deliveryTime))
        mix(entry.deliveryCount)
        next = entry.id.successor
      }
    }
  }
}
