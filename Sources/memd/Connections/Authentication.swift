// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Who a client is. There is one user so far: "default", with the password of `requirepass` or none.

extension Server {
  /// Lets the client in if name and password are right; false if they are not.
  func authenticate(_ client: Client, user: RawSpan, password: RawSpan) -> Bool {
    guard isRight(user: user, password: password) else {
      statistics.accessDeniedAuthentication += 1
      return false
    }
    client.isAuthenticated = true
    client.updateGate()
    return true
  }

  private func isRight(user: RawSpan, password: RawSpan) -> Bool {
    guard user.text == "default" else { return false }
    let expected = configuration.requirePass
    return expected.isEmpty || Secret.areEqual(password, Array(expected.utf8).rawSpan)
  }

  /// A client that has just come, or has been reset, is let in if there is no password.
  func authenticateAnonymously(_ client: Client) {
    client.isAuthenticated = configuration.requirePass.isEmpty
    client.updateGate()
  }
}

/// Comparison of secrets that takes equally long however much of them is right.
enum Secret {
  /// Digests are compared instead of the secrets, so that the length doesn't tell anything either.
  static func areEqual(_ left: RawSpan, _ right: RawSpan) -> Bool {
    let first = SHA256.digest(of: left).bytes
    let second = SHA256.digest(of: right).bytes
    var difference: UInt8 = 0
    for index in first.indices { difference |= first[index] ^ second[index] }
    return difference == 0
  }
}
