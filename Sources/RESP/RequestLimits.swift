// SPDX-License-Identifier: Apache-2.0

/// What one connection may send: the limits that the parser enforces.
public struct RequestLimits: Equatable, Sendable {
  /// Most arguments of one request; Redis 7.0 takes as many as a 32-bit integer can count.
  public var maxArguments: Int
  /// Longest argument in bytes (`proto-max-bulk-len`).
  public var maxBulkLength: Int
  /// Longest line in bytes: an inline request, or the text of a count.
  public var maxInlineLength: Int
  /// Whether the client may send large requests; before AUTH it may not.
  public var authenticated: Bool

  /// Most arguments of a request before authentication.
  @inlinable public static var maxArgumentsBeforeAuthentication: Int { 10 }
  /// Longest argument in bytes before authentication.
  @inlinable public static var maxBulkLengthBeforeAuthentication: Int { 16384 }

  /// Makes limits; the defaults are those of redis-server.
  @inlinable
  public init(
    maxArguments: Int = Int(Int32.max), maxBulkLength: Int = 512 << 20,
    maxInlineLength: Int = 64 << 10, authenticated: Bool = true
  ) {
    self.maxArguments = maxArguments
    self.maxBulkLength = maxBulkLength
    self.maxInlineLength = maxInlineLength
    self.authenticated = authenticated
  }
}
