// SPDX-License-Identifier: Apache-2.0

/// A clock that moves only when told, or when it is looked at; a tick is a nanosecond.
///
/// A server reads `ticks()` once per command and once per step of its background work. A price per
/// reading therefore makes work take time, and budgets of time end slices and turns.
public final class SimulatedClock: Clock {
  private var wall: Int64

  private var monotonic: Int64 { Int64(bitPattern: simulatedTicks) }

  /// How much time passes with every reading of `ticks()`; none at first.
  public var nanosecondsPerReading: Int64 {
    get { Int64(bitPattern: simulatedTicksPerReading) }
    set { simulatedTicksPerReading = UInt64(max(0, newValue)) }
  }

  /// Starts at a wall time in milliseconds since 1970 (default: 2023-11-14 22:13:20 UTC).
  public init(wallMilliseconds: Int64 = 1_700_000_000_000) {
    wall = wallMilliseconds &* 1000
    super.init(countsCycles: false, ticksPerMicrosecond: 1000)
  }

  /// The simulated wall time.
  public override func wallMicroseconds() -> Int64 { wall &+ monotonic / 1000 }

  /// The simulated time since the start.
  public override func monotonicNanoseconds() -> Int64 { monotonic }

  /// Moves on by that much.
  public override func sleep(nanoseconds: Int64) { advance(nanoseconds: nanoseconds) }

  /// Moves both times and the ticks forward; negative amounts are ignored.
  public func advance(nanoseconds: Int64) {
    if nanoseconds > 0 { simulatedTicks &+= UInt64(nanoseconds) }
  }

  /// Moves both times and the ticks forward.
  public func advance(milliseconds: Int64) {
    advance(nanoseconds: milliseconds &* 1_000_000)
  }

  /// Moves the times forward to a monotonic instant; an instant in the past changes nothing.
  public func advance(toNanoseconds instant: Int64) {
    advance(nanoseconds: instant &- monotonic)
  }

  /// Sets the wall time as an administrator would: forward or back, monotonic time unchanged.
  public func setWall(milliseconds: Int64) {
    wall = milliseconds &* 1000 &- monotonic / 1000
  }
}
