// SPDX-License-Identifier: Apache-2.0

/// Whether output waits for followers (`sync-replicas`); knows times and offsets and nothing else.
///
///     off <--> holding --(the oldest write has waited for too long)--> lapsed
///                 ^                                                      |
///                 +----(the followers keep up again)---------------------+
///
/// While it holds, what shows writes that too few followers have waits for them. Once that takes
/// longer than the timeout the promise has lapsed: then nobody may read or write, or nobody waits,
/// as the settings say.
struct SynchronousReplication {
  enum State {
    case off, holding, lapsed
  }

  private(set) var state = State.off
  private(set) var writes = UnconfirmedWrites()
  /// When the time of the oldest write is over, in monotonic nanoseconds.
  private(set) var lapsesAt = Int64.max
  /// How often the time was over.
  private(set) var lapseCount = 0

  /// Begins to hold what is not confirmed.
  ///
  /// - Parameters:
  ///   - end: of the stream; nothing of it counts as confirmed.
  ///   - isLapsed: whether nobody should wait for that.
  ///   - now: monotonic nanoseconds.
  mutating func begin(at end: Int, isLapsed: Bool, now: Int64) {
    state = isLapsed ? .lapsed : .holding
    writes = UnconfirmedWrites(end: end, at: now)
  }

  /// Nobody waits any more.
  mutating func finish() { state = .off }

  /// The stream has grown, followers have told how far they are, or time has gone on.
  ///
  /// - Parameters:
  ///   - end: of the stream.
  ///   - confirmed: up to where enough followers have it.
  ///   - keepsUp: whether enough followers have answered lately.
  ///   - timeout: nanoseconds that a write may wait; nil: for ever.
  ///   - askedAt: when followers were asked first for what they have not answered, so that they
  ///     have had the time; nil if there is nobody to ask.
  ///   - now: monotonic nanoseconds.
  /// - Returns: the state, if it is another one now.
  mutating func advance(
    to end: Int, confirmed: Int, keepsUp: Bool, timeout: Int64?, askedAt: Int64?, now: Int64
  ) -> State? {
    writes.note(end: end, at: now)
    writes.confirm(upTo: confirmed)
    lapsesAt = .max
    switch state {
    case .holding:
      guard let timeout, let oldest = writes.oldest else { return nil }
      lapsesAt = max(oldest, askedAt ?? oldest) + timeout
      guard now >= lapsesAt else { return nil }
      state = .lapsed
      lapsesAt = .max
      lapseCount += 1
    case .lapsed:
      guard keepsUp else { return nil }
      state = .holding
      // The time of what is still missing begins anew.
      writes = UnconfirmedWrites(confirmed: writes.confirmed, end: writes.end, at: now)
    case .off: return nil
    }
    return state
  }

  /// Up to where everybody may see what the stream says.
  var visibleOffset: Int { state == .holding ? writes.confirmed : .max }
}
