// SPDX-License-Identifier: Apache-2.0

@testable import memd

/// Who leads, as clients learn it. Every leadership is a life of one history.
final class LeaderDirectory: ClusterService {
  var history = History()
  private let hosts: [SimulatedHost]
  private(set) var leader: SimulatedHost
  /// The last life in which each host has led.
  private var lives: [Int?]
  /// Who has led in each life.
  private var leaders = [0]

  init(_ hosts: [SimulatedHost]) {
    self.hosts = hosts
    leader = hosts[0]
    lives = hosts.map { $0.number == 0 ? 0 : nil }
  }

  var host: SimulatedHost? { leader }

  /// Another one leads from now on.
  func lead(by host: SimulatedHost, at moment: Int64) {
    history.addDeath(at: moment)
    leader = host
    lives[host.number] = history.lifeCount - 1
    leaders.append(host.number)
  }

  /// Has requests count to the life in which they may have had an effect: what a leader was asked
  /// when another one led already, and has not answered, is there if it leads again.
  func assignStragglers() {
    history.moveStragglers { [leaders] life in
      leaders[(life + 1)...].firstIndex(of: leaders[life])
    }
  }

  func life(of host: SimulatedHost) -> Int? {
    host.server?.following == nil ? lives[host.number] : nil
  }

  func counts(_ host: SimulatedHost, sentIn life: Int) -> Bool {
    lives[host.number] == life && host.server?.following == nil
  }
}
