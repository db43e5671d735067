// SPDX-License-Identifier: Apache-2.0

/// What came of a receive or a send.
public enum IOResult: Equatable, Sendable {
  /// So many bytes were moved.
  case bytes(Int)
  /// Nothing could be moved now; an event will tell when it can.
  case wouldBlock
  /// The other side closed, or the connection is not there (any more).
  case closed
  /// The connection failed; the payload is the error number.
  case failed(Int32)
}

/// A connection that a listener handed out.
public struct Accepted: Sendable {
  /// Its identity.
  public let id: ConnectionID
  /// Index of the listener that it came in through.
  public let listener: Int
  /// "127.0.0.1:50000", "[::1]:50000" or "/path:0" for a unix socket.
  public let peerAddress: String
  /// The server's end, in the same form.
  public let localAddress: String
  /// Whether it came in through a unix socket.
  public let isUnix: Bool
  /// Whether the peer's address is 127.0.0.0/8 or ::1.
  public let isLoopback: Bool

  /// Describes a connection.
  public init(
    id: ConnectionID, listener: Int, peerAddress: String, localAddress: String, isUnix: Bool,
    isLoopback: Bool
  ) {
    self.id = id
    self.listener = listener
    self.peerAddress = peerAddress
    self.localAddress = localAddress
    self.isUnix = isUnix
    self.isLoopback = isLoopback
  }
}
