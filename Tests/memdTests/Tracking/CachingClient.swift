// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

/// A server, and a client of it that caches what it reads.
struct CachingClient {
  let server: TestServer
  let reader: TestClient

  /// - Parameter options: what CLIENT TRACKING ON is given.
  init(_ options: String = "", configure: (Configuration) -> Void = { _ in }) {
    server = TestServer(configure: configure)
    reader = server.connect()
    reader.run("HELLO 3")
    #expect(reader.run("CLIENT TRACKING ON \(options)") == .ok)
  }

  /// What it is told when keys are stale.
  static func stale(_ keys: String...) -> Reply {
    .push(["invalidate", .array(keys.map { .bulk($0) })])
  }
}
