// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// The clocks of the operating system and the cycle counter of the processor.
public final class SystemClock: Clock {
  private let firstTicks: UInt64
  private let firstNanoseconds: Int64
  /// Wall time less monotonic time, in nanoseconds, as of `offsetReadAt`.
  private var wallOffset: Int64 = 0
  private var offsetReadAt = Int64.min / 2
  private static var offsetLifeNanoseconds: Int64 { 10_000_000 }

  /// Calibrates the cycle counter for two milliseconds.
  public init() {
    let calibrationNanoseconds: Int64 = 2_000_000
    firstNanoseconds = Syscall.time(CLOCK_MONOTONIC)
    firstTicks = memd_cycle_counter()
    while Syscall.time(CLOCK_MONOTONIC) &- firstNanoseconds < calibrationNanoseconds {}
    super.init(countsCycles: true, ticksPerMicrosecond: 1)
    refineCalibration()
  }

  /// CLOCK_REALTIME.
  public override func wallMicroseconds() -> Int64 { Syscall.time(CLOCK_REALTIME) / 1000 }

  /// The difference of the two clocks is read anew every 10 ms.
  public override func wallMicroseconds(atMonotonic instant: Int64) -> Int64 {
    if instant &- offsetReadAt >= SystemClock.offsetLifeNanoseconds { readOffset(at: instant) }
    return (instant &+ wallOffset) / 1000
  }

  private func readOffset(at instant: Int64) {
    wallOffset = Syscall.time(CLOCK_REALTIME) &- Syscall.time(CLOCK_MONOTONIC)
    offsetReadAt = instant
  }

  /// CLOCK_MONOTONIC.
  public override func monotonicNanoseconds() -> Int64 { Syscall.time(CLOCK_MONOTONIC) }

  /// Sleeps at least so long, whatever signals come.
  public override func sleep(nanoseconds: Int64) {
    guard nanoseconds > 0 else { return }
    var wanted = timespec(
      tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    var rest = timespec()
    while unsafe nanosleep(&wanted, &rest) != 0, errno == EINTR { wanted = rest }
  }

  /// The longer the process has run, the more exact the ratio.
  public override func refineCalibration() {
    let ticks = memd_cycle_counter() &- firstTicks
    let nanoseconds = Syscall.time(CLOCK_MONOTONIC) &- firstNanoseconds
    guard nanoseconds > 0, ticks > 0 else { return }
    ticksPerMicrosecond = Double(ticks) * 1000 / Double(nanoseconds)
  }
}
