// SPDX-License-Identifier: Apache-2.0

import EventLoop

@testable import memd

/// What tests of leaders and followers ask of a cluster.
extension SimulatedCluster {
  /// Asks a server and returns what it says at once.
  @discardableResult
  func ask(_ number: Int, _ line: String) -> String {
    guard let client = hosts[number].transport?.connect(fromHost: "operator") else {
      return "no server"
    }
    client.send(line + "\r\n")
    var text = ""
    let limit = now + 500_000_000
    let lineCount = line.ranges(of: "\r\n").count + 1
    while text.ranges(of: "\r\n").count < lineCount || !text.hasSuffix("\r\n"), now < limit {
      run(milliseconds: 1)
      text += String(decoding: client.receive(), as: UTF8.self)
    }
    client.close()
    return text
  }

  func server(_ number: Int) -> Server? {
    hosts[number].server
  }

  func data(_ number: Int) -> [String] {
    server(number).map { DatasetText.of($0.keyspace) } ?? ["no server"]
  }

  func isOnline(_ number: Int) -> Bool {
    server(number)?.following?.isOnline == true
  }

  /// Waits until a follower has everything that its leader has.
  func catchesUp(_ number: Int, with leader: Int) -> Bool {
    run {
      isOnline(number)
        && server(number)?.effects.stream.offset
          == server(leader)?.effects.stream.offset
        && server(number)?.effects.stream.replicationID
          == server(leader)?.effects.stream.replicationID
    }
  }

  /// Has all follow the first server, or each the one before, and waits until they have everything
  /// and their leaders know; false if that doesn't come.
  func attachFollowers(chained: Bool = false) -> Bool {
    guard run(until: { hosts.allSatisfy(\.isReady) }) else { return false }
    for number in hosts.indices.dropFirst() {
      let leader = chained ? number - 1 : 0
      ask(number, "REPLICAOF node\(leader) 6379")
      guard catchesUp(number, with: leader) else { return false }
    }
    // A follower's clock is a little ahead: its leader hears of it later.
    run(milliseconds: 20)
    return true
  }

  /// Another client of a server, in the hands of the test.
  func connect(_ number: Int) -> SimulatedClient? {
    hosts[number].transport?.connect(fromHost: "client")
  }

  /// Servers that sync at once and give up soon.
  static func followers(
    _ count: Int, seed: UInt64, _ configure: @escaping (Configuration) -> Void = { _ in }
  ) -> SimulatedCluster {
    SimulatedCluster(hostCount: count, seed: seed) {
      $0.replDisklessSyncDelay = 0
      $0.replTimeoutSeconds = 2
      $0.replPingReplicaPeriodSeconds = 1
      $0.saveRules = []
      configure($0)
    }
  }
}
