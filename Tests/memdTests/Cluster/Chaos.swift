// SPDX-License-Identifier: Apache-2.0

import EventLoop

@testable import memd

/// Clients that do everything at once, and servers that die now and then and start again.
enum Chaos {
  /// A mixture of everything that a history can tell about.
  private static func workload(
    _ cluster: SimulatedCluster, saves: Bool, rewrites: Bool
  ) -> (inout SeededGenerator) -> History.Action? {
    { [unowned cluster] random in
      let key = Int(random.number(in: 0...2))
      switch random.number(in: 0...99) {
      case 0...29: return .write(key: key, value: cluster.nextValue())
      case 30...54: return .read(key: key)
      case 55...74: return .append(key: key, value: cluster.nextValue())
      case 95...99 where saves: return .save
      case 97...99 where rewrites: return .rewrite
      default: return .readList(key: key)
      }
    }
  }

  /// Servers with clients, some of which die now and then and are started again.
  static func run(
    seed: UInt64, milliseconds: Int64, deaths: Int = 6, saves: Bool = true, rewrites: Bool = false,
    style: SimulatedCrash = .drawn, thinkNanoseconds: ClosedRange<Int64> = 0...2_000_000,
    configure: @escaping (Configuration) -> Void = { _ in },
    prepare: (SimulatedCluster) -> Void = { _ in }
  ) -> SimulatedCluster {
    let cluster = SimulatedCluster(hostCount: 3, seed: seed, configure: configure)
    prepare(cluster)
    for host in cluster.hosts.indices {
      for _ in 0..<4 {
        cluster.addClient(
          of: host, thinkNanoseconds: thinkNanoseconds,
          workload: workload(cluster, saves: saves, rewrites: rewrites))
      }
    }
    for _ in 0..<deaths {
      let host = Int(cluster.generator.number(in: 0...2))
      let time = cluster.generator.number(in: 1...milliseconds - 30) * 1_000_000
      cluster.schedule(at: time) { [unowned cluster] in
        guard cluster.hosts[host].server != nil else { return }
        if cluster.generator.happens(perMillion: 300_000) {
          // In the middle of whatever it does next with its disk.
          cluster.hosts[host].disk.die(
            inOperation: Int(cluster.generator.number(in: 1...8)))
        }
        cluster.schedule(at: cluster.now + cluster.generator.number(in: 0...3_000_000)) {
          [unowned cluster] in
          let isPower = cluster.generator.happens(perMillion: 700_000)
          cluster.kill(host, isPower ? .power : .process, style)
        }
        cluster.schedule(at: cluster.now + cluster.generator.number(in: 3_000_000...20_000_000)) {
          [unowned cluster] in
          if cluster.hosts[host].server == nil { cluster.start(host) }
        }
      }
    }
    cluster.run(milliseconds: milliseconds)
    cluster.stopClients()
    return cluster
  }
}
