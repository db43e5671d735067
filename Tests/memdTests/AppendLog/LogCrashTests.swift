// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

/// A death in every single operation of the disk, in everything that a log does with it.
@Suite struct LogCrashTests {
  /// What a server did before it died: the last value that it has acknowledged, and the last that
  /// it was asked to write.
  private struct Run {
    let server: TestServer
    var acknowledged = 0
    var asked = 0

    /// Writes the next value; false if the server didn't say that it did.
    @discardableResult
    mutating func write() -> Bool {
      asked += 1
      server.client.send(["SET", "n", "\(asked)"])
      server.settle(limit: 50)
      guard server.client.next() == .ok else { return false }
      acknowledged = asked
      return true
    }

    /// Asks for something and waits for its end.
    mutating func run(_ line: String) {
      server.client.send(TestClient.words(line))
      server.settle(limit: 200)
      _ = server.client.next()
    }
  }

  private enum Scenario: CaseIterable {
    /// A server with an empty directory.
    case firstStart
    /// One that has a snapshot.
    case startWithSnapshot
    /// One that has the file of a Redis before 7.0.
    case upgrade
    case rewrite
    case rewriteTwice
    case turnOn
    case turnOffAndOn
    case restart
    case shutdown
  }

  private func makeServer(_ disk: [(String, [UInt8])], isOn: Bool) -> TestServer {
    let server = TestServer(follows: false) {
      $0.saveRules = []
      $0.appendOnly = isOn
      $0.appendFsync = .always
    }
    for (path, bytes) in disk {
      if path.contains("/") { server.disk.setDirectory("appendonlydir") }
      server.disk.setContent(bytes, of: path)
    }
    return server
  }

  private func files(_ server: TestServer) -> [(String, [UInt8])] {
    server.disk.paths.filter { !server.disk.isDirectory($0) && $0 != "log" }
      .map { ($0, server.disk.content(of: $0) ?? []) }
  }

  /// What is on the disk in the beginning, and the value that it holds.
  private func beginning(_ scenario: Scenario) -> (files: [(String, [UInt8])], value: Int) {
    switch scenario {
    case .firstStart: return ([], 0)
    case .upgrade:
      return ([("appendonly.aof", Array("*3\r\n$3\r\nSET\r\n$1\r\nn\r\n$1\r\n7\r\n".utf8))], 7)
    case .startWithSnapshot, .turnOn:
      let server = makeServer([], isOn: false)
      server.run("SET n 7")
      server.run("SAVE")
      return (files(server), 7)
    case .rewrite, .rewriteTwice, .turnOffAndOn, .restart, .shutdown:
      let server = makeServer([], isOn: true)
      server.server.loadAtStart {}
      server.settle()
      server.client.send(["SET", "n", "7"])
      server.settle()
      return (files(server), 7)
    }
  }

  private func perform(_ scenario: Scenario, _ run: inout Run) {
    run.server.server.loadAtStart {}
    run.server.settle(limit: 200)
    run.write()
    switch scenario {
    case .firstStart, .startWithSnapshot, .upgrade: run.write()
    case .rewrite: run.run("BGREWRITEAOF")
    case .rewriteTwice:
      run.run("BGREWRITEAOF")
      run.write()
      run.run("BGREWRITEAOF")
    case .turnOn: run.run("CONFIG SET appendonly yes")
    case .turnOffAndOn:
      run.run("CONFIG SET appendonly no")
      run.run("CONFIG SET appendonly yes")
    case .restart: break
    case .shutdown: run.run("SHUTDOWN")
    }
    run.write()
  }

  @Test(arguments: SimulatedCrash.allCases.filter { $0 != .drawn })
  private func `a death in any operation loses nothing that was acknowledged`(
    style: SimulatedCrash
  ) {
    var operations = 0
    for scenario in Scenario.allCases {
      let start = beginning(scenario)
      var number = 0
      while true {
        number += 1
        let server = makeServer(start.files, isOn: scenario != .turnOn)
        let before = server.disk.operationCount
        server.disk.die(inOperation: number)
        var run = Run(server: server, acknowledged: start.value, asked: start.value)
        perform(scenario, &run)
        let isDone = server.disk.operationCount - before < number
        if number.isMultiple(of: 3) { server.disk.endProcess() } else { server.disk.crash(style) }
        operations += 1
        check(run, start.value, "\(scenario), \(style), operation \(number)", scenario)
        if isDone || number > 300 { break }
      }
      #expect(number > 5 && number < 300, "\(scenario): \(number) operations")
    }
    #expect(operations > 350, "\(operations) deaths")
  }

  /// The server starts again with what was acknowledged, or with more, and goes on.
  private func check(_ run: Run, _ saved: Int, _ name: String, _ scenario: Scenario) {
    let next = makeServer(files(run.server), isOn: true)
    next.keepLog()
    next.server.loadAtStart {}
    next.settle()
    let text = next.logText
    #expect(next.server.exitCode == nil, "\(name): \(text)")
    let value = Int(next.run("GET n").text) ?? 0
    // While there is no log, or no base of it, a snapshot is all that there is.
    let isPromised = scenario != .turnOn && scenario != .turnOffAndOn
    let least = isPromised ? run.acknowledged : saved
    #expect(value >= least && value <= run.asked, "\(name): \(value), not \(least)...\(run.asked)")
    next.client.send(["SET", "n", "1000"])
    next.settle()
    #expect(next.client.next() == .ok, "\(name)")
    guard name.utf8.last.map({ $0 % 4 == 0 }) == true else { return }
    next.disk.crash(.nothing)
    let last = makeServer(files(next), isOn: true)
    last.server.loadAtStart {}
    last.settle()
    #expect(last.run("GET n") == "1000", "\(name)")
    let leftovers = last.disk.paths.filter { $0.contains("temp-") }
    #expect(leftovers == [], "\(name)")
  }

  @Test func `a failure in any operation is survived, or ends the server with nothing lost`() {
    for scenario in Scenario.allCases {
      let start = beginning(scenario)
      for number in 1...120 {
        let server = makeServer(start.files, isOn: scenario != .turnOn)
        let before = server.disk.operationCount
        server.disk.fail(
          inOperation: number, with: number.isMultiple(of: 2) ? .noSpace : .inputOutput)
        var run = Run(server: server, acknowledged: start.value, asked: start.value)
        perform(scenario, &run)
        let isDone = server.disk.operationCount - before < number
        server.disk.crash(.nothing)
        check(run, start.value, "\(scenario), operation \(number)", scenario)
        if isDone { break }
      }
    }
  }
}
