// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// One snapshot for all followers that wait for it when it begins, or join while it is written.
final class FullSync {
  /// How its bytes get to followers.
  enum Delivery {
    /// They read a file once it is complete, and are told its length.
    case file
    /// They get them as they are made, then a marker.
    case direct(SnapshotFeed)
  }

  let delivery: Delivery
  /// Where the stream goes on behind the snapshot; what follows is kept until all have their own.
  let cursor: StreamCursor

  init(_ delivery: Delivery, from cursor: StreamCursor) {
    self.delivery = delivery
    self.cursor = cursor
  }

  var feed: SnapshotFeed? { if case .direct(let feed) = delivery { feed } else { nil } }
}

/// The bytes of a snapshot between the helper that makes them and the followers that get them, each
/// at its own pace.
final class SnapshotFeed {
  /// With so many bytes that nobody has had, no more are made.
  private static let pendingMax = 4 << 20

  /// 40 random digits behind the snapshot: by them followers know its end.
  let marker: String
  private var chunks: [[UInt8]] = []
  /// Bytes in front of the first chunk.
  private var dropped = 0
  /// Bytes so far, whoever has had them.
  private(set) var byteCount = 0
  /// Whether all is there.
  private(set) var isComplete = false
  /// Bytes that the fastest reader has had.
  private var deliveredMax = 0

  init(marker: String) { self.marker = marker }

  /// Whether its readers have to catch up before more is made.
  var isFull: Bool { byteCount - deliveredMax >= SnapshotFeed.pendingMax }
  /// Bytes that a reader has not had, beyond those that may wait for the fastest one: who isn't
  /// slower than that is never too slow.
  func excess(behind position: Int) -> Int {
    max(0, byteCount - position - 4 * SnapshotFeed.pendingMax)
  }

  /// Bytes that are kept for readers.
  var keptByteCount: Int { byteCount - dropped }

  func append(_ chunk: [UInt8]) {
    guard !chunk.isEmpty else { return }
    byteCount += chunk.count
    chunks.append(chunk)
  }

  /// Nothing follows but the marker.
  func end() {
    append(Array(marker.utf8))
    isComplete = true
  }

  /// Bytes behind `position`, at most `limit`; the caller has had them then.
  func take(from position: Int, limit: Int) -> ArraySlice<UInt8> {
    precondition(position >= dropped, "the feed no longer has what is to be read")
    var start = dropped
    for chunk in chunks {
      if position < start + chunk.count {
        let part = chunk[(position - start)...].prefix(limit)
        deliveredMax = max(deliveredMax, position + part.count)
        return part
      }
      start += chunk.count
    }
    return []
  }

  /// Drops what everybody has had who has had at least this much.
  func trim(to position: Int) {
    while let first = chunks.first, dropped + first.count <= position {
      dropped += first.count
      chunks.removeFirst()
    }
  }
}
