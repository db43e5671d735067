// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

// Who a client is.

extension Server {
  /// Lets the client of a call in as a user if the password is right; what isn't is logged.
  func authenticate(_ call: borrowing Call, user name: RawSpan, password: RawSpan) -> Bool {
    let hash = PasswordHash(of: password)
    guard let user = users.find(name), user.rules.accept(hash) else {
      statistics.accessDeniedAuthentication += 1
      users.accessLog.add(
        .authentication, context: accessContext(of: call.client), object: call.arguments[0].copied,
        user: name.copied, client: clientLine(call.client, running: call.arguments),
        time: moment.milliseconds, limit: configuration.aclLogMaxLength)
      return false
    }
    let client = call.client
    client.user = user
    client.isAuthenticated = true
    client.updateGate()
    return true
  }

  /// A client that has just come, or has been reset, is the default user if that needs no password.
  func authenticateAnonymously(_ client: Client) {
    client.user = users.defaultUser
    client.isAuthenticated = users.defaultUser.rules.admitsAnyone
    client.updateGate()
  }
}
