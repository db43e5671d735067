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
        text += " (\(of(entry.id)) \(entry.consumer.name.text)"
        text += " \(entry.deliveryTime) \(entry.deliveryCount))"
        next = entry.id.successor
      }
    }
    return text
  }

  private static func of(_ id: StreamID) -> String { "\(id.milliseconds)-\(id.sequence)" }
}
