// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Glibc
import Testing

@testable import memd

// In Swift an integer that overflows, or an index out of range, ends the process: a client that
// finds one such place can kill the server with all its data. So every command is sent numbers that
// no honest client sends, wherever its syntax has a number, and every option twice.
//
// A trap ends the test run. The backtrace names the handler; with MEMD_TRACE=1 in the environment
// the last request on standard error is the guilty one.

@Suite struct HostileIntegersTests {
  static let hostileNumbers = [
    "-9223372036854775808", "9223372036854775807", "-9223372036854775809", "-1", "0",
    "4294967296", "12345678901234567890", "nan", "",
  ]

  /// What these do to the process or to every client is their purpose.
  static let excluded = [
    "shutdown": "ends the process",
    "debug": "crashes, sleeps and restarts on demand",
    "debug|segfault": "crashes", "debug|panic": "crashes", "debug|oom": "crashes",
    "debug|restart": "restarts", "debug|crash-and-recover": "restarts",
    "debug|sleep": "sleeps",
    "client|pause": "holds every client back",
    "failover": "holds every client back",
    "replicaof": "gives the data up", "slaveof": "gives the data up",
  ]

  /// These may leave a request without a reply of its own.
  static let silent = [
    "client|reply": "its purpose", "client|kill": "may end its own connection",
    "wait": "waits for followers", "monitor": "streams", "sync": "streams", "psync": "streams",
    "subscribe": "pushes", "psubscribe": "pushes", "ssubscribe": "pushes",
    "unsubscribe": "pushes", "punsubscribe": "pushes", "sunsubscribe": "pushes",
  ]

  static let commands = CommandTable().descriptions.filter {
    $0.subcommands.isEmpty && excluded[$0.fullName] == nil
  }.map(\.fullName)

  @Test(arguments: commands) func `hostile numbers and doubled options are survived`(_ name: String)
    throws
  {
    let table = CommandTable()
    let description = try #require(table.descriptions.first { $0.fullName == name })
    let mayBeSilent =
      Self.silent[name] != nil || description.command.flags.contains(.blocking)
    let server = TestServer(follows: false) { $0.databases = 4 }
    for key in Self.keys(of: description) {
      for shape in RequestShapes.of(description, key: key) {
        Self.fill(server)
        let client = server.connect()
        for request in Self.requests(shape) {
          Self.trace(request)
          let reply = client.run(request)
          if !mayBeSilent {
            #expect(reply != .error("no reply"), "\(request) was not answered")
          }
        }
        client.connection.close()
        server.turn()
      }
    }
    #expect(server.connect().run("PING") == .status("PONG"), "the server does not answer")
  }

  /// A request as it is meant, then with every hostile number at every position and at all.
  private static func requests(_ shape: [RequestShapes.Word]) -> [[String]] {
    let words = shape.map(\.text)
    let positions = shape.indices.filter { shape[$0].isNumber }
    var requests = [words]
    for number in hostileNumbers {
      for position in positions {
        var request = words
        request[position] = number
        requests.append(request)
      }
      if positions.count > 1 {
        requests.append(shape.map { $0.isNumber ? number : $0.text })
      }
    }
    return requests
  }

  /// Keys of the types that the command may work on, and one that is missing.
  private static func keys(of description: CommandTable.Description) -> [String] {
    if description.command.keys.isEmpty { return ["missing"] }
    switch description.group {
    case .string, .bitmap: return ["number", "maximum", "text", "missing"]
    case .list: return ["list", "missing"]
    case .hash: return ["hash", "missing"]
    case .set: return ["set", "missing"]
    case .sortedSet: return ["sorted-set", "missing"]
    case .geo: return ["places", "missing"]
    case .stream: return ["stream", "missing"]
    case .hyperloglog: return ["sketch", "missing"]
    default: return ["number", "list", "hash", "sorted-set", "stream", "missing"]
    }
  }

  /// Makes the keys what they are called; commands that are not there yet leave theirs missing.
  private static func fill(_ server: TestServer) {
    server.client.run("FLUSHALL")
    for line in [
      "SET number 10", "SET maximum 9223372036854775807", "SET text value",
      "RPUSH list element a b c", "HSET hash field 9223372036854775807 other value",
      "SADD set member a 1", "ZADD sorted-set 1 member 1.5 a inf b",
      "GEOADD places 13.36 38.11 member 15.08 37.50 a", "PFADD sketch a b c",
      "XADD stream 1-1 field value", "XGROUP CREATE stream group 0",
      "XREADGROUP GROUP group consumer STREAMS stream >",
    ] { server.client.run(line) }
  }

  private static func trace(_ request: [String]) {
    guard unsafe getenv("MEMD_TRACE") != nil else { return }
    let line = request.map { "[\($0)]" }.joined(separator: " ") + "\n"
    _ = unsafe line.withCString { unsafe write(2, $0, strlen($0)) }
  }
}
