// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

/// Stories of replication; `scripts/simulate` plays very many more.
@Suite struct ReplicationStoryTests {
  @Test(arguments: 1...60 as ClosedRange<UInt64>)
  func `a cluster keeps its promises whatever happens`(seed: UInt64) {
    let report = ReplicationStory.play(seed: seed)
    #expect(report.violations == [], "seed \(seed)")
  }
}
