// SPDX-License-Identifier: Apache-2.0

import EventLoop
import Synchronization

/// What passes between the loop and whoever answers monitors: wishes one way, reports the other.
final class MonitoringExchange: Sendable {
  /// A sign that the loop turns.
  struct Pulse: Sendable {
    /// Monotonic nanoseconds.
    let time: Int64
    /// Why the server can't serve clients now; nil if it can.
    let obstacle: String?
  }

  private struct State {
    var report: FigureReport?
    var pulse: Pulse?
    var wantsReport = false
    /// Whether the report is to have percentiles.
    var wantsPercentiles = false
    var wantsPulse = false
    var isEnding = false
    var serviceWaker: Waker?
  }

  private let state = Mutex(State())
  private let loopWaker: Waker

  /// A report that is no older than this, in nanoseconds, is given to all who ask.
  static let reportAgeMax: Int64 = 500_000_000

  init(loop waker: Waker) { loopWaker = waker }

  // MARK: - For the service

  /// The service is woken when there is something new.
  func attach(service waker: Waker) {
    state.withLock {
      $0.serviceWaker = waker
      $0.isEnding = false
    }
  }

  /// A report for a question of that time; nil if there is none yet: one will come.
  ///
  /// - Parameter withPercentiles: only one that has percentiles of commands will do.
  func report(askedAt time: Int64, withPercentiles: Bool = false) -> FigureReport? {
    let (report, isNew) = state.withLock { state -> (FigureReport?, Bool) in
      if let report = state.report, report.startedAt >= time - Self.reportAgeMax,
        report.hasPercentiles || !withPercentiles
      {
        return (report, false)
      }
      defer {
        state.wantsReport = true
        if withPercentiles { state.wantsPercentiles = true }
      }
      return (nil, !state.wantsReport)
    }
    if isNew { loopWaker.wakeUp() }
    return report
  }

  /// A pulse that is not older than a question; nil if there is none yet: the loop is asked for it.
  func pulse(askedAt time: Int64) -> Pulse? {
    let (pulse, isNew) = state.withLock { state -> (Pulse?, Bool) in
      if let pulse = state.pulse, pulse.time >= time { return (pulse, false) }
      defer { state.wantsPulse = true }
      return (nil, !state.wantsPulse)
    }
    if isNew { loopWaker.wakeUp() }
    return pulse
  }

  /// Whether the service is to end.
  var isEnding: Bool { state.withLock { $0.isEnding } }

  // MARK: - For the loop

  /// What is wanted.
  var wishes: (report: Bool, percentiles: Bool, pulse: Bool) {
    state.withLock { ($0.wantsReport, $0.wantsPercentiles, $0.wantsPulse) }
  }

  func publish(_ report: FigureReport) {
    wakeService {
      $0.report = report
      $0.wantsReport = false
      if report.hasPercentiles { $0.wantsPercentiles = false }
    }
  }

  func publish(_ pulse: Pulse) {
    wakeService {
      $0.pulse = pulse
      $0.wantsPulse = false
    }
  }

  /// Has the service end.
  func end() { wakeService { $0.isEnding = true } }

  private func wakeService(_ change: (inout State) -> Void) {
    let waker = state.withLock { state in
      change(&state)
      return state.serviceWaker
    }
    waker?.wakeUp()
  }
}
