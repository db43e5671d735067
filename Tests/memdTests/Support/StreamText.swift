// SPDX-License-Identifier: Apache-2.0

import DataStructures

@testable import memd

/// What a stream knows beside its entries, as text: digests leave it out, followers must not.
enum StreamText {
  static func of(_ stream: DataStructures.Stream) -> String {
    var text = " last \(of(stream.lastID)) deleted \(of(stream.maxDeletedID))"
    text += " first \(of(stream.firstID)) added \(stream.entriesAdded)"
    for index in 0..<stream.groupCount {
      let group = stream.group(at: index)
      text += " group \(group.name.text) \(of(group.lastID)) \(group.entriesRead)"
      for index in 0..<group.consumerCount {
        text += " consumer \(group.consumer(at: index).name.text)"
      }
      var next: StreamID? = .zero
      while let id = next, let entry = group.firstPending(from: id) {
        text += " (\(of(entry.id)) \(entry.consumer?.name.text ?? "nobody")"
        text += " \(entry.deliveryTime) \(entry.deliveryCount))"
        next = entry.id.successor
      }
      var place = group.released()
      while let released = place {
        text += " released \(of(released.id))"
        place = group.released(after: released)
      }
    }
    guard let log = stream.producers, !log.isPristine else { return text }
    return text + of(log)
  }

  /// How often entries were sent again is not for followers.
  private static func of(_ log: ProducerLog) -> String {
    var text = " producers \(log.duration) \(log.maxCount) \(log.added)"
    for index in 0..<log.producerCount {
      text += " \(log.producer(at: index).name.text)"
      var next = log.producer(at: index).first
      while let entry = next {
        text += " \(entry.name.text)=\(of(entry.id))"
        next = entry.nextOfProducer
      }
    }
    return text
  }

  private static func of(_ id: StreamID) -> String { "\(id.milliseconds)-\(id.sequence)" }
}
