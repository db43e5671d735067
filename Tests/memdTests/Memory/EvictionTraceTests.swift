// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Testing

@testable import memd

/// Replays a trace on a server that has room for a tenth of the keys, and compares the rate of hits
/// with caches that choose exactly.
@Suite struct EvictionTraceTests {
  @Test(arguments: 1...3 as ClosedRange<UInt64>)
  func `the hit rate of LRU is within a point of exact LRU`(seed: UInt64) {
    let trace = ZipfTrace(keyCount: 5000, exponent: 0.99, length: 30_000, seed: seed)
    let (rate, capacity) = replay(trace, .allKeysLRU)
    let exact = trace.hitRate(ofCacheWith: capacity) { $0.lastUse }
    #expect(abs(rate - exact) < 1, "seed \(seed): \(rate) %, exact \(exact) %, \(capacity) keys")
  }

  @Test(arguments: 1...3 as ClosedRange<UInt64>)
  func `the hit rate of LFU is within a point of exact LFU`(seed: UInt64) {
    let trace = ZipfTrace(keyCount: 5000, exponent: 0.99, length: 30_000, seed: seed)
    let (rate, capacity) = replay(trace, .allKeysLFU)
    let exact = trace.hitRate(ofCacheWith: capacity) { $0.useCount << 32 + $0.lastUse }
    #expect(rate > exact - 1, "seed \(seed): \(rate) %, exact \(exact) %, \(capacity) keys")
  }

  /// Hits in percent during the second half of the trace, and how many keys there was room for.
  private func replay(_ trace: ZipfTrace, _ policy: MaxMemoryPolicy) -> (Double, Int) {
    let server = TestServer(seed: trace.seed, follows: false) {
      $0.maxMemoryPolicy = policy
      $0.maxMemorySamples = 10
      $0.lfuDecayTime = 0
    }
    let value = String(repeating: "v", count: 100)
    let allowance = trace.keyCount / 10
    for key in 0..<allowance { server.run(["SET", "fill:\(100_000 + key)", value]) }
    server.server.configuration.maxMemory = server.server.evictableMemory
    server.run("FLUSHALL SYNC")
    server.server.applyConfiguration()
    var hits = 0
    var keys = 0
    for (index, key) in trace.keys.enumerated() {
      server.clock.advance(milliseconds: 20)
      let name = "key:\(100_000 + key)"
      let counts = index >= trace.keys.count / 2
      if server.run(["GET", name]) == .null {
        server.run(["SET", name, value])
      } else if counts {
        hits += 1
      }
      if counts { keys += server.server.keyspace.keyCount }
    }
    let counted = trace.keys.count - trace.keys.count / 2
    return (Double(hits) * 100 / Double(counted), keys / counted)
  }
}

/// Requests for keys whose popularity falls with a power of their rank.
struct ZipfTrace {
  let seed: UInt64
  let keyCount: Int
  private(set) var keys: [Int] = []

  init(keyCount: Int, exponent: Double, length: Int, seed: UInt64) {
    self.seed = seed
    self.keyCount = keyCount
    var random = RandomGenerator(seed: seed)
    var sums: [Double] = []
    var total = 0.0
    for rank in 1...keyCount {
      total += ZipfTrace.power(Double(rank), -exponent)
      sums.append(total)
    }
    for _ in 0..<length {
      let draw = Double(random.next() >> 11) * 0x1p-53 * total
      var low = 0
      var high = keyCount - 1
      while low < high {
        let middle = (low + high) / 2
        if sums[middle] < draw { low = middle + 1 } else { high = middle }
      }
      keys.append(low)
    }
  }

  /// What a cache knows of a key that it holds.
  struct Use {
    var lastUse: Int
    var useCount: Int
  }

  /// Hits in percent during the second half, in a cache that evicts the key with the least `worth`.
  func hitRate(ofCacheWith capacity: Int, worth: (Use) -> Int) -> Double {
    var held: [Int: Use] = [:]
    var hits = 0
    for (index, key) in keys.enumerated() {
      if var use = held[key] {
        if index >= keys.count / 2 { hits += 1 }
        use.lastUse = index
        use.useCount += 1
        held[key] = use
        continue
      }
      if held.count >= capacity, let worst = held.min(by: { worth($0.value) < worth($1.value) }) {
        held[worst.key] = nil
      }
      held[key] = Use(lastUse: index, useCount: 1)
    }
    return Double(hits) * 100 / Double(keys.count - keys.count / 2)
  }

  /// `base` to the power of `exponent`, for positive bases; no other mathematics is needed.
  private static func power(_ base: Double, _ exponent: Double) -> Double {
    // The logarithm by its series around 1 after halving, the exponential by squaring.
    var mantissa = base
    var logarithm = 0.0
    while mantissa > 1.5 {
      mantissa /= 2
      logarithm += 0.693_147_180_559_945_3
    }
    let ratio = (mantissa - 1) / (mantissa + 1)
    var term = ratio
    for step in 0..<20 {
      logarithm += 2 * term / Double(2 * step + 1)
      term *= ratio * ratio
    }
    var result = 1.0
    let part = logarithm * exponent / 1024
    var summand = 1.0
    for step in 1..<20 {
      summand *= part / Double(step)
      result += summand
    }
    for _ in 0..<10 { result *= result }
    return result
  }
}
