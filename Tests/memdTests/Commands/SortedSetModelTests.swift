// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import memd

/// Random commands on sorted sets of both forms must reply what a sorted array says.
@Suite struct SortedSetModelTests {
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func `random commands reply what the model says`(seed: UInt64) {
    var random = RandomGenerator(seed: seed)
    // Small limits: sets change their form all the time. The second server has large forms only.
    let packing = SortedSetModelTests.server(packing: 12)
    let large = SortedSetModelTests.server(packing: 0)
    var model = Model()
    for step in 0..<1500 {
      let (words, expected) = model.step(using: &random)
      let line = words.joined(separator: " ")
      #expect(packing.run(words) == expected, "seed \(seed), step \(step): \(line)")
      #expect(large.run(words) == expected, "seed \(seed), step \(step), large: \(line)")
      guard step % 100 == 99 else { continue }
      #expect(packing.run("DEBUG DIGEST-VALUE z") == large.run("DEBUG DIGEST-VALUE z"))
      #expect(packing.run("COPY z copy REPLACE") == large.run("COPY z copy REPLACE"))
      #expect(packing.run("ZRANGE copy 0 -1 WITHSCORES") == model.reply(model.pairs, true))
    }
  }

  /// A server that packs sorted sets of up to `limit` members.
  private static func server(packing limit: Int) -> TestServer {
    TestServer(follows: limit > 0) {
      $0.zsetMaxListpackEntries = limit
      $0.enableDebugCommand = .yes
    }
  }

  /// A sorted set as an array in order.
  private struct Model {
    struct Pair {
      var score: Double
      var member: String
    }

    var pairs: [Pair] = []

    private func index(of member: String) -> Int? {
      pairs.firstIndex { $0.member == member }
    }

    private mutating func put(_ member: String, _ score: Double) {
      if let index = index(of: member) { pairs.remove(at: index) }
      let place =
        pairs.firstIndex {
          $0.score > score
            || $0.score == score && member.utf8.lexicographicallyPrecedes($0.member.utf8)
        } ?? pairs.count
      pairs.insert(Pair(score: score, member: member), at: place)
    }

    func reply(_ pairs: some Sequence<Pair>, _ withScores: Bool) -> Reply {
      .array(
        pairs.flatMap { pair -> [Reply] in
          withScores ? [.bulk(pair.member), Model.text(pair.score)] : [.bulk(pair.member)]
        })
    }

    private static func text(_ score: Double) -> Reply {
      // All scores of this test are quarters: they print in full.
      score == score.rounded() ? .bulk("\(Int(score))") : .bulk("\(score)")
    }

    private static func member(_ random: inout RandomGenerator) -> String {
      let number = random.next(below: 40)
      return number % 3 == 0 ? "\(number * 1000 - 5000)" : "m\(number)"
    }

    private static func score(_ random: inout RandomGenerator) -> Double {
      Double(random.next(below: 41) - 20) / 4
    }

    /// A command, and the reply that it must get.
    mutating func step(using random: inout RandomGenerator) -> ([String], Reply) {
      let member = Model.member(&random)
      let score = Model.score(&random)
      let text = Model.text(score).text
      switch random.next(below: 16) {
      case 0, 1, 2, 3: return add(member, score, &random)
      case 4:
        let sum = score + (index(of: member).map { pairs[$0].score } ?? 0)
        put(member, sum)
        return (["ZINCRBY", "z", text, member], Model.text(sum))
      case 5:
        guard let index = index(of: member) else { return (["ZREM", "z", member], 0) }
        pairs.remove(at: index)
        return (["ZREM", "z", member, "none"], 1)
      case 6:
        guard let index = index(of: member) else { return (["ZRANK", "z", member], nil) }
        return (["ZRANK", "z", member], .integer(index))
      case 7:
        guard let index = index(of: member) else { return (["ZREVRANK", "z", member], nil) }
        return (["ZREVRANK", "z", member], .integer(pairs.count - 1 - index))
      case 8:
        let score = index(of: member).map { Model.text(pairs[$0].score) }
        return (["ZSCORE", "z", member], score ?? nil)
      case 9: return (["ZCARD", "z"], .integer(pairs.count))
      default: return range(&random)
      }
    }

    private mutating func add(
      _ member: String, _ score: Double, _ random: inout RandomGenerator
    ) -> ([String], Reply) {
      let option = ["", "NX", "XX", "GT", "LT"][random.next(below: 5)]
      let words = ["ZADD", "z"] + (option.isEmpty ? [] : [option])
      let old = index(of: member).map { pairs[$0].score }
      let isAllowed =
        switch (option, old) {
        case ("NX", .some), ("XX", .none): false
        case ("GT", .some(let old)): score > old
        case ("LT", .some(let old)): score < old
        default: true
        }
      if isAllowed { put(member, score) }
      let isChange = isAllowed && old != score
      let counts = random.next(below: 2) == 0
      return (
        words + (counts ? ["CH"] : []) + [Model.text(score).text, member],
        .integer((counts ? isChange : isAllowed && old == nil) ? 1 : 0)
      )
    }

    private mutating func range(_ random: inout RandomGenerator) -> ([String], Reply) {
      let low = Model.score(&random)
      let high = low + Double(random.next(below: 8)) / 4
      let (lowText, highText) = (Model.text(low).text, Model.text(high).text)
      let excludes = random.next(below: 2) == 0
      let found = pairs.filter {
        excludes ? $0.score > low && $0.score <= high : low...high ~= $0.score
      }
      let minimum = excludes ? "(" + lowText : lowText
      let start = random.next(below: 30) - 15
      let stop = start + random.next(below: 12) - 2
      let count = pairs.count
      let first = max(0, start < 0 ? start + count : start)
      let last = min(count - 1, stop < 0 ? stop + count : stop)
      let ranks = first <= last ? first..<last + 1 : 0..<0
      switch random.next(below: 8) {
      case 0: return (["ZCOUNT", "z", minimum, highText], .integer(found.count))
      case 1:
        return (
          ["ZRANGE", "z", minimum, highText, "BYSCORE", "WITHSCORES"], reply(found, true)
        )
      case 2:
        return (
          ["ZREVRANGEBYSCORE", "z", highText, minimum, "LIMIT", "1", "2"],
          reply(found.reversed().dropFirst().prefix(2), false)
        )
      case 3:
        return (["ZRANGE", "z", "\(start)", "\(stop)"], reply(pairs[ranks], false))
      case 4:
        let reversed = Array(pairs.reversed())
        return (
          ["ZREVRANGE", "z", "\(start)", "\(stop)", "WITHSCORES"], reply(reversed[ranks], true)
        )
      case 5 where random.next(below: 3) == 0:
        pairs.removeAll { pair in found.contains { $0.member == pair.member } }
        return (["ZREMRANGEBYSCORE", "z", minimum, highText], .integer(found.count))
      case 6 where random.next(below: 3) == 0:
        pairs.removeSubrange(ranks)
        return (["ZREMRANGEBYRANK", "z", "\(start)", "\(stop)"], .integer(ranks.count))
      default:
        let isLowest = random.next(below: 2) == 0
        guard let popped = isLowest ? pairs.first : pairs.last else {
          return (["ZPOPMIN", "z"], [])
        }
        if isLowest { pairs.removeFirst() } else { pairs.removeLast() }
        return ([isLowest ? "ZPOPMIN" : "ZPOPMAX", "z"], reply([popped], true))
      }
    }
  }
}
