// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

/// A short run of what `scripts/reach` does at length, without the sanitizer.
@Suite struct ReachTests {
  /// One seed is always the same, the other one is new each time.
  static let seeds: [UInt64] = [1, .random(in: 2...(.max - 10))]

  @Test(arguments: seeds) func `generated commands leave a whole server and a true follower`(
    _ seed: UInt64
  ) {
    print("reach: seed \(seed)")
    let run = ReachRun(seed: seed)
    let failure = run.run(requests: 20_000)
    #expect(failure == nil, "seed \(seed): scripts/reach --seed \(seed) --commands 20000")
    let called = run.commands.filter { $0.calls > 0 }.count
    #expect(called > run.commands.count / 2, "few commands were sent")
  }

  @Test func `a recorded step is read as it was written`() {
    let words: [[UInt8]] = [
      Array("SET".utf8), [], [0, 34, 92, 255], Array(repeating: 118, count: 3000),
      Array("two words".utf8), Array("!close".utf8), Array(repeating: 0, count: 50),
    ]
    for step in [
      ReachScript.Step(pause: 15, connection: 3, event: .request(words)),
      ReachScript.Step(pause: nil, connection: 0, event: .close),
      ReachScript.Step(pause: 0, connection: 9, event: .cut),
      ReachScript.Step(pause: 1, connection: 1, event: .pass),
    ] {
      #expect(ReachScript.step(Array(ReachScript.text(step).utf8)) == step)
    }
  }
}
