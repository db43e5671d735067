// SPDX-License-Identifier: Apache-2.0

/// Why a request cannot be read. The client gets the message and is disconnected.
public enum ProtocolError: Error, Equatable, Sendable {
  /// The count behind `*` is not a number, or too large.
  case invalidMultibulkLength
  /// The length behind `$` is not a number, negative, or too large.
  case invalidBulkLength
  /// An argument starts with this byte instead of `$`.
  case expectedDollar(got: UInt8)
  /// An inline request has no end of line within the limit.
  case tooBigInlineRequest
  /// The text behind `*` has no end of line within the limit.
  case tooBigMultibulkCount
  /// The text behind `$` has no end of line within the limit.
  case tooBigBulkCount
  /// An inline request has an unterminated quote, or text glued to a closing one.
  case unbalancedQuotes
  /// More arguments than a client may send before AUTH.
  case unauthenticatedMultibulkLength
  /// A longer argument than a client may send before AUTH.
  case unauthenticatedBulkLength
  /// The request is longer than 4 GiB and can't be addressed by slices.
  case tooBigRequest

  /// The text of the error reply, without `-` and line end.
  public var message: String {
    switch self {
    case .invalidMultibulkLength: "ERR Protocol error: invalid multibulk length"
    case .invalidBulkLength: "ERR Protocol error: invalid bulk length"
    case .expectedDollar(let byte):
      "ERR Protocol error: expected '$', got '\(Character(Unicode.Scalar(Self.visible(byte))))'"
    case .tooBigInlineRequest: "ERR Protocol error: too big inline request"
    case .tooBigMultibulkCount: "ERR Protocol error: too big mbulk count string"
    case .tooBigBulkCount: "ERR Protocol error: too big bulk count string"
    case .unbalancedQuotes: "ERR Protocol error: unbalanced quotes in request"
    case .unauthenticatedMultibulkLength: "ERR Protocol error: unauthenticated multibulk length"
    case .unauthenticatedBulkLength: "ERR Protocol error: unauthenticated bulk length"
    case .tooBigRequest: "ERR Protocol error: too big request"
    }
  }

  /// Appends the error reply to a client's output. Unlike `message` it carries a foreign byte above
  /// 127 as it came.
  public func write(to reply: inout ReplyWriter) {
    guard case .expectedDollar(let byte) = self else { return reply.error(message) }
    reply.append("-ERR Protocol error: expected '$', got '")
    reply.append(byte: Self.visible(byte))
    reply.append("'\r\n")
  }

  /// A line end inside of an error would break the protocol; a zero byte would confuse C clients.
  private static func visible(_ byte: UInt8) -> UInt8 {
    byte == 0x0D || byte == 0x0A || byte == 0 ? 0x20 : byte
  }
}
