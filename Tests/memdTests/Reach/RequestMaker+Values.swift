// SPDX-License-Identifier: Apache-2.0

import DataStructures

@testable import memd

// Where the words of requests come from, by what they are about.

extension RequestMaker {
  /// A word for an element; `key` is the last key that the request has named.
  mutating func value(
    of element: SyntaxElement, _ draft: RequestDraft, near key: [UInt8]
  ) -> [UInt8] {
    switch element.meaning {
    case .value, .currentValue, .digest, .payload, .member:
      return content(element.meaning, draft, key)
    case .streamID, .streamReadID, .group, .consumer, .idleTime, .threshold, .counter,
      .streamStart, .streamEnd, .block:
      return streamWord(element.meaning, draft, key)
    case .seconds, .milliseconds, .unixSeconds, .unixMilliseconds, .restoreTTL, .timeout, .pause:
      return timeWord(element.meaning)
    case .rangeStart, .rangeStop, .scoreMin, .scoreMax, .alphabetMin, .alphabetMax:
      return bound(element.meaning, draft)
    case .longitude, .latitude, .distance, .score, .number, .fraction, .index, .count, .offset,
      .bit, .bitOffset, .encoding:
      return numberWord(element.meaning)
    case .script, .scriptDigest, .libraryCode, .libraryName, .functionName, .libraryPayload:
      return scriptWord(element.meaning)
    default: return Array(sessionWord(element, draft).utf8)
    }
  }

  // MARK: - Contents

  private mutating func content(
    _ meaning: ArgumentMeaning, _ draft: RequestDraft, _ key: [UInt8]
  ) -> [UInt8] {
    switch meaning {
    case .currentValue:
      if dice.happens(70), let text = view.text(of: key, in: draft.database) { return text }
      return text()
    case .digest:
      if dice.happens(70), let text = view.text(of: key, in: draft.database) {
        let digits = String(XXH3.hash64(text.rawSpan), radix: 16)
        return Array((String(repeating: "0", count: 16 - digits.utf8.count) + digits).utf8)
      }
      return Array("0123456789abcdef".utf8)
    case .payload: return payload()
    case .member: return member(draft.memberCount)
    default: return text(isOneOfMany: draft.memberCount > 100)
    }
  }

  private mutating func member(_ count: Int) -> [UInt8] {
    switch dice.below(40) {
    case 0: return Array(repeating: UInt8(ascii: "m"), count: 70)
    case 1: return count < 100 ? Array(repeating: UInt8(ascii: "e"), count: 9000) : [0xFF, 0]
    case 2: return []
    case 3..<18: return Array(String(dice.below(count)).utf8)
    default: return Array("m\(dice.below(count))".utf8)
    }
  }

  private mutating func text(isOneOfMany: Bool = false) -> [UInt8] {
    switch dice.below(24) {
    case 0..<9: return Array(String(dice.number(-20...1000)).utf8)
    case 9: return []
    case 10: return Array("3.25".utf8)
    case 11: return Array("9223372036854775807".utf8)
    case 12, 13: return Array(repeating: UInt8(ascii: "v"), count: dice.number(40...300))
    case 14 where !isOneOfMany:
      return Array(repeating: UInt8(ascii: "w"), count: dice.number(3000...9000))
    case 15 where isLavish && !isOneOfMany:
      return Array(repeating: UInt8(ascii: "x"), count: 66_000)
    case 16: return [0, 255, 128, 13, 10]
    default: return Array("text\(dice.below(30))".utf8)
    }
  }

  private mutating func payload() -> [UInt8] {
    guard !payloads.isEmpty else { return text() }
    var payload = dice.pick(payloads)
    if dice.happens(8), payload.count > 10 {
      payload[dice.below(payload.count)] ^= UInt8(1 << dice.below(8))
    }
    return payload
  }

  // MARK: - Numbers

  private mutating func numberWord(_ meaning: ArgumentMeaning) -> [UInt8] {
    let text: String =
      switch meaning {
      case .longitude: "\(Double(dice.number(-17999...17999)) / 100)"
      case .latitude: "\(Double(dice.number(-8500...8500)) / 100)"
      case .distance: dice.pick(["1", "500", "5000", "20000"])
      case .score: dice.pick(["0", "1", "2", "2.5", "-3", "inf", "-inf", "100", "7"])
      case .fraction: dice.pick(["0", "1", "2", "0.5", "-1.25", "3", "1e3"])
      case .count: dice.pick(["0", "1", "1", "2", "3", "5", "10", "100", "1000", "-1", "-3"])
      case .index: dice.pick(["0", "1", "2", "-1", "-2", "5", "10", "-100", "100"])
      case .offset: dice.pick(["0", "1", "7", "8", "100", "2000", "30000"])
      case .bit: dice.pick(["0", "1"])
      case .bitOffset: dice.pick(["0", "1", "7", "#0", "#1", "#9", "100", "4000"])
      case .encoding: dice.pick(["u8", "i8", "u4", "i5", "u63", "i64", "u1", "u16", "i32"])
      default: String(dice.number(-5...40))
      }
    return Array(text.utf8)
  }

  private mutating func bound(_ meaning: ArgumentMeaning, _ draft: RequestDraft) -> [UInt8] {
    var style = draft.rangeStyle
    if [.scoreMin, .scoreMax].contains(meaning) { style = 1 }
    if [.alphabetMin, .alphabetMax].contains(meaning) { style = 2 }
    let isStart = [.rangeStart, .scoreMin, .alphabetMin].contains(meaning)
    let texts =
      switch style {
      case 0: isStart ? ["0", "0", "1", "-3", "2"] : ["-1", "-1", "1", "5", "-2", "100"]
      case 1: isStart ? ["-inf", "0", "(1", "1", "-5"] : ["+inf", "inf", "2", "(7", "100"]
      default: isStart ? ["-", "[m1", "(1", "[", "-"] : ["+", "[m5", "(z", "[9", "+"]
      }
    return Array(dice.pick(texts).utf8)
  }

  // MARK: - Times

  private mutating func timeWord(_ meaning: ArgumentMeaning) -> [UInt8] {
    let now = Int(view.server.moment.milliseconds)
    let text: String =
      switch meaning {
      case .seconds: dice.pick(["1", "1", "2", "3", "10", "1000", "100000"])
      case .milliseconds:
        String(dice.happens(80) ? dice.number(1...400) : dice.number(1000...100_000_000))
      case .unixSeconds:
        String(now / 1000 + dice.pick([-1, 0, 1, 1, 2, 5, 1000]))
      case .unixMilliseconds:
        String(now + dice.pick([-5, 0, 1, 2, 10, 50, 200, 3000, 100_000]))
      case .restoreTTL: dice.pick(["0", "0", "0", "20", "500"])
      case .pause: String(dice.number(0...30))
      // Now and then without end: somebody else has to wake that client up.
      default: dice.pick(["0.001", "0.01", "0.05", "0.1", "0.3", "0"])
      }
    return Array(text.utf8)
  }

  // MARK: - Streams

  private mutating func streamWord(
    _ meaning: ArgumentMeaning, _ draft: RequestDraft, _ key: [UInt8]
  ) -> [UInt8] {
    switch meaning {
    case .group: return Array("g\(dice.number(1...2))".utf8)
    case .consumer: return Array("c\(dice.number(1...3))".utf8)
    case .idleTime: return Array(dice.pick(["0", "0", "0", "5", "100"]).utf8)
    case .counter: return Array(dice.pick(["-1", "0", "1", "3", "10", "100"]).utf8)
    case .block: return Array(dice.pick(["1", "10", "50", "200", "0"]).utf8)
    case .threshold:
      if dice.happens(60) { return Array(dice.pick(["0", "1", "2", "5", "20"]).utf8) }
    case .streamStart:
      let draw = dice.below(10)
      if draw < 5 { return [UInt8(ascii: "-")] }
      if draw < 6 { return Array("(1-0".utf8) }
    case .streamEnd: if dice.happens(50) { return [UInt8(ascii: "+")] }
    case .streamReadID:
      let draw = dice.below(10)
      if draw < 3 { return [UInt8(ascii: "0")] }
      if draw < 5 { return [UInt8(ascii: "$")] }
      if draw < 8 { return [UInt8(ascii: ">")] }
    default: break
    }
    if dice.happens(70),
      var id = view.streamID(of: key, in: draft.database, &dice)
    {
      if draft.syntax.name == "xadd" || draft.syntax.name == "xsetid" || dice.happens(10) {
        id = id.successor ?? id
      }
      return Array("\(id.milliseconds)-\(id.sequence)".utf8)
    }
    return Array("\(dice.number(1...9))-\(dice.below(3))".utf8)
  }

  // MARK: - Sessions

  private mutating func sessionWord(_ element: SyntaxElement, _ draft: RequestDraft) -> String {
    switch element.meaning {
    case .cursor:
      return dice.happens(50) ? "0" : String(decoding: cursor, as: UTF8.self)
    case .pattern: return dice.pick(["*", "m*", "k?", "[a-m]*", "*1*", "k*", "c*", "nothing"])
    case .typeName: return dice.pick(["string", "list", "set", "zset", "hash", "stream"])
    case .database: return String(dice.pick([0, 0, 0, 1, 2, 3]))
    case .client: return String(dice.pick(view.server.clients.all.map(\.id) + [1]))
    case .address: return dice.pick(view.server.clients.all.map(\.address) + ["127.0.0.1:1"])
    case .user: return dice.pick(["u1", "u2", "u3"])
    case .password: return dice.pick(["pw", "pw", "other"])
    case .accessRule:
      return dice.pick([
        "on", "off", "nopass", ">pw", "<pw", "~k*", "~*", "%R~k1*", "%W~k*", "&c*", "+@all",
        "-@write", "+get", "+set", "allkeys", "allcommands", "reset", "resetkeys",
        "(+get ~k1)", "clearselectors", "-debug", "+config|get", "resetchannels",
      ])
    case .category: return dice.pick(["read", "write", "set", "sortedset", "dangerous", "fast"])
    case .yesOrNo: return dice.pick(["yes", "no"])
    case .channel: return "c\(dice.below(4))"
    case .section:
      return dice.pick(["all", "memory", "stats", "commandstats", "keyspace", "everything"])
    case .commandName: return dice.pick(["get", "set", "zadd", "config|get", "xreadgroup"])
    case .commandWord: return dice.pick(["get", "k1", "set", "v"])
    case .event: return dice.pick(["command", "expire-cycle", "fast-command"])
    case .bitOperation:
      return dice.pick(["AND", "OR", "XOR", "NOT", "NOT", "DIFF", "DIFF1", "ANDOR", "ONE"])
    case .sketchOperation: return dice.pick(["ENCODING", "DECODE", "GETREG", "TODENSE", "SIMD"])
    case .protocolVersion: return dice.pick(["2", "3", "3"])
    case .nodeWord: return String(repeating: "a", count: 40)
    default: return dice.pick(["word", "k1", "m1", "10", "text"])
    }
  }

  // MARK: - What no honest client sends

  mutating func hostileWord(for element: SyntaxElement) -> [UInt8] {
    let texts: [String]
    switch element.meaning {
    // Some replies grow with the number that is asked for, and have no bound of their own.
    case .count: texts = ["-1000", "65536", "9999999999999999999", "", "x"]
    case .pause: texts = ["-1", "x", "", "1e3"]
    // Nobody changes the user that everybody needs.
    case .user: texts = ["nobody", "", "u9"]
    default:
      texts = [
        "-9223372036854775808", "9223372036854775807", "-9223372036854775809", "-1", "0",
        "4294967296", "12345678901234567890", "nan", "", "-inf", "1e308", " 1", "0x10", "$", ">",
        "*", "LIMIT", "k1",
      ]
    }
    return Array(dice.pick(texts).utf8)
  }
}
