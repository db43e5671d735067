// SPDX-License-Identifier: Apache-2.0

/// What of the stream of effects is confirmed, by whoever was asked to have it, and since when the
/// rest waits.
///
/// Times are kept as marks: bytes behind the offset of a mark were added at its time or later.
/// Writes that are close share one, and what is close depends on how long the oldest one waits: so
/// an age is never told too low, and hardly too high, and the number of marks grows with the
/// logarithm of that time.
///
///     offset   confirmed      mark 1          mark 2             end
///                  v             v               v                v
///     ---confirmed-|-- mark 0 ---|--- mark 1 ----|---- mark 2 ----|
struct UnconfirmedWrites {
  private struct Mark {
    let offset: Int
    let time: Int64
  }

  /// What is less apart shares a mark, in nanoseconds, or this share of the time of the oldest.
  private static let finest: Int64 = 1_000_000
  private static let share: Int64 = 512

  private var marks: [Mark] = []
  /// Marks in front of this one are of what is confirmed.
  private var first = 0
  /// Where the stream ends, as far as is known here.
  private(set) var end: Int
  /// Up to where it is confirmed.
  private(set) var confirmed: Int

  /// Nothing of what is there is confirmed behind `confirmed`; it counts as added at a time, in
  /// monotonic nanoseconds.
  init(confirmed: Int = 0, end: Int = 0, at time: Int64 = 0) {
    self.confirmed = confirmed
    self.end = confirmed
    note(end: end, at: time)
  }

  /// Monotonic nanoseconds at which the oldest write was made that isn't confirmed, or earlier;
  /// nil if all are.
  var oldest: Int64? { confirmed < end ? marks[first].time : nil }

  /// Bytes that are not confirmed.
  var byteCount: Int { max(0, end - confirmed) }

  /// The stream has grown to `end` since this was called last, at the earliest at `time`.
  mutating func note(end: Int, at time: Int64) {
    guard end > self.end else { return }
    defer { self.end = end }
    guard end > confirmed else { return }
    if first < marks.count {
      let age = time - marks[first].time
      let distance = max(UnconfirmedWrites.finest, age / UnconfirmedWrites.share)
      guard time - marks[marks.count - 1].time >= distance else { return }
    }
    marks.append(Mark(offset: max(self.end, confirmed), time: time))
  }

  /// Everything up to an offset is confirmed, and stays so.
  mutating func confirm(upTo offset: Int) {
    guard offset > confirmed else { return }
    confirmed = offset
    guard confirmed < end else {
      marks.removeAll(keepingCapacity: true)
      first = 0
      return
    }
    while first + 1 < marks.count, marks[first + 1].offset <= confirmed { first += 1 }
    guard first > marks.count / 2 else { return }
    marks.removeFirst(first)
    first = 0
  }
}
