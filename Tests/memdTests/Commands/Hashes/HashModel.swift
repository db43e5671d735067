// SPDX-License-Identifier: Apache-2.0

import DataStructures

@testable import memd

/// What hashes with expiring fields should do, in the simplest form, and random commands for them.
struct HashModel {
  struct Field: Equatable {
    var value: String
    var deadline: Int64?
  }

  typealias Fields = [String: Field]

  private(set) var hashes: [String: Fields] = [:]
  private var random: RandomGenerator
  var now: Int64 = 0

  init(seed: UInt64) { random = RandomGenerator(seed: seed) }

  /// A command and the reply that it must get.
  struct Step {
    let words: [String]
    let reply: Reply
  }

  /// The fields of a hash that are not due.
  func visible(_ key: String) -> Fields {
    (hashes[key] ?? [:]).filter { $0.value.deadline.map { $0 >= now } ?? true }
  }

  private mutating func store(_ key: String, _ fields: Fields) {
    hashes[key] = fields.isEmpty ? nil : fields
  }

  // MARK: - Random parts

  mutating func draw(_ limit: Int) -> Int { random.next(below: limit) }

  mutating func key() -> String { "h\(draw(3))" }

  private mutating func name() -> String {
    switch draw(8) {
    case 0: String(draw(20) - 5)
    case 1: "a long name of a field, number \(draw(5))"
    case 2: ""
    default: "f\(draw(12))"
    }
  }

  private mutating func value() -> String {
    switch draw(6) {
    case 0: String(repeating: "v", count: draw(90))
    case 1: String(Int(truncatingIfNeeded: random.next()))
    case 2: ""
    default: String(draw(1000))
    }
  }

  private mutating func names() -> [String] { (0...draw(3)).map { _ in name() } }

  // MARK: - Commands

  /// The next command; the model has done it already.
  mutating func step() -> Step {
    let key = self.key()
    var fields = visible(key)
    defer { store(key, fields) }
    switch draw(16) {
    case 0, 1, 2: return set(key, &fields)
    case 3:
      let (name, value) = (name(), value())
      let isNew = fields[name] == nil
      if isNew { fields[name] = Field(value: value) }
      return Step(words: ["HSETNX", key, name, value], reply: .integer(isNew ? 1 : 0))
    case 4:
      let names = names()
      var removed = 0
      for name in names where fields.removeValue(forKey: name) != nil { removed += 1 }
      return Step(words: ["HDEL", key] + names, reply: .integer(removed))
    case 5:
      let names = names()
      return Step(
        words: ["HMGET", key] + names,
        reply: .array(names.map { name in fields[name].map { .bulk($0.value) } ?? .null }))
    case 6:
      let name = name()
      let count = fields[name]?.value.utf8.count ?? 0
      return Step(words: ["HSTRLEN", key, name], reply: .integer(count))
    case 7: return increment(key, &fields)
    case 8, 9, 10: return expire(key, &fields)
    case 11: return persist(key, &fields)
    case 12: return times(key, fields)
    case 13: return getAndDelete(key, &fields)
    case 14: return getAndExpire(key, &fields)
    default: return setAndExpire(key, &fields)
    }
  }

  private mutating func set(_ key: String, _ fields: inout Fields) -> Step {
    var words = ["HSET", key]
    var created = 0
    for name in names() {
      let value = value()
      if fields[name] == nil { created += 1 }
      fields[name] = Field(value: value)
      words += [name, value]
    }
    return Step(words: words, reply: .integer(created))
  }

  private mutating func increment(_ key: String, _ fields: inout Fields) -> Step {
    let name = name()
    let words = ["HINCRBY", key, name, "7"]
    let text = fields[name]?.value ?? "0"
    guard let old = Int(text), String(old) == text else {
      return Step(words: words, reply: .error("ERR hash value is not an integer"))
    }
    let (sum, overflows) = old.addingReportingOverflow(7)
    if overflows {
      return Step(
        words: words, reply: .error("ERR increment or decrement would overflow"))
    }
    fields[name] = Field(value: String(sum), deadline: fields[name]?.deadline)
    return Step(words: words, reply: .integer(sum))
  }

  private mutating func expire(_ key: String, _ fields: inout Fields) -> Step {
    let names = names()
    let deadline = now + Int64([-1, 0, 3, 20, 300, 70_000][draw(6)]) + Int64(draw(5))
    let condition = ["", "NX", "XX", "GT", "LT"][draw(5)]
    let replies = names.map { name -> Reply in
      guard let field = fields[name] else { return -2 }
      let isAllowed =
        switch condition {
        case "NX": field.deadline == nil
        case "XX": field.deadline != nil
        case "GT": field.deadline.map { deadline > $0 } ?? false
        case "LT": field.deadline.map { deadline < $0 } ?? true
        default: true
        }
      guard isAllowed else { return 0 }
      fields[name] = deadline <= now ? nil : Field(value: field.value, deadline: deadline)
      return deadline <= now ? 2 : 1
    }
    let words =
      ["HPEXPIREAT", key, String(deadline)] + (condition.isEmpty ? [] : [condition])
      + ["FIELDS", String(names.count)] + names
    return Step(words: words, reply: .array(replies))
  }

  private mutating func persist(_ key: String, _ fields: inout Fields) -> Step {
    let names = names()
    let replies = names.map { name -> Reply in
      guard let field = fields[name] else { return -2 }
      guard field.deadline != nil else { return -1 }
      fields[name]?.deadline = nil
      return 1
    }
    return Step(
      words: ["HPERSIST", key, "FIELDS", String(names.count)] + names, reply: .array(replies))
  }

  private mutating func times(_ key: String, _ fields: Fields) -> Step {
    let names = names()
    let replies = names.map { name -> Reply in
      guard let field = fields[name] else { return -2 }
      return field.deadline.map { .integer(Int($0)) } ?? -1
    }
    return Step(
      words: ["HPEXPIRETIME", key, "FIELDS", String(names.count)] + names,
      reply: .array(replies))
  }

  private mutating func getAndDelete(_ key: String, _ fields: inout Fields) -> Step {
    let names = names()
    let replies = names.map { name in
      fields.removeValue(forKey: name).map { Reply.bulk($0.value) } ?? .null
    }
    return Step(
      words: ["HGETDEL", key, "FIELDS", String(names.count)] + names, reply: .array(replies))
  }

  private mutating func getAndExpire(_ key: String, _ fields: inout Fields) -> Step {
    let names = names()
    let deadline = now + Int64(draw(3)) * 50
    let option = draw(3)
    let replies = names.map { name in fields[name].map { Reply.bulk($0.value) } ?? .null }
    for name in names where fields[name] != nil {
      if option == 1 { fields[name]?.deadline = nil }
      if option == 2 { fields[name]?.deadline = deadline }
      if option == 2, deadline <= now { fields[name] = nil }
    }
    return Step(
      words: ["HGETEX", key] + [[], ["PERSIST"], ["PXAT", String(deadline)]][option]
        + ["FIELDS", String(names.count)] + names, reply: .array(replies))
  }

  private mutating func setAndExpire(_ key: String, _ fields: inout Fields) -> Step {
    let names = names()
    let deadline = now + Int64(draw(4)) * 40
    let option = draw(3)
    let condition = ["", "FNX", "FXX"][draw(3)]
    var words =
      ["HSETEX", key] + (condition.isEmpty ? [] : [condition])
      + [[], ["KEEPTTL"], ["PXAT", String(deadline)]][option] + ["FIELDS", String(names.count)]
    let values = names.map { _ in value() }
    for (name, value) in zip(names, values) { words += [name, value] }
    let present = names.filter { fields[$0] != nil }.count
    if condition == "FNX" && present > 0 || condition == "FXX" && present < names.count {
      return Step(words: words, reply: 0)
    }
    for (name, value) in zip(names, values) {
      if option == 2 {
        fields[name] = deadline <= now ? nil : Field(value: value, deadline: deadline)
      } else {
        let kept = option == 1 ? fields[name]?.deadline : nil
        fields[name] = Field(value: value, deadline: kept)
      }
    }
    return Step(words: words, reply: 1)
  }

  // MARK: - Whole hashes

  /// COPY with REPLACE; whether there was something to copy.
  mutating func copy(_ source: String, to target: String) { hashes[target] = visible(source) }

  mutating func rename(_ source: String, to target: String) {
    hashes[target] = hashes.removeValue(forKey: source)
  }

  mutating func remove(_ key: String) { hashes[key] = nil }
}
