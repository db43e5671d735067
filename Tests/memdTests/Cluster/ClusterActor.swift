// SPDX-License-Identifier: Apache-2.0

import EventLoop

@testable import memd

/// Whoever does something in a cluster beside its servers.
protocol ClusterActor: AnyObject {
  /// When it has something to do; nil if never.
  var nextAction: Int64? { get }

  /// Does what it has to do now.
  func act()
}

/// Where clients find the server that they ask, and who notes what they hear.
protocol ClusterService: AnyObject {
  var history: History { get set }
  /// The server that a new connection goes to.
  var host: SimulatedHost? { get }

  /// The life that a request to a host belongs to which is sent now; nil if it is to go to another
  /// one.
  func life(of host: SimulatedHost) -> Int?

  /// Whether a host's answer counts as that of a life.
  func counts(_ host: SimulatedHost, sentIn life: Int) -> Bool
}

extension SimulatedHost: ClusterService {
  var host: SimulatedHost? { self }

  func life(of host: SimulatedHost) -> Int? { life }

  func counts(_ host: SimulatedHost, sentIn life: Int) -> Bool { true }
}

extension ClusterClient: ClusterActor {}

extension SimulatedClient {
  /// Sends all of it, in pieces if the network takes no more at once; a connection that is full, or
  /// gone, gets no more.
  func sendAll(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty, case .bytes(let count) = send(Array(rest)) { rest = rest.dropFirst(count) }
  }

  /// Sends all of a text.
  func sendAll(_ text: String) { sendAll(Array(text.utf8)) }
}
