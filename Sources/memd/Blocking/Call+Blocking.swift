// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

extension Call {
  /// False if the command must not wait: inside EXEC, or in a leader's stream.
  var mayBlock: Bool {
    !client.transaction.isExecuting && !client.flags.contains(.leader)
  }

  /// Has the client wait until one of its keys changes; the handler returns without a reply.
  ///
  /// The request runs again, in a unit of its own, when one of the keys holds a value of `type`. If
  /// it still finds nothing it calls this again: the client keeps its place and its timeout. Where
  /// it must not block it gets the reply of the timeout at once.
  ///
  /// - Parameters:
  ///   - keys: the arguments that name the keys.
  ///   - timeout: in milliseconds; nil: for ever.
  ///   - wakesOnRemoval: the request runs again, too, when a key goes or its type changes.
  ///   - replacing: arguments that have another meaning now than later (XREAD's `$`).
  func block(
    keys: some Sequence<Int>, type: Entry.ValueType, timeoutMilliseconds timeout: Int?,
    onTimeout: TimeoutReply, wakesOnRemoval: Bool = false,
    replacing: [(index: Int, bytes: [UInt8])] = []
  ) {
    guard mayBlock else { return server.write(onTimeout, of: 0, to: &client.reply) }
    let request = KeptArguments(arguments, replacing: replacing)
    let waiting = wait(
      request, type: type, timeoutMilliseconds: timeout, onTimeout: onTimeout,
      wakesOnRemoval: wakesOnRemoval)
    if let waiting { server.effects.blocked.add(waiting, keys: keys, in: database) }
  }

  /// Has the client wait until logs, or followers, have the stream up to an offset; the request
  /// runs again whenever one of them has more.
  func blockForSync(
    of offset: Int, timeoutMilliseconds timeout: Int?, onTimeout: TimeoutReply
  ) {
    guard mayBlock else { return server.write(onTimeout, of: offset, to: &client.reply) }
    let waiting = wait(
      KeptArguments(arguments), type: .string, timeoutMilliseconds: timeout,
      onTimeout: onTimeout, wakesOnRemoval: false)
    guard let waiting else { return }
    waiting.offset = offset
    server.effects.blocked.addForSync(waiting)
  }

  /// Has the client wait for the server's end.
  func blockForShutdown() {
    let waiting = wait(
      KeptArguments(arguments), type: .string, timeoutMilliseconds: nil,
      onTimeout: .shutdownFailure, wakesOnRemoval: false)
    if let waiting { server.effects.blocked.add(waiting, keys: [], in: database) }
  }

  /// The client begins to wait; nil if it goes on doing so.
  private func wait(
    _ request: KeptArguments, type: Entry.ValueType, timeoutMilliseconds timeout: Int?,
    onTimeout: TimeoutReply, wakesOnRemoval: Bool
  ) -> BlockedClient? {
    if let waiting = client.blocking {
      waiting.waitsOn = true
      return nil
    }
    var deadline = Int64.max
    if let timeout {
      let (nanoseconds, isLong) = Int64(timeout).multipliedReportingOverflow(by: 1_000_000)
      let now = server.clock.monotonicNanoseconds()
      let (end, isEndless) = now.addingReportingOverflow(nanoseconds)
      // The last instant is kept for those who wait for ever.
      deadline = isLong || isEndless ? .max - 1 : end
    }
    let waiting = BlockedClient(
      client: client, command: command, request: request, type: type,
      wakesOnRemoval: wakesOnRemoval, timeoutReply: onTimeout, deadline: deadline)
    client.blocking = waiting
    client.updateGate()
    return waiting
  }

  /// The argument at `index` as a timeout in seconds, in milliseconds; nil means for ever.
  func timeout(_ index: Int) throws(CommandError) -> Int? {
    guard let seconds = LongDoubleText.parse(arguments[index]) else {
      throw CommandError("ERR timeout is not a float or out of range")
    }
    let milliseconds = (seconds * 1000).rounded(.up)
    guard milliseconds < LongDouble(Int64.max) else {
      throw CommandError("ERR timeout is out of range")
    }
    guard milliseconds > -1 else { throw CommandError("ERR timeout is negative") }
    return try checked(Int(milliseconds))
  }

  /// The argument at `index` as a timeout in milliseconds (XREAD's BLOCK); nil means for ever.
  func timeout(milliseconds index: Int) throws(CommandError) -> Int? {
    let milliseconds = try integer(
      index, orThrow: CommandError("ERR timeout is not an integer or out of range"))
    guard milliseconds >= 0 else { throw CommandError("ERR timeout is negative") }
    return try checked(milliseconds)
  }

  private func checked(_ milliseconds: Int) throws(CommandError) -> Int? {
    guard !moment.milliseconds.addingReportingOverflow(Int64(milliseconds)).overflow else {
      throw CommandError("ERR timeout is out of range")
    }
    return milliseconds == 0 ? nil : milliseconds
  }

  /// Says that a key may be of use now for clients that wait for it.
  ///
  /// `changed`, expiry and eviction say it themselves, whatever the change.
  func signalReady(_ key: Key) {
    if effects.attention.kinds.contains(.waiters) { effects.blocked.signal(key, in: database) }
  }
}
