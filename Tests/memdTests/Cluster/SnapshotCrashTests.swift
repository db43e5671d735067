// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Testing

@testable import memd

/// A failure or a crash in every single operation of saving and loading.
@Suite struct SnapshotCrashTests {
  /// One server that has two keys; `actions` come from a client, one after the other.
  private func cluster(seed: UInt64, _ actions: [History.Action]) -> SimulatedCluster {
    let cluster = SimulatedCluster(seed: seed)
    ask(cluster, actions)
    return cluster
  }

  /// The last answer.
  @discardableResult
  private func ask(_ cluster: SimulatedCluster, _ actions: [History.Action]) -> Reply? {
    var rest = actions
    let client = cluster.addClient(of: 0) { _ in rest.isEmpty ? nil : rest.removeFirst() }
    cluster.run { client.isDone || cluster.hosts[0].disk.isDead }
    return client.isDone ? client.lastReply : nil
  }

  /// Restarts the server and tells which keys it has, if it starts.
  private func restarted(_ cluster: SimulatedCluster) -> [Reply?]? {
    let host = cluster.hosts[0]
    cluster.start(0)
    cluster.run { host.isReady || host.exitCode != nil }
    if host.exitCode != nil { return nil }
    return [0, 1].map { ask(cluster, [.read(key: $0)]) }
  }

  private static let old: [Reply?] = ["1", nil as Reply]
  private static let new: [Reply?] = ["2", "3"]
  private static let beginning: [History.Action] = [
    .write(key: 0, value: 1), .save, .write(key: 0, value: 2), .write(key: 1, value: 3),
  ]

  @Test(arguments: SimulatedCrash.allCases)
  func `a crash in any operation of SAVE leaves the old or the new snapshot`(
    style: SimulatedCrash
  ) {
    var hasOld = false
    var hasNew = false
    for seed in 1...8 as ClosedRange<UInt64> {
      var number = 0
      var isSaved = false
      while !isSaved, number < 50 {
        number += 1
        let cluster = cluster(seed: seed, Self.beginning)
        cluster.hosts[0].disk.die(inOperation: number)
        isSaved = ask(cluster, [.save]) == .ok
        cluster.kill(0, .power, style)
        let found = restarted(cluster)
        let isExpected = found == Self.new || (found == Self.old && !isSaved)
        #expect(isExpected, "seed \(seed), operation \(number): \(String(describing: found))")
        #expect(cluster.hosts[0].disk.paths == ["dump.rdb"], "seed \(seed), \(number)")
        hasOld = hasOld || found == Self.old
        hasNew = hasNew || (found == Self.new && !isSaved)
      }
      // Open, write, sync, rename, sync of the directory.
      #expect(number >= 6 && isSaved, "seed \(seed)")
    }
    #expect(hasOld)
    if style == .everything || style == .drawn { #expect(hasNew) }
  }

  @Test func `a failure in any operation of SAVE is told, and the old or the new snapshot stays`() {
    for seed in 1...8 as ClosedRange<UInt64> {
      var number = 0
      var isSaved = false
      while !isSaved, number < 50 {
        number += 1
        let cluster = cluster(seed: seed, Self.beginning)
        let disk = cluster.hosts[0].disk
        disk.fail(inOperation: number, with: number % 2 == 0 ? .inputOutput : .noSpace)
        isSaved = ask(cluster, [.save]) == .ok
        #expect(disk.paths == ["dump.rdb"], "seed \(seed), operation \(number)")
        // Half of the time nobody tries again before the power goes.
        if seed % 2 == 0, !isSaved {
          #expect(ask(cluster, [.save]) == .ok)
          isSaved = true
          cluster.kill(0)
          #expect(restarted(cluster) == Self.new, "seed \(seed), operation \(number)")
          isSaved = number >= 12
          continue
        }
        cluster.kill(0)
        let found = restarted(cluster)
        #expect(found == Self.new || (found == Self.old && !isSaved), "\(seed), \(number)")
      }
      #expect(number >= 6 && isSaved, "seed \(seed)")
    }
  }

  @Test func `a server that can't read its snapshot doesn't start without it`() {
    var refusals = 0
    for number in 1...20 {
      let cluster = cluster(seed: 1, Self.beginning + [.save])
      cluster.kill(0)
      let disk = cluster.hosts[0].disk
      disk.fail(inOperation: number)
      let found = restarted(cluster)
      if found == nil {
        refusals += 1
        #expect(cluster.hosts[0].exitCode == 1)
      } else {
        #expect(found == Self.new, "operation \(number)")
        continue
      }
      // It was only the disk: nothing is lost.
      #expect(restarted(cluster) == Self.new, "operation \(number)")
    }
    // Opening and reading; a directory that can't be listed is no reason.
    #expect(refusals >= 2)
  }

  @Test func `a crash in any operation of loading changes nothing`() {
    for number in 1...20 {
      let cluster = cluster(seed: 1, Self.beginning + [.save])
      cluster.kill(0)
      cluster.hosts[0].disk.die(inOperation: number)
      cluster.start(0)
      cluster.run(milliseconds: 20)
      cluster.kill(0)
      #expect(restarted(cluster) == Self.new, "operation \(number)")
    }
  }

  @Test func `snapshots are written and read whole by a disk that takes and gives little`() {
    let cluster = cluster(seed: 1, Self.beginning)
    cluster.hosts[0].disk.faults.writtenByteCountMax = 7
    cluster.hosts[0].disk.faults.readByteCountMax = 3
    #expect(ask(cluster, [.save]) == .ok)
    cluster.kill(0)
    #expect(restarted(cluster) == Self.new)
  }

  @Test func `the end by SIGTERM keeps everything, also without power afterwards`() {
    let cluster = cluster(seed: 1, Self.beginning)
    cluster.hosts[0].terminate()
    cluster.run { cluster.hosts[0].exitCode != nil }
    cluster.hosts[0].disk.crash(.nothing)
    #expect(restarted(cluster) == Self.new)
  }

  @Test func `a server that dies while a follower gets its snapshot leaves no file behind`() {
    var leftovers = 0
    for number in 1...12 {
      let cluster = cluster(seed: UInt64(number), Self.beginning + [.save])
      let host = cluster.hosts[0]
      cluster.network.faults.socketBufferByteCount = 20
      let follower = host.transport?.connect(fromHost: "follower")
      follower?.send("SYNC\r\n")
      host.disk.die(inOperation: number)
      cluster.run(milliseconds: 50)
      var received = follower?.receive().count ?? 0
      cluster.run(milliseconds: 5)
      received += follower?.receive().count ?? 0
      cluster.kill(0, number % 2 == 0 ? .process : .power, .everything)
      cluster.run(milliseconds: 5)
      received += follower?.receive().count ?? 0
      if number % 2 == 0 { #expect(follower?.isClosed == true) }
      leftovers += host.disk.paths.count - 1
      cluster.network.faults = SimulatedFaults()
      #expect(restarted(cluster) == Self.new, "operation \(number)")
      #expect(host.disk.paths == ["dump.rdb"], "operation \(number)")
    }
    #expect(leftovers > 0, "no death left a file")
  }

  @Test func `a failure in any operation of SYNC ends in an error or a closed connection`() {
    var refusals = 0
    for number in 1...8 {
      let cluster = cluster(seed: UInt64(number), Self.beginning + [.save])
      let host = cluster.hosts[0]
      let follower = host.transport?.connect(fromHost: "follower")
      follower?.send("SYNC\r\n")
      host.disk.fail(inOperation: number)
      cluster.run(milliseconds: 50)
      let text = follower.map { String(decoding: $0.receive(), as: UTF8.self) } ?? ""
      if text.hasPrefix("-") || follower?.isClosed == true { refusals += 1 }
      // What can't be removed now goes at the next start.
      #expect(host.disk.paths.count <= 2, "operation \(number)")
      #expect(ask(cluster, [.read(key: 0)]) == "2", "operation \(number)")
      cluster.kill(0)
      #expect(restarted(cluster) == Self.new, "operation \(number)")
      #expect(host.disk.paths == ["dump.rdb"], "operation \(number)")
    }
    #expect(refusals >= 3)
  }

  /// The commands that write a file in one step, and the file.
  static let rewrites = [("ACL SAVE", "users.acl"), ("CONFIG REWRITE", "memd.conf")]

  @Test(arguments: rewrites)
  func `users and configuration are written whole or not at all`(line: String, path: String) {
    var number = 0
    var isWritten = false
    while !isWritten, number < 50 {
      number += 1
      for style in SimulatedCrash.allCases {
        let server = TestServer(seed: UInt64(number), follows: false) { configuration in
          if path == "users.acl" { configuration.aclFile = path }
          configuration.configFile = "memd.conf"
        }
        server.run(line)
        let old = server.disk.content(of: path)
        server.run("ACL SETUSER alice on >secret +@all ~*")
        server.run("CONFIG SET hz 77")
        server.disk.die(inOperation: number)
        isWritten = server.run(line) == .ok
        server.disk.crash(style)
        let left = server.disk.content(of: path)
        let text = String(decoding: left ?? [], as: UTF8.self)
        let isNew = left != old && text.contains(path == "users.acl" ? "alice" : "hz 77")
        #expect(isNew || (left == old && !isWritten), "operation \(number), \(style): \(text)")
      }
    }
    #expect(isWritten && number >= 6)
  }
}
