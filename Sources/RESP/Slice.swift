// SPDX-License-Identifier: Apache-2.0

/// Where one argument lies in its request, and the hash of the key that it names.
///
///     byte  0        4        8               16
///           | offset | count  |     hash      |
public struct Slice: Equatable, Sendable {
  /// Distance in bytes from the first byte of the request to the first byte of the argument.
  public var offset: UInt32
  /// Length of the argument in bytes.
  public var count: UInt32
  /// Hash of the argument taken as a key; 0 as long as nobody has computed it.
  public var hash: UInt64

  /// Makes a slice; the parser leaves the hash at 0.
  @inlinable
  public init(offset: UInt32, count: UInt32, hash: UInt64 = 0) {
    self.offset = offset
    self.count = count
    self.hash = hash
  }
}
