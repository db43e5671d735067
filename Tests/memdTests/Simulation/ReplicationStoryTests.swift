// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

/// Stories of replication; `scripts/simulate` plays very many more.
@Suite struct ReplicationStoryTests {
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `a cluster keeps its promises whatever happens`(seed: UInt64) {
    let report = ReplicationStory.play(seed: seed)
    #expect(report.violations == [], "seed \(seed)")
  }

  /// Otherwise they would prove nothing.
  @Test func `stories find promises that are not kept`() {
    var losses = 0
    // One is enough, and most have one.
    for seed in 1...40 as ClosedRange<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let plan = StoryPlan(&generator)
      guard plan.trouble == .leaders, losses == 0 else { continue }
      // The settings say nothing, and the promise is checked all the same.
      let report = ReplicationStory.play(seed: seed) {
        $0.syncReplicas = 0
        $0.maxUnconfirmed = 0
      } prepare: { story in
        for first in 0..<plan.hostCount {
          for second in 0..<first {
            story.cluster.network.setDelay(
              between: "node\(first)", "node\(second)", 60_000_000...100_000_000)
          }
        }
        story.cluster.schedule(at: story.cluster.now + 700_000_000) {
          story.killLeader(evenIfBehind: true)
        }
      }
      if report.violations.contains(where: { $0.contains("was acknowledged") }) { losses += 1 }
    }
    #expect(losses > 0)
  }
}
