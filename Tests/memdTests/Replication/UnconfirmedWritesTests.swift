// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

/// Ages of what is not confirmed, against a model that knows each write, and when synchronous
/// replication lapses.
@Suite struct UnconfirmedWritesTests {
  @Test(arguments: 1...10 as ClosedRange<UInt64>)
  func `no write is older than is told, and few are much younger`(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var writes = UnconfirmedWrites()
    var model: [(end: Int, time: Int64)] = []
    var end = 0
    var now: Int64 = 0
    var longest: Int64 = 0
    let pace = generator.number(in: 100...3_000_000)
    for step in 0..<20_000 {
      now += generator.number(in: 0...pace)
      if generator.number(in: 0...9) < 8 {
        end += Int(generator.number(in: 1...300))
        writes.note(end: end, at: now)
        if end > writes.confirmed { model.append((end, now)) }
      }
      // Now and then nothing is confirmed for long.
      if step / 4000 % 2 == 0, generator.number(in: 0...9) == 0 {
        let offset = Int(generator.number(in: 0...Int64(end + 50)))
        writes.confirm(upTo: offset)
        let confirmed = writes.confirmed
        model.removeAll { $0.end <= confirmed }
      }
      #expect(writes.byteCount == max(0, end - writes.confirmed))
      guard let oldest = model.first else {
        #expect(writes.oldest == nil)
        continue
      }
      guard let told = writes.oldest else {
        Issue.record("seed \(seed): something is not confirmed")
        return
      }
      #expect(told <= oldest.time, "seed \(seed), step \(step)")
      // A mark spans a millisecond, or a share of what had waited for very long when it was made.
      let latitude = max(1_000_000, longest / 500)
      longest = model.count == 1 ? 0 : max(longest, now - oldest.time)
      guard oldest.time - told <= latitude else {
        Issue.record("seed \(seed), step \(step): \(oldest.time - told) of \(latitude), \(writes)")
        return
      }
    }
  }

  @Test func `what is confirmed ahead of the stream stays so`() {
    var writes = UnconfirmedWrites()
    writes.confirm(upTo: 100)
    writes.note(end: 60, at: 5)
    #expect(writes.oldest == nil)
    #expect(writes.byteCount == 0)
    writes.note(end: 160, at: 7_000_000)
    #expect(writes.oldest == 7_000_000)
    #expect(writes.byteCount == 60)
    let late = UnconfirmedWrites(confirmed: 10, end: 40, at: 3)
    #expect(late.oldest == 3)
  }

  @Test func `it lapses when the oldest write has waited, and holds again when followers keep up`()
  {
    var replication = SynchronousReplication()
    #expect(replication.state == .off)
    #expect(replication.visibleOffset == .max)
    replication.begin(at: 0, isLapsed: false, now: 0)
    var askedAt: Int64?
    func advance(
      _ end: Int, _ confirmed: Int, keepsUp: Bool = false, _ now: Int64
    ) -> SynchronousReplication.State? {
      replication.advance(
        to: end, confirmed: confirmed, keepsUp: keepsUp, timeout: 10_000_000, askedAt: askedAt,
        now: now)
    }
    #expect(advance(100, 0, 5_000_000) == nil)
    #expect(replication.visibleOffset == 0)
    #expect(replication.lapsesAt == 15_000_000)
    #expect(advance(200, 100, 9_000_000) == nil)
    // The second one came four milliseconds later.
    #expect(advance(200, 100, 18_999_999) == nil)
    #expect(advance(200, 100, 19_000_000) == .lapsed)
    #expect(replication.lapseCount == 1)
    #expect(replication.visibleOffset == .max)
    #expect(replication.lapsesAt == .max)
    #expect(advance(300, 100, 19_500_000) == nil)
    #expect(advance(300, 250, keepsUp: true, 20_000_000) == .holding)
    #expect(replication.visibleOffset == 250)
    // What is still missing has as much time as a new write, and as long as followers need to
    // answer.
    askedAt = 20_500_000
    #expect(advance(300, 250, 30_499_999) == nil)
    #expect(advance(300, 250, 30_500_000) == .lapsed)
    replication.finish()
    #expect(advance(900, 0, 90_000_000) == nil)
    replication.begin(at: 900, isLapsed: true, now: 100_000_000)
    #expect(replication.state == .lapsed)
    #expect(advance(900, 900, keepsUp: true, 100_000_000) == .holding)
    #expect(replication.visibleOffset == 900)
  }

  @Test func `without a timeout it waits for ever`() {
    var replication = SynchronousReplication()
    replication.begin(at: 0, isLapsed: false, now: 0)
    let state = replication.advance(
      to: 10, confirmed: 0, keepsUp: false, timeout: nil, askedAt: nil, now: .max / 2)
    #expect(state == nil)
    #expect(replication.state == .holding)
  }
}
