// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// The loop's part in monitoring: reports are made on demand, a slice per turn.

/// Reports to monitors.
struct Monitoring {
  let exchange: MonitoringExchange
  /// The report that is being made, and what comes next in it.
  fileprivate var report: FigureReport?
  fileprivate var step = 0

  /// Whether a report is being made.
  var isCollecting: Bool { report != nil }

  init(_ transport: Transport) { exchange = MonitoringExchange(loop: transport.waker) }
}

extension Server {
  /// Microseconds that a slice takes, more or less: its last step may be longer.
  private static let reportSliceMicroseconds: UInt64 = 100
  private static let loggedCommandCount = 32
  private static let loggedCommandByteCount = 200

  /// Answers monitors that have asked.
  func heedMonitors() {
    let wishes = monitoring.exchange.wishes
    if wishes.pulse {
      monitoring.exchange.publish(
        MonitoringExchange.Pulse(time: clock.monotonicNanoseconds(), obstacle: obstacle))
    }
    if wishes.report, monitoring.report == nil {
      monitoring.step = 0
      monitoring.report = FigureReport(
        startedAt: clock.monotonicNanoseconds(), wallMilliseconds: moment.milliseconds,
        serverStartedAt: timing.startedAt, hasPercentiles: wishes.percentiles)
    }
  }

  /// Makes the next slice of a report.
  func continueReport() {
    let end = clock.ticks() &+ timing.ticksPerMillisecond / 1000 * Self.reportSliceMicroseconds
    repeat {
      guard var report = monitoring.report else { return }
      monitoring.report = nil
      guard add(monitoring.step, to: &report) else { return monitoring.exchange.publish(report) }
      monitoring.step += 1
      monitoring.report = report
    } while clock.ticks() < end
  }

  /// Why this server can't serve clients now; nil if it can.
  private var obstacle: String? {
    if persistence.loading != nil, !persistence.isLoadingBeside { return "loading" }
    if let following, !following.isOnline { return "the link to the leader is down" }
    if gate.contains(.lapsed) { return "fewer replicas than sync-replicas asks for" }
    if hasTooOldData { return "the data are older than replica-max-age-ms" }
    return gate.contains(.failingDisk) ? "the disk can't be written" : nil
  }

  // MARK: - Steps

  /// Adds what comes with a step; false behind the last one.
  private func add(_ step: Int, to report: inout FigureReport) -> Bool {
    let sections = InfoSection.all
    if step < sections.count {
      add(sections[step], to: &report)
    } else if step - sections.count < commands.descriptions.count {
      add(commands.descriptions[step - sections.count], to: &report)
    } else {
      switch step - sections.count - commands.descriptions.count {
      case 0: addDistributions(to: &report)
      case 1: report.logs.append(logged(.slow, "slow"))
      case 2: report.logs.append(logged(.largeRequest, "large-request"))
      case 3: report.logs.append(logged(.largeReply, "large-reply"))
      case 4: report.hotKeys = metrics.hotKeys.session.map(hotKeys)
      default:
        report.census = CensusReport(self)
        return false
      }
    }
    return true
  }

  private func add(_ section: InfoSection, to report: inout FigureReport) {
    // Single commands have steps of their own.
    guard section.scope != .named, !section.isPerCommand else { return }
    var text = InfoText()
    section.write(self, &text)
    report.info += text.text
  }

  private func add(_ description: CommandTable.Description, to report: inout FigureReport) {
    let id = description.id
    let (calls, rejected, failed) = (
      metrics.commands[id].calls, metrics.commands[id].rejectedCalls,
      metrics.commands[id].failedCalls
    )
    guard calls > 0 || rejected > 0 || failed > 0 else { return }
    report.commands.append(
      FigureReport.Command(
        name: description.fullName, calls: calls,
        microseconds: metrics.commands.microseconds(of: id), rejectedCalls: rejected,
        failedCalls: failed,
        durations: FigureReport.Durations(
          metrics.commands[id].histogram, withPercentiles: report.hasPercentiles)))
  }

  private func addDistributions(to report: inout FigureReport) {
    report.turns = FigureReport.Durations(metrics.turns.histogram)
    report.turnMicroseconds = statistics.turnMicroseconds
    report.expiryLagMilliseconds = upkeep.expiration.lag.totalMilliseconds
    report.expiryLag = FigureReport.Durations(upkeep.expiration.lag.histogram)
    report.spikes = metrics.latency.series.compactMap { series in
      series.samples.last.map {
        FigureReport.Spike(
          event: series.event, time: $0.time, milliseconds: $0.milliseconds,
          longest: series.longest)
      }
    }
  }

  private func logged(
    _ kind: CommandLogKind, _ name: String
  ) -> FigureReport.LoggedCommands {
    let log = metrics.log(of: kind)
    return FigureReport.LoggedCommands(
      name: name, count: log.entries.count, total: log.totalCount,
      newest: log.entries.prefix(Self.loggedCommandCount).map { entry in
        let words = entry.arguments.map { ByteText($0).logText }.joined(separator: " ")
        return FigureReport.LoggedCommand(
          id: entry.id, time: entry.time, measure: entry.measure,
          text: String(words.prefix(Self.loggedCommandByteCount)), client: entry.clientAddress)
      })
  }

  private func hotKeys(_ session: HotKeys.Session) -> FigureReport.HotKeys {
    func hottest(_ sketch: SpaceSaving) -> [FigureReport.HotKey] {
      sketch.heaviest(session.plan.count).map {
        FigureReport.HotKey(name: $0.name, weight: $0.weight)
      }
    }
    return FigureReport.HotKeys(
      isActive: session.isActive,
      milliseconds: session.duration ?? max(0, moment.milliseconds - session.startedAt),
      times: session.times.map(hottest), bytes: session.bytes.map(hottest))
  }
}
