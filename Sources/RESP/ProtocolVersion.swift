// SPDX-License-Identifier: Apache-2.0

/// The version of the reply format that a client has asked for with HELLO.
public enum ProtocolVersion: Int, Sendable {
  /// Five types: status, error, integer, bulk string, array.
  case resp2 = 2
  /// Adds null, double, boolean, map, set, push, attribute, big number and verbatim string.
  case resp3 = 3
}
