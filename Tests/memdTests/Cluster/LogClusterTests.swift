// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

/// What a log promises, under machines and processes that die at any moment, in the middle of a
/// rewrite as of a sync.
@Suite struct LogClusterTests {
  private static func logging(_ policy: AppendFsync) -> (Configuration) -> Void {
    {
      $0.appendOnly = true
      $0.appendFsync = policy
      $0.saveRules = []
    }
  }

  private func chaos(
    _ seed: UInt64, _ policy: AppendFsync, milliseconds: Int64 = 300, deaths: Int = 8,
    style: SimulatedCrash = .drawn, thinkNanoseconds: ClosedRange<Int64> = 0...2_000_000,
    prepare: (SimulatedCluster) -> Void = { _ in }
  ) -> SimulatedCluster {
    Chaos.run(
      seed: seed, milliseconds: milliseconds, deaths: deaths, saves: false, rewrites: true,
      style: style, thinkNanoseconds: thinkNanoseconds, configure: Self.logging(policy),
      prepare: prepare)
  }

  private func faults(
    _ cluster: SimulatedCluster, _ promise: HistoryPromise
  ) -> [String] {
    cluster.hosts.compactMap { host in
      HistoryChecker.fault(in: host.history, promise: promise).map { "\(host.name): \($0)" }
    }
  }

  @Test(arguments: 1...16 as ClosedRange<UInt64>)
  func `with always nothing is lost that anybody has seen`(seed: UInt64) {
    let cluster = chaos(seed, .always)
    #expect(faults(cluster, .everything) == [], "seed \(seed)")
    var operations = 0
    var rewrites = 0
    for host in cluster.hosts {
      #expect(host.exitCode == nil, "seed \(seed): \(host.name) did not start")
      operations += host.history.operations.count { $0.isDone }
      rewrites += host.history.operations.count { $0.isDone && $0.action == .rewrite }
    }
    #expect(operations > 30, "\(operations), \(rewrites)")
  }

  @Test(arguments: 1...16 as ClosedRange<UInt64>)
  func `with everysec at most a second and a sync is lost`(seed: UInt64) {
    let cluster = chaos(
      seed, .everySecond, milliseconds: 6000, thinkNanoseconds: 0...40_000_000)
    #expect(faults(cluster, .olderThan(nanoseconds: 1_030_000_000)) == [], "seed \(seed)")
    for host in cluster.hosts { #expect(host.exitCode == nil, "seed \(seed): \(host.name)") }
  }

  @Test func `a disk that lies is found out, and so is a promise that is too large`() {
    var liesFound = 0
    var lossesFound = 0
    for seed in 1...10 as ClosedRange<UInt64> {
      let lied = chaos(seed, .always, style: .nothing) { cluster in
        for host in cluster.hosts { host.disk.faults.liesAboutSync = true }
      }
      if !faults(lied, .everything).isEmpty { liesFound += 1 }
      if !faults(chaos(seed, .no), .everything).isEmpty { lossesFound += 1 }
    }
    #expect(liesFound >= 2, "\(liesFound) of 10")
    #expect(lossesFound >= 2, "\(lossesFound) of 10")
  }
}
