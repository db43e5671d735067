// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// XNACK: consumers give back what they can't work on, so that others may have it at once.
enum EntryReleasing: CommandFamily {
  static let group = CommandGroup.stream

  static let commands: [Command] = [
    Command(
      "xnack", [.write, .fast], keys: [.key(1, [.readWrite, .update])],
      [
        .key(), .string("group"),
        .oneOf(
          "mode", [.token("SILENT", "silent"), .token("FAIL", "fail"), .token("FATAL", "fatal")]),
        StreamCommands.idArguments, .integer("count").after("RETRYCOUNT").optional,
        .token("FORCE", "force").optional,
      ], effect: .rewritten("XNACK with the counts of deliveries"), since: "8.8.0",
      complexity: "O(log(N)) for each id, with N pending entries",
      summary: "Gives pending entries back to their group, so that any consumer may claim them.",
      handler: xnack)
  ]

  // MARK: - XNACK

  static func xnack(_ call: inout Call) throws(CommandError) {
    let stream = try call.database.streamForClaiming(call.key(1))
    guard let stream, let group = stream.group(named: call.arguments[2]) else {
      throw call.noGroup(1, 2)
    }
    let request = try ReleaseRequest(call)
    for index in request.indices { _ = try call.streamID(index) }
    var released = 0
    // Followers get ids with the same count together.
    var sameCount: [StreamID] = []
    var count = 0
    for index in request.indices {
      let id = try call.streamID(index)
      guard let new = release(id, of: group, in: stream.reading, request) else { continue }
      if new != count, !sameCount.isEmpty {
        call.propagateRelease(of: sameCount, count: count, 1, 2)
        sameCount.removeAll()
      }
      count = new
      sameCount.append(id)
      released += 1
    }
    call.reply.integer(released)
    guard released > 0 else { return }
    call.propagateRelease(of: sameCount, count: count, 1, 2)
    call.effects.countChanges(released)
    // Who waits with CLAIM may have them.
    call.signalReady(call.key(1))
  }

  /// Gives one entry back; returns its count of deliveries, or nil if it is not pending.
  private static func release(
    _ id: StreamID, of group: WritableConsumerGroup, in stream: Stream, _ request: ReleaseRequest
  ) -> Int? {
    if let pending = group.reading.pending(id) {
      let count = request.deliveryCount(after: pending.deliveryCount)
      return group.release(id, count: count) ? count : nil
    }
    guard request.isForced, stream.entry(id) != nil else { return nil }
    let count = request.deliveryCount(after: 0)
    group.addReleased(id, count: count)
    return count
  }
}

/// What XNACK says behind key and group.
private struct ReleaseRequest {
  private enum Mode {
    /// The delivery doesn't count.
    case silent
    /// It counts.
    case fail
    /// There is to be no other.
    case fatal
  }

  private let mode: Mode
  private var first = 0
  private var idCount = 0
  /// RETRYCOUNT
  private var count: Int?
  /// FORCE: entries that are not pending become it.
  private(set) var isForced = false

  init(_ call: borrowing Call) throws(CommandError) {
    switch call.keyword(3) {
    case Keyword("silent"): mode = .silent
    case Keyword("fail"): mode = .fail
    case Keyword("fatal"): mode = .fatal
    default: throw CommandError("ERR mode must be SILENT, FAIL, or FATAL")
    }
    var index = 4
    let arguments = call.arguments
    while index < arguments.count {
      let following = arguments.count - 1 - index
      let name = FoldedName(folding: arguments[index])
      switch name {
      case FoldedName("ids") where following > 0 && idCount == 0:
        try readIDs(call, at: index + 1)
        index = first + idCount
      case FoldedName("retrycount") where following > 0:
        let value = try call.integer(index + 1)
        guard value >= 0 else {
          throw CommandError("ERR Invalid RETRYCOUNT value, must be >= 0")
        }
        count = value
        index += 2
      case FoldedName("force"):
        isForced = true
        index += 1
      default: throw .syntax
      }
    }
    guard idCount > 0 else { throw .syntax }
  }

  private mutating func readIDs(_ call: borrowing Call, at index: Int) throws(CommandError) {
    let number = DecimalText.parse(call.arguments[index]) ?? 0
    guard number > 0 else { throw CommandError("ERR numids must be a positive integer") }
    guard number < call.arguments.count - index else {
      throw CommandError("ERR number of IDs doesn't match numids")
    }
    idCount = number
    first = index + 1
  }

  /// The arguments that are ids.
  var indices: Range<Int> { first..<(first + idCount) }

  /// How often an entry counts as delivered that was delivered `old` times.
  func deliveryCount(after old: Int) -> Int {
    if let count { return count }
    switch mode {
    case .silent: return max(0, old - 1)
    case .fail: return old
    case .fatal: return .max
    }
  }
}
