// SPDX-License-Identifier: Apache-2.0

import EventLoop

@testable import memd

/// Writes values of all types, whatever comes of it.
final class NoiseClient: ClusterActor {
  private let clock: SimulatedClock
  private let directory: LeaderDirectory
  private var generator: SeededGenerator
  private let pace: ClosedRange<Int64>
  private var connection: SimulatedClient?
  private var host: SimulatedHost?
  private var wakeUp: Int64 = 0
  var isStopped = false

  init(
    _ cluster: SimulatedCluster, _ directory: LeaderDirectory, seed: UInt64,
    pace: ClosedRange<Int64>
  ) {
    clock = cluster.clock
    self.directory = directory
    generator = SeededGenerator(seed: seed)
    self.pace = pace
  }

  private var now: Int64 { clock.monotonicNanoseconds() }

  var nextAction: Int64? { isStopped ? nil : max(now, wakeUp) }

  func act() {
    wakeUp = now + generator.number(in: pace)
    _ = connection?.receive()
    if connection?.isClosed ?? true || host !== directory.leader {
      connection?.close()
      host = directory.leader
      guard let transport = host?.transport, !transport.isFrozen else { return }
      connection = transport.connect(fromHost: "noise")
      connection?.sendAll("SELECT \(generator.number(in: 1...2))\r\n")
    }
    let count = generator.number(in: 1...4)
    var text = ""
    if generator.happens(perMillion: 100_000) {
      text = "MULTI\r\n" + (0..<count).map { _ in makeCommand() }.joined() + "EXEC\r\n"
    } else {
      for _ in 0..<count { text += makeCommand() }
    }
    connection?.sendAll(text)
  }

  private func number(_ limit: Int64) -> Int64 { generator.number(in: 0...limit) }

  private func makeCommand() -> String {
    let key = number(4)
    let value = number(30)
    let command =
      switch number(29) {
      case 0: "INCR n\(key)"
      case 1: "SET s\(key) \(String(repeating: "x", count: Int(number(300)))) PX \(number(900) + 1)"
      case 2: "SET s\(key) \(value)"
      case 3: "HSET h\(key) f\(value) \(value)"
      case 4: "HDEL h\(key) f\(value) f\(value / 2)"
      case 5: "HEXPIRE h\(key) 1 FIELDS 1 f\(value)"
      case 6: "ZADD z\(key) \(value) m\(number(40))"
      case 7: "ZREM z\(key) m\(value)"
      case 8: "ZPOPMIN z\(key) 2"
      case 9: "SADD t\(key) \(value) \(value + 1) a\(value)"
      case 10: "SPOP t\(key) 2"
      case 11: "XADD x\(key) MAXLEN ~ 20 * f \(value)"
      case 12: "XGROUP CREATE x\(key) g $ MKSTREAM"
      case 13: "XREADGROUP GROUP g c COUNT 2 STREAMS x\(key) >"
      case 14: "LPUSH l\(key) \(value) \(value)"
      case 15: "RPOP l\(key)"
      case 16: "LMPOP 2 l\(key) l\(value % 5) LEFT COUNT 2"
      case 17: "DEL s\(key) z\(value % 5)"
      case 18: "PEXPIRE h\(key) \(number(700) + 1)"
      case 19: "PERSIST h\(key)"
      case 20: "SETRANGE s\(key) \(value * 10) yy"
      case 21: "APPEND s\(key) z"
      case 22: "RENAME l\(key) l\(value % 5)"
      case 23: "COPY z\(key) z\(value % 5) REPLACE"
      case 24: "PFADD p\(key) \(value)"
      case 25: "INCRBYFLOAT d\(key) 0.5"
      case 26: "GETEX s\(key) PX \(number(300) + 1)"
      case 27: "SORT t\(key) ALPHA STORE l\(key)"
      case 28: "BLPOP l\(key) 0.01"
      default:
        value == 0
          ? "FLUSHDB"
          : value < 10 ? "PUBLISH c \(value)" : "SMOVE t\(key) t\(value % 5) a\(value)"
      }
    return command + "\r\n"
  }
}
