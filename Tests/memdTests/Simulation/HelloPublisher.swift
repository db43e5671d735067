// SPDX-License-Identifier: Apache-2.0

import EventLoop

@testable import memd

/// What a sentinel publishes to every server, again and again: messages that change no data, but
/// move the offset of whoever leads.
final class HelloPublisher: ClusterActor {
  private let cluster: SimulatedCluster
  private var connections: [SimulatedClient?]
  private var wakeUp: Int64 = 0
  var isStopped = false

  private static let period: Int64 = 200_000_000

  init(_ cluster: SimulatedCluster) {
    self.cluster = cluster
    connections = cluster.hosts.map { _ in nil }
  }

  var nextAction: Int64? { isStopped ? nil : max(cluster.now, wakeUp) }

  func act() {
    wakeUp = cluster.now + HelloPublisher.period
    for host in cluster.hosts {
      _ = connections[host.number]?.receive()
      if connections[host.number]?.isClosed ?? true {
        connections[host.number]?.close()
        guard let transport = host.transport, !transport.isFrozen else { continue }
        connections[host.number] = transport.connect(fromHost: "sentinel")
      }
      connections[host.number]?.sendAll("PUBLISH __sentinel__:hello sentinel\r\n")
    }
  }
}
