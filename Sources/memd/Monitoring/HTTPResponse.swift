// SPDX-License-Identifier: Apache-2.0

/// An answer in HTTP/1.1.
struct HTTPResponse: Equatable {
  /// Answers that are given here.
  enum Status: Int {
    case ok = 200
    case badRequest = 400
    case forbidden = 403
    case notFound = 404
    case methodNotAllowed = 405
    case tooLarge = 413
    case headTooLarge = 431
    case unavailable = 503
    case version = 505

    var reason: String {
      switch self {
      case .ok: "OK"
      case .badRequest: "Bad Request"
      case .forbidden: "Forbidden"
      case .notFound: "Not Found"
      case .methodNotAllowed: "Method Not Allowed"
      case .tooLarge: "Content Too Large"
      case .headTooLarge: "Request Header Fields Too Large"
      case .unavailable: "Service Unavailable"
      case .version: "HTTP Version Not Supported"
      }
    }
  }

  let status: Status
  let contentType: String
  let body: [UInt8]

  init(_ status: Status = .ok, _ contentType: String, _ body: String) {
    self.status = status
    self.contentType = contentType
    self.body = Array(body.utf8)
  }

  /// A line of plain text.
  init(_ status: Status, _ text: String) {
    self.init(status, "text/plain; charset=utf-8", text + "\n")
  }

  /// What is sent.
  ///
  /// - Parameters:
  ///   - hasBody: false for the answer to HEAD.
  ///   - keepsAlive: whether the connection stays open.
  func bytes(hasBody: Bool, keepsAlive: Bool) -> [UInt8] {
    var head = "HTTP/1.1 \(status.rawValue) \(status.reason)\r\n"
    head += "Content-Type: \(contentType)\r\nContent-Length: \(body.count)\r\n"
    if status == .methodNotAllowed { head += "Allow: GET, HEAD\r\n" }
    // Nothing of a page may come from elsewhere, and nobody may put it into another page.
    head +=
      "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
      + "Referrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'none';"
      + " script-src 'self'; style-src 'self'; img-src data:; connect-src 'self';"
      + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    head += "Connection: \(keepsAlive ? "keep-alive" : "close")\r\n\r\n"
    return Array(head.utf8) + (hasBody ? body : [])
  }
}
