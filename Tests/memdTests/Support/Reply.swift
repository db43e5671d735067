// SPDX-License-Identifier: Apache-2.0

/// A reply as tests write it: `"text"`, `42`, `nil`, `["a", 1]`, `.status("OK")`, `.error("...")`.
indirect enum Reply: Equatable, Sendable {
  case status(String)
  case error(String)
  case integer(Int)
  case bulk(String)
  case null
  case nullArray
  case array([Reply])
  case map([Pair])
  case set([Reply])
  case push([Reply])
  case double(String)
  case boolean(Bool)
  case bigNumber(String)
  case verbatim(String)

  struct Pair: Equatable, Sendable {
    let key: Reply
    let value: Reply
  }

  static let ok = Reply.status("OK")

  /// The elements of an array, set or push; empty for anything else.
  var elements: [Reply] {
    switch self {
    case .array(let elements), .set(let elements), .push(let elements): elements
    default: []
    }
  }

  /// The text of a status, error or string; empty for anything else.
  var text: String {
    switch self {
    case .status(let text), .error(let text), .bulk(let text), .verbatim(let text): text
    default: ""
    }
  }

  /// The number of an integer reply.
  var number: Int? { if case .integer(let number) = self { number } else { nil } }

  var isError: Bool { if case .error = self { true } else { false } }
}

extension Reply: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByArrayLiteral, ExpressibleByNilLiteral
{
  init(stringLiteral value: String) { self = .bulk(value) }
  init(integerLiteral value: Int) { self = .integer(value) }
  init(arrayLiteral elements: Reply...) { self = .array(elements) }
  init(nilLiteral: ()) { self = .null }
}

/// Reads replies of both protocols from bytes.
struct ReplyParser {
  private let bytes: [UInt8]
  private(set) var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { position >= bytes.count }

  /// The next reply; nil if it is incomplete.
  mutating func next() -> Reply? {
    guard let line = line(), let type = line.first else { return nil }
    let rest = String(line.dropFirst())
    switch type {
    case "+": return .status(rest)
    case "-": return .error(rest)
    case ":": return Int(rest).map { .integer($0) }
    case ",": return .double(rest)
    case "#": return .boolean(rest == "t")
    case "(": return .bigNumber(rest)
    case "_": return .null
    case "$": return bulk(rest).map { $0 }
    case "=": return bulk(rest).map { .verbatim(String($0.text.dropFirst(4))) }
    case "*": return rest == "-1" ? .nullArray : elements(rest).map { .array($0) }
    case "~": return elements(rest).map { .set($0) }
    case ">": return elements(rest).map { .push($0) }
    case "%": return pairs(rest).map { .map($0) }
    default: return nil
    }
  }

  private mutating func line() -> String? {
    guard let end = bytes[position...].firstIndex(of: 13), end + 1 < bytes.count else { return nil }
    defer { position = end + 2 }
    return String(decoding: bytes[position..<end], as: UTF8.self)
  }

  private mutating func bulk(_ count: String) -> Reply? {
    guard let count = Int(count) else { return nil }
    if count < 0 { return .null }
    guard position + count + 2 <= bytes.count else { return nil }
    defer { position += count + 2 }
    return .bulk(String(decoding: bytes[position..<(position + count)], as: UTF8.self))
  }

  private mutating func elements(_ count: String) -> [Reply]? {
    var result: [Reply] = []
    for _ in 0..<(Int(count) ?? 0) {
      guard let element = next() else { return nil }
      result.append(element)
    }
    return result
  }

  private mutating func pairs(_ count: String) -> [Reply.Pair]? {
    var result: [Reply.Pair] = []
    for _ in 0..<(Int(count) ?? 0) {
      guard let key = next(), let value = next() else { return nil }
      result.append(Reply.Pair(key: key, value: value))
    }
    return result
  }
}
