// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// Tests of servers with a log.
protocol LogServer {}

extension LogServer {
  func makeServer(
    _ policy: AppendFsync = .everySecond, disk content: [(String, [UInt8])] = [],
    configure: (Configuration) -> Void = { _ in }
  ) -> TestServer {
    let server = TestServer(follows: false) {
      $0.enableDebugCommand = .yes
      $0.saveRules = []
      $0.appendOnly = true
      $0.appendFsync = policy
      configure($0)
    }
    for (path, bytes) in content { server.disk.setContent(bytes, of: path) }
    server.keepLog()
    server.server.loadAtStart {}
    server.settle()
    return server
  }

  /// A server that starts with the files of another one.
  func restarted(
    _ server: TestServer, _ policy: AppendFsync = .everySecond,
    configure: (Configuration) -> Void = { _ in }
  ) -> TestServer {
    let files = server.disk.paths.filter { $0 != "log" }
    return makeServer(
      policy, disk: files.map { ($0, server.disk.content(of: $0) ?? []) }, configure: configure)
  }

  func info(_ server: TestServer, _ field: String) -> String {
    let lines = server.run("INFO persistence").text.split(whereSeparator: \.isNewline)
    return lines.first { $0.hasPrefix(field + ":") }.map { String($0.dropFirst(field.count + 1)) }
      ?? ""
  }

  func text(_ server: TestServer, _ path: String) -> String {
    String(decoding: server.disk.content(of: "appendonlydir/" + path) ?? [], as: UTF8.self)
  }
}
