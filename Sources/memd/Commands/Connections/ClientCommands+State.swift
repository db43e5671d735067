// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// What a client says about itself, and the pause of all.

extension ClientCommands {
  // MARK: - CLIENT ID

  static func id(_ call: inout Call) throws(CommandError) { call.reply.integer(call.client.id) }

  // MARK: - CLIENT GETNAME, SETNAME, SETINFO

  static func getName(_ call: inout Call) throws(CommandError) {
    let name = call.client.name
    if name.isEmpty { call.reply.null() } else { call.reply.bulk(name.rawSpan) }
  }

  static func setName(_ call: inout Call) throws(CommandError) {
    guard ClientName.isValid(call.arguments[2]) else { throw ClientName.error }
    call.client.name = call.arguments[2].copied
    call.reply.ok()
  }

  static func setInfo(_ call: inout Call) throws(CommandError) {
    let attribute = call.keyword(2)
    guard attribute == Keyword("lib-name") || attribute == Keyword("lib-ver") else {
      throw call.failure("ERR Unrecognized option '\(echo: call.arguments[2])'")
    }
    guard ClientName.isValid(call.arguments[3]) else {
      throw call.failure(
        "ERR \(echo: call.arguments[2]) cannot contain spaces, newlines or special characters.")
    }
    if attribute == Keyword("lib-name") {
      call.client.libraryName = call.arguments[3].copied
    } else {
      call.client.libraryVersion = call.arguments[3].copied
    }
    call.reply.ok()
  }

  // MARK: - CLIENT NO-EVICT, NO-TOUCH

  static func noEvict(_ call: inout Call) throws(CommandError) {
    if try isOn(call) {
      call.client.flags.insert(.noEvict)
    } else {
      call.client.flags.remove(.noEvict)
    }
    call.reply.ok()
  }

  static func noTouch(_ call: inout Call) throws(CommandError) {
    if try isOn(call) {
      call.client.flags.insert(.noTouch)
    } else {
      call.client.flags.remove(.noTouch)
    }
    call.moment.touchesKeys = !call.client.flags.contains(.noTouch)
    call.reply.ok()
  }

  private static func isOn(_ call: borrowing Call) throws(CommandError) -> Bool {
    switch call.keyword(2) {
    case Keyword("on"): return true
    case Keyword("off"): return false
    default: throw .syntax
    }
  }

  // MARK: - CLIENT REPLY

  static func reply(_ call: inout Call) throws(CommandError) {
    let client = call.client
    switch call.keyword(2) {
    case Keyword("on"):
      client.flags.subtract([.replyOff, .replySkip, .replySkipNext])
      call.reply.ok()
    case Keyword("off"): client.flags.insert(.replyOff)
    case Keyword("skip"):
      if !client.flags.contains(.replyOff) {
        // While a reply is being skipped, the skip in force ends with this request.
        client.flags.insert(client.flags.contains(.replySkip) ? .replySkipNext : .replySkip)
      }
    default: throw .syntax
    }
    client.updateGate()
  }

  // MARK: - CLIENT PAUSE, UNPAUSE

  static func pause(_ call: inout Call) throws(CommandError) {
    var kind = Pause.Kind.everything
    if call.arguments.count == 4 {
      switch call.keyword(3) {
      case Keyword("write"): kind = .writes
      case Keyword("all"): kind = .everything
      default: throw CommandError("ERR CLIENT PAUSE mode must be WRITE or ALL")
      }
    } else if call.arguments.count > 4 {
      throw call.subcommandFailure("CLIENT")
    }
    let milliseconds = try call.integer(
      2, orThrow: CommandError("ERR timeout is not an integer or out of range"))
    guard milliseconds >= 0 else { throw CommandError("ERR timeout is negative") }
    let (_, overflows) = Int64(milliseconds).addingReportingOverflow(call.moment.milliseconds)
    guard !overflows else { throw CommandError("ERR timeout is out of range") }
    let (nanoseconds, isLong) = Int64(milliseconds).multipliedReportingOverflow(by: 1_000_000)
    let now = call.server.clock.monotonicNanoseconds()
    let (end, isEndless) = now.addingReportingOverflow(nanoseconds)
    call.server.beginPause(kind, until: isLong || isEndless ? .max : end)
    call.reply.ok()
  }

  static func unpause(_ call: inout Call) throws(CommandError) {
    call.server.endPause()
    call.reply.ok()
  }

  // MARK: - CLIENT UNBLOCK

  static func unblock(_ call: inout Call) throws(CommandError) {
    guard call.arguments.count <= 4 else { throw call.subcommandFailure("CLIENT") }
    var error: StaticString?
    if call.arguments.count == 4 {
      switch call.keyword(3) {
      case Keyword("timeout"): break
      case Keyword("error"): error = "UNBLOCKED client unblocked via CLIENT UNBLOCK"
      default: throw CommandError("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
      }
    }
    let id = try call.integer(2)
    guard let waiting = call.server.clients.find(id: id)?.blocking else {
      return call.reply.integer(0)
    }
    call.server.endBlocking(waiting, error: error)
    call.reply.integer(1)
  }
}
