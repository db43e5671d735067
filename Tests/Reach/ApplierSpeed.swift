// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Glibc
import RESP

@testable import memd

/// Compares the time in which a follower applies a leader's stream with the time in which the
/// leader makes it. Both run in process, without a kernel between them: for the leader that is the
/// hardest comparison.
enum ApplierSpeed {
  private static let keyCount = 1_000_000
  private static let requestsPerTurn = 500

  /// What leaders do, one request of each.
  private static let workloads:
    [(name: String, words: @Sendable (inout RandomGenerator) -> [String])] = [
      ("SET", { ["SET", key(&$0), "value:\($0.next() % 1_000_000_000)"] }),
      ("SET EX", { ["SET", key(&$0), "value:\($0.next() % 1_000_000_000)", "EX", "1000"] }),
      ("INCR", { ["INCR", "counter:\($0.next() % 1_000_000)"] }),
      ("HSET", { ["HSET", "hash:\($0.next() % 100_000)", "field:\($0.next() % 8)", "value"] }),
      ("LPUSH", { ["LPUSH", "list:\($0.next() % 1000)", "element:\($0.next() % 1000)"] }),
      ("SADD", { ["SADD", "set:\($0.next() % 1000)", "member:\($0.next() % 1000)"] }),
      (
        "ZADD",
        { ["ZADD", "board", "\($0.next() % 1_000_000)", "player:\($0.next() % 1_000_000)"] }
      ),
      ("XADD", { ["XADD", "stream:\($0.next() % 100)", "*", "field", "value"] }),
      ("DEL", { ["DEL", key(&$0)] }),
    ]

  private static func key(_ random: inout RandomGenerator) -> String {
    "key:\(random.next() % UInt64(keyCount))"
  }

  /// Prints nanoseconds per request for both.
  static func run(requests: Int) -> Int32 {
    let leader = server(seed: 1)
    let follower = server(seed: 2)
    let cursor = leader.server.effects.stream.makeCursor()
    let applier = StreamApplier(server: follower.server)
    let client = leader.transport.connect()
    leader.server.turn()
    var random = RandomGenerator(seed: 7)
    print("workload  leader ns  follower ns  ratio")
    for workload in workloads {
      var leaderNanoseconds = 0
      var followerNanoseconds = 0
      for _ in 0..<max(1, requests / requestsPerTurn) {
        var bytes: [UInt8] = []
        for _ in 0..<requestsPerTurn { append(workload.words(&random), to: &bytes) }
        client.send(bytes)
        leaderNanoseconds += nanoseconds { leader.server.turn() }
        _ = client.receive()
        follower.server.renewMoment(ticks: 0)
        let stream = leader.server.effects.stream
        let before = cursor.position
        followerNanoseconds += nanoseconds {
          var position = cursor.position
          while position < stream.offset {
            let part = stream.bytes(behind: position)
            try? applier.apply(part)
            position += part.byteCount
          }
        }
        cursor.advance(stream.offset - before)
        if let failure = applier.failure {
          print("\(workload.name): \(failure)")
          return 1
        }
      }
      show(workload.name, leaderNanoseconds / requests, followerNanoseconds / requests)
    }
    return DatasetDigest(leader.server.keyspace).text
      == DatasetDigest(follower.server.keyspace).text ? 0 : 1
  }

  private static func show(_ name: String, _ leader: Int, _ follower: Int) {
    let ratio = Double(Int(Double(follower) / Double(max(1, leader)) * 100)) / 100
    func column(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    print(
      name + column(String(leader), 19 - name.count) + column(String(follower), 13)
        + column(String(ratio), 7))
  }

  private static func server(seed: UInt64) -> (server: Server, transport: SimulatedTransport) {
    let clock = SimulatedClock()
    let transport = SimulatedTransport(clock: clock, seed: seed)
    transport.network.faults.socketBufferByteCount = 64 << 20
    let world = World(
      clock: clock, transport: transport, disk: SimulatedDisk(seed: seed, clock: clock),
      helpers: SimulatedHelpers(transport: transport, seed: seed), seed: seed, secretWord: { 4 })
    let configuration = Configuration()
    configuration.enableDebugCommand = .yes
    let server = Server(configuration: configuration, world: world, log: Log())
    _ = try? transport.listen(
      on: .internet(host: "127.0.0.1", port: 6379, isOptional: false), backlog: 16)
    return (server, transport)
  }

  private static func append(_ words: [String], to bytes: inout [UInt8]) {
    bytes += Array("*\(words.count)\r\n".utf8)
    for word in words { bytes += Array("$\(word.utf8.count)\r\n\(word)\r\n".utf8) }
  }

  /// How much time of the processor this takes.
  private static func nanoseconds(_ body: () -> Void) -> Int {
    let start = now()
    body()
    return now() - start
  }

  private static func now() -> Int {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}
