// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

/// However a large collection goes, the command that removes it frees a little, and so does every
/// slice afterwards.
@Suite struct FreeingTests {
  /// What a command may free itself: 64 elements, or the blocks that count as many.
  private static let commandByteCountMax = 80_000
  /// What a slice of 128 elements may free: 16 blocks of lists have 8 KB each.
  private static let sliceByteCountMax = 160_000

  private static let count = 30_000

  /// Requests that fill the key `big`, a hundred elements each.
  private static func filling(_ type: String) -> [[String]] {
    stride(from: 0, to: count, by: 100).flatMap { first -> [[String]] in
      let numbers = first..<first + 100
      switch type {
      case "list": return [["RPUSH", "big"] + numbers.map { "item:\($0):0123456789" }]
      case "set": return [["SADD", "big"] + numbers.map { "member:\($0):0123456789" }]
      case "hash": return [["HSET", "big"] + numbers.flatMap { ["field:\($0)", "value:\($0)"] }]
      case "zset":
        return [["ZADD", "big"] + numbers.flatMap { ["\($0 * 7919 % 1009)", "m:\($0)"] }]
      default: return numbers.map { ["XADD", "big", "*", "field", "value:\($0):0123456789"] }
      }
    }
  }

  private static func filled(_ type: String) -> TestServer {
    let server = TestServer(follows: false) { $0.enableDebugCommand = .yes }
    server.run("SADD small a b c")
    server.run("RPUSH other x")
    server.runAll(filling(type))
    return server
  }

  /// Frees what is left, slice by slice; returns how many bytes were in use for it.
  private func drain(_ server: TestServer, _ what: String) -> Int {
    let allocator = server.server.allocator
    let start = allocator.bytesInUse
    var isUnfinished = true
    while isUnfinished {
      let before = allocator.bytesInUse
      isUnfinished = server.server.keyspace.unlinked.free(upTo: 128)
      let freed = before - allocator.bytesInUse
      #expect(freed <= FreeingTests.sliceByteCountMax, "\(what): a slice of \(freed)")
      if freed > FreeingTests.sliceByteCountMax { return start - allocator.bytesInUse }
    }
    return start - allocator.bytesInUse
  }

  @Test(
    arguments: ["list", "set", "hash", "zset", "stream"],
    [
      "DEL big", "UNLINK big", "SET big 1", "RENAME other big", "SUNIONSTORE big small",
      "COPY small big REPLACE", "SORT other ALPHA STORE big", "FLUSHALL ASYNC", "FLUSHDB ASYNC",
      "GET big",
    ])
  func `a large collection goes in slices, whatever removes it`(_ type: String, _ way: String) {
    let server = FreeingTests.filled(type)
    let allocator = server.server.allocator
    if way == "GET big" {
      // Whoever looks for a key that is due removes it.
      server.run("DEBUG SET-ACTIVE-EXPIRE 0")
      server.run("PEXPIRE big 5")
      server.advance(milliseconds: 10)
    }
    let before = allocator.bytesInUse
    let reply = server.run(way)
    let atOnce = before - allocator.bytesInUse
    #expect(!reply.isError, "\(reply)")
    #expect(atOnce <= FreeingTests.commandByteCountMax, "\(way) of a \(type) freed \(atOnce)")
    let freed = drain(server, "\(way) of a \(type)")
    #expect(freed > 400_000, "\(way) of a \(type) left only \(freed)")
  }

  @Test func `many collections of some hundred members are freed a few per slice`() {
    let server = TestServer(follows: false)
    for key in 0..<300 {
      server.run(["SADD", "s\(key)"] + (0..<200).map { "member:\($0):\(key)" })
      server.run(["RPUSH", "l\(key)"] + (0..<50).map { "\($0):0123456789012345678901234567890" })
    }
    server.run("FLUSHALL ASYNC")
    #expect(drain(server, "FLUSHALL") > 1_500_000)
  }

  @Test func `a trimmed stream leaves its blocks to be freed later`() {
    let server = FreeingTests.filled("stream")
    let allocator = server.server.allocator
    for options in ["MAXLEN 20000", "MAXLEN ~ 15000", "MINID ~ 1", "MAXLEN 10"] {
      let before = allocator.bytesInUse
      #expect(!server.run("XTRIM big \(options)").isError)
      #expect(before - allocator.bytesInUse <= FreeingTests.commandByteCountMax, "\(options)")
      _ = drain(server, options)
    }
    #expect(server.run("XLEN big") == 10)
  }

  @Test func `a destroyed group leaves its pending entries to be freed later`() {
    let server = FreeingTests.filled("stream")
    let allocator = server.server.allocator
    server.run("XGROUP CREATE big g 0")
    server.run("XREADGROUP GROUP g c COUNT 1000 STREAMS big >")
    for _ in 1..<30 { server.run("XREADGROUP GROUP g c2 COUNT 1000 STREAMS big >") }
    let before = allocator.bytesInUse
    #expect(server.run("XGROUP DESTROY big g") == 1)
    #expect(before - allocator.bytesInUse <= FreeingTests.commandByteCountMax)
    #expect(drain(server, "XGROUP DESTROY") > 1_000_000)
    #expect(server.run("XINFO GROUPS big") == .array([]))
    #expect(server.run("XLEN big").number == FreeingTests.count)
  }

  @Test func `a trimmed list leaves its blocks to be freed later`() {
    let server = FreeingTests.filled("list")
    let allocator = server.server.allocator
    let before = allocator.bytesInUse
    server.run("LTRIM big 10 19")
    #expect(before - allocator.bytesInUse <= FreeingTests.commandByteCountMax)
    #expect(drain(server, "LTRIM") > 300_000)
  }

  @Test(arguments: [0, 50, 100])
  func `a sorted set that is cut to a few members leaves the others to be freed later`(
    _ first: Int
  ) {
    let server = FreeingTests.filled("zset")
    let lowest = server.run("ZRANGE big 0 99 WITHSCORES").elements.prefix(2 * first)
    let highest = server.run("ZRANGE big -100 -1 WITHSCORES").elements.suffix(200 - 2 * first)
    let command = "ZREMRANGEBYRANK big \(first) \(first - 101)"
    let allocator = server.server.allocator
    let before = allocator.bytesInUse
    #expect(server.run(command).number == FreeingTests.count - 100)
    #expect(before - allocator.bytesInUse <= FreeingTests.commandByteCountMax)
    #expect(drain(server, command) > 700_000)
    #expect(server.run("ZRANGE big 0 -1 WITHSCORES") == .array(Array(lowest + highest)))
    #expect(server.run("OBJECT ENCODING big") == "skiplist")
    server.run("ZADD big 5 m:new")
    #expect(server.run("ZCARD big") == 101)
  }

  @Test func `a union that is only replied is freed in slices`() {
    let server = FreeingTests.filled("zset")
    let allocator = server.server.allocator
    let before = allocator.bytesInUse
    server.client.send(["ZUNION", "1", "big"])
    server.turn()
    #expect(allocator.bytesInUse - before > 700_000)
    #expect(drain(server, "ZUNION") > 700_000)
  }
}
