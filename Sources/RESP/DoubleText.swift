// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Floating-point numbers as text, as redis-server 7.0 reads and writes them.
public enum DoubleText {
  /// The most bytes that a double needs as text.
  @inlinable public static var maxByteCount: Int { 32 }

  /// Writes
  public static func write(_ value: Double, to destination: UnsafeMutableRawPointer) -> Int { 0 }
}
