// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands that queue others and run them as one unit.
enum TransactionCommands: CommandFamily {
  static let group = CommandGroup.transactions

  static let commands: [Command] = [
    Command(
      "multi", [.noScript, .loading, .stale, .fast, .allowBusy, .notQueued], since: "1.2.0",
      complexity: "O(1)", summary: "Starts a transaction: what follows is queued until EXEC.",
      handler: multi),
    Command(
      "exec",
      [.noScript, .loading, .stale, .skipSlowLog, .notQueued, .endsTransaction, .movableKeys],
      keys: ExecCondition.keys, [ExecCondition.syntax.optional.repeated],
      effect: Command.Effect.none, since: "1.2.0",
      complexity: "O(N) for N conditions, and what the commands in the transaction take",
      summary: "Runs everything queued since MULTI as one unit, if all conditions are met.",
      history: [("9.2.0", "Takes `IFEQ`, `IFNE`, `NX` and `XX`.")], handler: exec),
    Command(
      "discard", [.noScript, .loading, .stale, .fast, .allowBusy, .notQueued], since: "2.0.0",
      complexity: "O(N), when N is the number of queued commands",
      summary: "Forgets everything queued since MULTI.", handler: discard),
    Command(
      "watch", [.noScript, .loading, .stale, .fast, .allowBusy, .notQueued],
      keys: [.keys(from: 1, .readOnly)], [.key().repeated], since: "2.2.0",
      complexity: "O(1) for every key.",
      summary: "Makes the next EXEC fail if one of the keys changes before it.", handler: watch),
    Command(
      "unwatch", [.noScript, .loading, .stale, .fast, .allowBusy], since: "2.2.0",
      complexity: "O(1)", summary: "Forgets all watched keys.", handler: unwatch),
  ]

  // MARK: - MULTI

  static func multi(_ call: inout Call) throws(CommandError) {
    guard !call.client.transaction.isActive else {
      throw CommandError("ERR MULTI calls can not be nested")
    }
    call.client.transaction.isActive = true
    call.client.updateGate()
    call.reply.ok()
  }

  // MARK: - EXEC

  static func exec(_ call: inout Call) throws(CommandError) {
    let client = call.client
    guard client.transaction.isActive else { throw CommandError("ERR EXEC without MULTI") }
    guard let conditions = ExecCondition.all(in: call.arguments) else {
      throw call.server.discardTransaction(
        call, because: CommandError("ERR invalid check condition syntax"))
    }
    if call.effects.watched.hasExpired(for: client, in: call.server.keyspace) {
      client.transaction.isDirty = true
    }
    guard !client.transaction.isRefused else {
      call.server.endTransaction(of: client)
      throw CommandError("EXECABORT Transaction discarded because of previous errors.")
    }
    let isRun = client.transaction.isDirty ? false : try areMet(conditions, call)
    guard isRun else {
      call.server.endTransaction(of: client)
      return call.reply.nullArray()
    }
    call.server.runTransaction(&call)
  }

  /// Whether all conditions are met now. They are asked in the database that is selected, whatever
  /// the queue selects.
  private static func areMet(
    _ conditions: [ExecCondition], _ call: borrowing Call
  ) throws(CommandError) -> Bool {
    for condition in conditions {
      do throws(CommandError) {
        guard try condition.isMet(call) else { return false }
      } catch {
        call.server.endTransaction(of: call.client)
        throw error
      }
    }
    return true
  }

  // MARK: - DISCARD

  static func discard(_ call: inout Call) throws(CommandError) {
    guard call.client.transaction.isActive else {
      throw CommandError("ERR DISCARD without MULTI")
    }
    call.server.endTransaction(of: call.client)
    call.reply.ok()
  }

  // MARK: - WATCH

  static func watch(_ call: inout Call) throws(CommandError) {
    guard !call.client.transaction.isActive else {
      throw CommandError("ERR WATCH inside MULTI is not allowed")
    }
    // EXEC will fail anyway: there is no point in watching more.
    if !call.client.transaction.isDirty {
      for index in 1..<call.arguments.count {
        call.effects.watched.add(call.key(index), in: call.database, for: call.client)
      }
    }
    call.reply.ok()
  }

  // MARK: - UNWATCH

  static func unwatch(_ call: inout Call) throws(CommandError) {
    call.effects.watched.removeAll(of: call.client)
    call.client.transaction.isDirty = false
    call.reply.ok()
  }
}
