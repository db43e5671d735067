// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The head of a request in HTTP/1.0 or 1.1 (RFC 9112), as far as answers depend on it.
struct HTTPRequest: Equatable {
  /// Methods that are answered; others are known to be methods and refused.
  enum Method: Equatable {
    case get, head, other
  }

  let method: Method
  /// The path without the query, as it was sent.
  let path: String
  /// What stands behind the question mark; empty without one.
  let query: String
  /// The host that the client believes to talk to, without its port, in lower case.
  let host: String?
  /// What the client can read (`Accept`).
  let accept: String
  /// Whether the connection is to stay open.
  let keepsAlive: Bool
  /// Whether bytes follow that belong to the request.
  let hasBody: Bool

  /// Why bytes are no request, with the status that says so.
  enum Failure: Error, Equatable {
    /// The bytes can't become a request (400).
    case malformed
    /// The head is too long (431).
    case tooLong
    /// A version that isn't 1.x (505).
    case version
  }

  /// Heads may be as long as this, in bytes.
  static let byteCountMax = 8 << 10

  /// Whether the client says that it can read a type of media (RFC 9110, 12.5.1): it names it, with
  /// a weight that isn't 0.
  func accepts(_ type: String) -> Bool {
    accept.split(separator: ",").contains { item in
      let parts = item.split(separator: ";").map { part in
        Fields.folded(part.filter { $0 != " " && $0 != "\t" })
      }
      guard parts.first == type else { return false }
      let weight = parts.last { $0.hasPrefix("q=") }?.dropFirst(2)
      return weight.map { $0.contains { $0 != "0" && $0 != "." } } ?? true
    }
  }

  /// The first request in bytes, and how many bytes it takes; nil if it isn't complete.
  ///
  /// - Throws: why no bytes could follow that would make it one.
  static func first(
    in bytes: [UInt8]
  ) throws(Failure) -> (request: HTTPRequest, byteCount: Int)? {
    // Empty lines in front of a request are passed over.
    let start = bytes.firstIndex { $0 != 13 && $0 != 10 } ?? bytes.count
    guard let end = endOfHead(bytes, from: start) else {
      if bytes.count - start > byteCountMax { throw .tooLong }
      return nil
    }
    guard end - start <= byteCountMax else { throw .tooLong }
    // Nothing outside of ASCII counts here, and control characters are an attack.
    let head = Array(bytes[start..<end])
    guard head.allSatisfy({ $0 < 0x7F && ($0 >= 0x20 || $0 == 13 || $0 == 10 || $0 == 9) }),
      let text = head.rawSpan.text(ofAtMost: byteCountMax)
    else { throw .malformed }
    var lines = text.split(
      omittingEmptySubsequences: true, whereSeparator: { $0 == "\r\n" || $0 == "\n" })
    guard !lines.isEmpty else { throw .malformed }
    let line = lines.removeFirst().split(separator: " ", omittingEmptySubsequences: false)
    guard line.count == 3, !line[0].isEmpty else { throw .malformed }
    guard line[2].hasPrefix("HTTP/1.") else {
      throw line[2].hasPrefix("HTTP/") ? .version : .malformed
    }
    let fields = try Fields(lines)
    return (try HTTPRequest(line, fields), end)
  }

  private init(_ line: [Substring], _ fields: Fields) throws(Failure) {
    switch line[0] {
    case "GET": method = .get
    case "HEAD": method = .head
    default: method = .other
    }
    var target = line[1]
    if target.hasPrefix("http://") {
      // As a proxy is asked.
      let rest = target.dropFirst(7)
      target = rest.firstIndex(of: "/").map { rest[$0...] } ?? "/"
    }
    guard target.hasPrefix("/") else { throw .malformed }
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    path = String(parts[0])
    query = parts.count > 1 ? String(parts[1]) : ""
    host = fields.host
    accept = fields.accept
    keepsAlive = fields.keepsAlive ?? (line[2] != "HTTP/1.0")
    hasBody = fields.hasBody
  }

  /// Behind the empty line that ends a head.
  private static func endOfHead(_ bytes: [UInt8], from start: Int) -> Int? {
    var index = start
    while index < bytes.count {
      defer { index += 1 }
      guard bytes[index] == 10 else { continue }
      var next = index + 1
      if next < bytes.count, bytes[next] == 13 { next += 1 }
      if next < bytes.count, bytes[next] == 10 { return next + 1 }
    }
    return nil
  }

  /// The header fields that count.
  private struct Fields {
    var host: String?
    var accept = ""
    var keepsAlive: Bool?
    var hasBody = false

    init(_ lines: [Substring]) throws(Failure) {
      for line in lines {
        guard let colon = line.firstIndex(of: ":"), colon > line.startIndex,
          !line[..<colon].contains(where: { $0 == " " || $0 == "\t" })
        else { throw .malformed }
        let value = Self.trimmed(line[line.index(after: colon)...])
        switch Self.folded(line[..<colon]) {
        case "host":
          guard host == nil else { throw .malformed }
          host = Self.name(ofHost: Self.folded(value))
        case "accept": accept += accept.isEmpty ? value : ",\(value)"
        case "connection":
          let words = Self.folded(value)
          if words.contains("close") { keepsAlive = false }
          if words.contains("keep-alive"), keepsAlive == nil { keepsAlive = true }
        case "content-length": if value != "0" { hasBody = true }
        case "transfer-encoding": hasBody = true
        default: break
        }
      }
    }

    /// Letters of ASCII in lower case; there are no others in a head.
    fileprivate static func folded(_ text: some StringProtocol) -> String {
      ByteText(Array(text.utf8)).folded.logText
    }

    private static func trimmed(_ text: Substring) -> String {
      func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
      var text = text.drop(while: isBlank)
      while let last = text.last, isBlank(last) { text.removeLast() }
      return String(text)
    }

    /// The host without its port.
    private static func name(ofHost text: String) -> String {
      if text.hasPrefix("[") { return String(text.prefix { $0 != "]" }) + "]" }
      return String(text.prefix { $0 != ":" })
    }
  }
}
