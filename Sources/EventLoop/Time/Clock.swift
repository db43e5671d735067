// SPDX-License-Identifier: Apache-2.0

public import CLinux

/// The time source of a server; subclassed once for the system and once for simulation.
///
/// Wall time is for deadlines that users give and see, monotonic time for timeouts, ticks for
/// durations in the hot path (a processor register, no system call).
open class Clock {
  /// Ticks per microsecond of `ticks()`; refined by `refineCalibration()` while the process runs.
  public final var ticksPerMicrosecond: Double

  /// Whether `ticks()` reads the processor's counter instead of `simulatedTicks`.
  @usableFromInline
  internal final let countsCycles: Bool

  /// What `ticks()` returns in simulation.
  internal final var simulatedTicks: UInt64 = 0

  /// What every reading of `ticks()` costs in simulation.
  internal final var simulatedTicksPerReading: UInt64 = 0

  /// Creates a clock with its tick source chosen for life.
  internal init(countsCycles: Bool, ticksPerMicrosecond: Double) {
    self.countsCycles = countsCycles
    self.ticksPerMicrosecond = ticksPerMicrosecond
  }

  /// Microseconds since 1970-01-01 UTC; may jump when the administrator sets the time.
  open func wallMicroseconds() -> Int64 { 0 }

  /// The wall time at a monotonic instant that has just been read, without another call to the
  /// system; a change of the wall time may be seen some milliseconds late.
  open func wallMicroseconds(atMonotonic instant: Int64) -> Int64 { wallMicroseconds() }

  /// Nanoseconds since an arbitrary start; never goes back.
  open func monotonicNanoseconds() -> Int64 { 0 }

  /// Lets the calling thread do nothing for a while (DEBUG SLEEP); a simulation moves on at once.
  open func sleep(nanoseconds: Int64) {}

  /// Compares ticks with the monotonic clock over the whole life of the process; call it now and
  /// then.
  open func refineCalibration() {}

  /// A stopwatch of a few nanoseconds' cost; only differences mean something.
  @inlinable
  public final func ticks() -> UInt64 {
    countsCycles ? memd_cycle_counter() : simulatedReading()
  }

  /// Charges for the reading; out of line, so that the hot path stays as it is.
  @inline(never)
  @usableFromInline
  internal final func simulatedReading() -> UInt64 {
    simulatedTicks &+= simulatedTicksPerReading
    return simulatedTicks
  }

  /// The microseconds that passed between two readings of `ticks()`; 0 if they are out of order.
  @inlinable
  public final func microseconds(from start: UInt64, to end: UInt64) -> Double {
    end > start ? Double(end &- start) / ticksPerMicrosecond : 0
  }

  /// How many ticks a number of microseconds makes; for limits that are compared in ticks.
  @inlinable
  public final func ticks(microseconds: Double) -> UInt64 {
    UInt64(max(0, min(microseconds * ticksPerMicrosecond, 0x1p62)))
  }
}
