// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

extension Server {
  /// Shows a command that has just run to everybody who watches with MONITOR.
  ///
  /// Administration is not shown, nor are secrets.
  func feedMonitors(_ call: borrowing Call) {
    guard !clients.monitors.isEmpty, call.command.flags.isDisjoint(with: [.admin, .skipMonitor])
    else {
      return
    }
    showToMonitors(call)
  }

  /// Shows a command to all monitors, whatever it is: scripts are seen before what they call.
  func showToMonitors(_ call: borrowing Call) {
    let line = monitorLine(call)
    for monitor in clients.monitors where !monitor.isClosing {
      prepare(monitor)
      monitor.reply.append(raw: line.rawSpan)
    }
  }

  /// The line of a command: `+seconds.microseconds [database address] "name" "argument"...`.
  private func monitorLine(_ call: borrowing Call) -> [UInt8] {
    let client = call.client
    let now = moment.microseconds
    let fraction = String(now % 1_000_000)
    let zeros = String(repeating: "0", count: 6 - fraction.utf8.count)
    let origin =
      client.flags.contains(.unixSocket) ? "unix:\(configuration.unixSocket)" : client.address
    // The database is the one selected now: SELECT shows its own.
    var line = Array(
      "+\(now / 1_000_000).\(zeros)\(fraction) [\(client.database.number) \(origin)]".utf8)
    let hidden = HiddenArguments(call.command, call.arguments, in: commands)
    for index in 0..<call.arguments.count {
      line.append(UInt8(ascii: " "))
      if hidden.contains(index) {
        let substitute = HiddenArguments.substitute
        DirectiveText.append(substitute.rawSpan, to: &line)
      } else {
        DirectiveText.append(call.arguments[index], to: &line)
      }
    }
    line += [UInt8(ascii: "\r"), UInt8(ascii: "\n")]
    return line
  }
}
