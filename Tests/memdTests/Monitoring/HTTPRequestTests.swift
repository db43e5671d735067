// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import memd

@Suite struct HTTPRequestTests {
  private func first(_ text: String) throws(HTTPRequest.Failure) -> HTTPRequest? {
    try HTTPRequest.first(in: Array(text.utf8))?.request
  }

  @Test func `a request is read with what answers depend on`() throws {
    let text =
      "\r\nGET /metrics?names=redis_exporter HTTP/1.1\r\nHost: LocalHost:9121\r\n"
      + "ACCEPT:  text/plain \r\nAccept: application/openmetrics-text;version=1.0.0\r\n\r\nGET /x"
    let (request, byteCount) = try #require(try HTTPRequest.first(in: Array(text.utf8)))
    #expect(byteCount == text.utf8.count - 6)
    #expect(request.method == .get)
    #expect(request.path == "/metrics")
    #expect(request.query == "names=redis_exporter")
    #expect(request.host == "localhost")
    #expect(request.accept == "text/plain,application/openmetrics-text;version=1.0.0")
    #expect(request.keepsAlive && !request.hasBody)
  }

  @Test(arguments: [
    ("GET / HTTP/1.0\r\n\r\n", false), ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
    ("GET / HTTP/1.1\r\n\r\n", true), ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", false),
    ("GET / HTTP/1.1\nConnection: keep-alive, close\n\n", false),
  ])
  func `connections stay open as both sides wish`(text: String, keepsAlive: Bool) throws {
    #expect(try first(text)?.keepsAlive == keepsAlive)
  }

  @Test(arguments: [
    ("a/b", true), ("x/y;q=0.5 , A/B ; version=1;q=0.001", true), ("a/b;q=1", true), ("", false),
    ("a/b;q=0", false), ("a/b ; q=0.00", false), ("a/bc", false), ("*/*", false),
    ("a/b;q=0,a/b;q=1", true),
  ])
  func `a type is accepted that is named with a weight`(field: String, isAccepted: Bool) throws {
    let request = try first("GET / HTTP/1.1\r\nAccept: \(field)\r\n\r\n")
    #expect(request?.accepts("a/b") == isAccepted)
  }

  @Test(arguments: [
    ("[::1]:80", "[::1]"), ("10.0.0.1", "10.0.0.1"), ("a.example:1", "a.example"), ("", ""),
  ])
  func `a host is known without its port`(field: String, host: String) throws {
    #expect(try first("GET / HTTP/1.1\r\nHost: \(field)\r\n\r\n")?.host == host)
  }

  @Test(arguments: [
    "GET\r\n\r\n", "GET /\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", " GET / HTTP/1.1\r\n\r\n",
    "GET x HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
    "GET / HTTP/1.1\r\n: x\r\n\r\n", "GET / HTTP/1.1\r\na b: x\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET /\u{0} HTTP/1.1\r\n\r\n",
    "GET /\u{E9} HTTP/1.1\r\n\r\n", "PING\r\n\r\n", "GET / FTP/1.1\r\n\r\n",
  ])
  func `what can't be a request is refused`(text: String) {
    #expect(throws: HTTPRequest.Failure.malformed) { try HTTPRequest.first(in: Array(text.utf8)) }
  }

  @Test func `other versions, and heads without end, are refused`() {
    #expect(throws: HTTPRequest.Failure.version) {
      try HTTPRequest.first(in: Array("GET / HTTP/2.0\r\n\r\n".utf8))
    }
    let long = "GET /" + String(repeating: "a", count: HTTPRequest.byteCountMax)
    for text in [long, "\(long) HTTP/1.1\r\n\r\n"] {
      #expect(throws: HTTPRequest.Failure.tooLong) {
        try HTTPRequest.first(in: Array(text.utf8))
      }
    }
  }

  @Test func `every beginning of a request waits for more`() throws {
    let text = Array("POST /x HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\n\r\n".utf8)
    for count in text.indices {
      #expect(try HTTPRequest.first(in: Array(text.prefix(count))) == nil, "\(count)")
    }
    let request = try #require(try HTTPRequest.first(in: text)?.request)
    #expect(request.method == .other && request.hasBody)
  }
}
