// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// Commands of followers.
enum ReplicationCommands: CommandFamily {
  static let group = CommandGroup.server

  static let commands: [Command] = [
    Command(
      "replicaof", [.admin, .noScript, .stale, .noAsyncLoading], replicaOfSyntax, since: "5.0.0",
      complexity: "O(1)", summary: "Makes the server follow another one, or lead.",
      handler: replicaOf),
    Command(
      "slaveof", [.admin, .noScript, .stale, .noAsyncLoading], replicaOfSyntax, since: "1.0.0",
      complexity: "O(1)", summary: "Makes the server follow another one, or lead.",
      deprecatedSince: "5.0.0", replacedBy: "`REPLICAOF`", handler: replicaOf),
    Command(
      "replconf",
      [.admin, .noScript, .loading, .stale, .allowBusy, .system, .fromFollowers, .inStreams],
      since: "3.0.0",
      complexity: "O(1)", summary: "Lets a follower tell about itself.", arity: -1,
      handler: replconf),
    Command(
      "sync",
      [.admin, .noScript, .noAsyncLoading, .noMulti, .parserBarrier, .fromFollowers],
      since: "1.0.0", summary: "Makes the connection a follower that gets the whole dataset.",
      handler: sync),
    Command(
      "psync",
      [.admin, .noScript, .noAsyncLoading, .noMulti, .parserBarrier, .fromFollowers],
      [.string("replicationid"), .integer("offset")], since: "2.8.0",
      summary: "Makes the connection a follower that goes on where it was, if it can.", arity: -3,
      handler: psync),
  ]

  // MARK: - REPLCONF

  static func replconf(_ call: inout Call) throws(CommandError) {
    guard call.arguments.count % 2 == 1 else { throw .syntax }
    var index = 1
    while index < call.arguments.count {
      if try !setting(call, at: index) { return }
      index += 2
    }
    call.reply.ok()
  }

  /// Takes over one pair; false if there is to be no reply.
  private static func setting(
    _ call: borrowing Call, at index: Int
  ) throws(CommandError) -> Bool {
    switch FoldedName(folding: call.arguments[index]) {
    case FoldedName("listening-port"):
      let port = try call.integer(index + 1)
      guard 0...65535 ~= port else { throw .notInteger }
      call.client.makeFollower().listeningPort = port
    case FoldedName("ip-address"):
      let address = call.arguments[index + 1]
      guard address.byteCount <= 255 else {
        throw CommandError("ERR REPLCONF ip-address provided by replica instance is too long")
      }
      call.client.makeFollower().announcedAddress = address.logText()
    case FoldedName("capa"):
      switch FoldedName(folding: call.arguments[index + 1]) {
      case FoldedName("eof"): call.client.makeFollower().capabilities.insert(.endMarker)
      case FoldedName("psync2"): call.client.makeFollower().capabilities.insert(.secondID)
      case FoldedName("memd-verify"):
        call.client.makeFollower().capabilities.insert(.verification)
      default: break
      }
    case FoldedName("version"):
      // Nothing that is sent depends on it.
      break
    case FoldedName("ack"):
      guard call.client.flags.contains(.follower) else { return false }
      acknowledge(call, at: index)
      return false
    case FoldedName("getack"):
      // Behind the commands under way.
      if call.client.flags.contains(.leader) { call.server.following?.mustAcknowledge = true }
      return false
    case FoldedName("rdb-filter-only"):
      // What is named is wanted: functions, and never keys.
      guard let words = DirectiveText.split(call.arguments[index + 1].copied) else {
        throw CommandError("ERR Missing rdb-filter-only values")
      }
      let follower = call.client.makeFollower()
      follower.capabilities.formUnion([.noKeys, .noFunctions])
      for word in words {
        guard word.rawSpan.spells("functions") else {
          throw call.failure("ERR Unsupported rdb-filter-only option: \(echo: word.rawSpan)")
        }
        follower.capabilities.remove(.noFunctions)
      }
    case FoldedName("rdb-only"):
      switch call.keyword(index + 1) {
      case Keyword("0"): call.client.makeFollower().capabilities.remove(.snapshotOnly)
      case Keyword("1"): call.client.makeFollower().capabilities.insert(.snapshotOnly)
      default:
        throw CommandError("ERR value is out of range, value must between 0 and 1")
      }
    default:
      throw call.failure("ERR Unrecognized REPLCONF option: \(echo: call.arguments[index])")
    }
    return true
  }

  /// A follower tells how far it is, and how far its log.
  private static func acknowledge(_ call: borrowing Call, at index: Int) {
    let server = call.server
    let follower = call.client.makeFollower()
    if let offset: Int = DecimalText.parse(call.arguments[index + 1]),
      offset > follower.acknowledgedOffset, offset <= server.effects.stream.offset
    {
      follower.acknowledgedOffset = offset
    }
    follower.acknowledgedAt = call.moment.milliseconds
    var next = index + 2
    while next + 1 < call.arguments.count {
      let value = call.arguments[next + 1]
      switch FoldedName(folding: call.arguments[next]) {
      case FoldedName("fack"):
        if let offset: Int = DecimalText.parse(value), offset > follower.syncedOffset {
          follower.syncedOffset = offset
        }
      case FoldedName("memd-mark"): server.returnMark(value)
      case FoldedName("memd-verified"): follower.verified = VerificationFindings.Counts(value)
      case FoldedName("memd-ask"): server.answerQuestions(value)
      default: break
      }
      next += 2
    }
    server.effects.blocked.signalSync()
    server.noteAcknowledgement(of: call.client, follower)
    if server.gate.contains(.fewReplicas) { server.countGoodFollowers() }
  }

  // MARK: - REPLICAOF

  private static let replicaOfSyntax: [ArgumentSpec] = [
    .oneOf(
      "args",
      [
        .block("host-port", [.string("host"), .integer("port")]),
        .block("no-one", [.token("no"), .token("one")]),
      ])
  ]

  static func replicaOf(_ call: inout Call) throws(CommandError) {
    let server = call.server
    guard server.failover.isIdle else {
      throw CommandError("ERR REPLICAOF not allowed while failing over.")
    }
    if call.keyword(1) == Keyword("no"), call.keyword(2) == Keyword("one") {
      if server.following != nil {
        server.beginLeading()
        server.log.notice(
          "MASTER MODE enabled (user request from '\(server.clientLine(call.client).logText)')")
      }
      return call.reply.ok()
    }
    guard !call.client.flags.contains(.follower) else {
      throw CommandError("ERR Command is not valid when client is a replica.")
    }
    let port = try call.integer(2, orThrow: CommandError("ERR Invalid master port"))
    guard 0...65535 ~= port else { throw CommandError("ERR Invalid master port") }
    let leader = LeaderAddress(host: ByteText(call.arguments[1]), port: port)
    guard LeaderAddress.isHost(leader.host) else {
      throw CommandError("ERR Invalid master host")
    }
    guard server.following?.leader != leader else {
      server.log.notice(
        "REPLICAOF would result into synchronization with the master we are already connected"
          + " with. No operation performed.")
      return call.reply.status("OK Already connected to specified master")
    }
    server.follow(leader)
    server.log.notice(
      "REPLICAOF \(leader.host.logText):\(leader.port) enabled (user request from"
        + " '\(server.clientLine(call.client).logText)')")
    call.reply.ok()
  }

  // MARK: - SYNC, PSYNC

  private static func checkThatItCanBeFollowed(_ call: borrowing Call) throws(CommandError) {
    try checkThatItKeepsItsRole(call)
    guard call.server.canBeFollowed else {
      throw CommandError("NOMASTERLINK Can't SYNC while not connected with my master")
    }
  }

  /// In the middle of a failover nobody can tell who leads.
  private static func checkThatItKeepsItsRole(_ call: borrowing Call) throws(CommandError) {
    guard call.server.failover.isIdle else {
      throw CommandError("NOMASTERLINK Can't SYNC while failing over")
    }
  }

  private static func checkFilter(_ call: borrowing Call) throws(CommandError) {
    guard let follower = call.client.follower, follower.capabilities.contains(.noKeys),
      !follower.capabilities.contains(.endMarker)
    else { return }
    throw CommandError("ERR Filtered replica requires EOF capability")
  }

  static func sync(_ call: inout Call) throws(CommandError) {
    // Compatibility: a follower that asks again is not answered.
    guard !call.client.flags.contains(.follower) else { return }
    try checkThatItCanBeFollowed(call)
    try checkFilter(call)
    call.client.makeFollower().capabilities.remove(.acknowledgements)
    call.server.startFollowing(call.client)
  }

  /// The leader wants this follower to take its place (FAILOVER).
  ///
  /// - Parameter offset: the first byte that the former leader doesn't have.
  private static func takeOver(
    _ call: borrowing Call, behind offset: Int
  ) throws(CommandError) {
    let server = call.server
    server.log.notice("Failover request received for replid \(call.arguments[1].logText()).")
    try checkThatItKeepsItsRole(call)
    guard server.following != nil else {
      throw CommandError("ERR PSYNC FAILOVER can't be sent to a master.")
    }
    guard server.effects.stream.replicationID.utf8.elementsEqual(call.arguments[1].copied) else {
      throw CommandError("ERR PSYNC FAILOVER replid must match my replid.")
    }
    // One that died after it was chosen may have come back with an older state of this history.
    guard offset <= server.effects.stream.offset + 1 else {
      throw CommandError("ERR PSYNC FAILOVER offset is beyond mine.")
    }
    server.beginLeading()
    server.log.notice(
      "MASTER MODE enabled (failover request from '\(server.clientLine(call.client).logText)')")
  }

  static func psync(_ call: inout Call) throws(CommandError) {
    guard !call.client.flags.contains(.follower) else { return }
    let server = call.server
    let wanted: Int? = DecimalText.parse(call.arguments[2])
    if call.arguments.count > 3, call.keyword(3) == Keyword("failover") {
      try takeOver(call, behind: wanted ?? .max)
    }
    try checkThatItCanBeFollowed(call)
    try checkFilter(call)
    guard let offset = wanted else {
      server.log.warning(
        "Replica \(server.followerName(call.client)) asks for synchronization but with a wrong"
          + " offset")
      throw .notInteger
    }
    call.client.makeFollower().capabilities.insert(.acknowledgements)
    let id = call.arguments[1]
    if server.resumeFollowing(call.client, history: id, offset: offset) { return }
    guard !server.isBehind(history: id, offset: offset) else {
      throw CommandError("NOMASTERLINK Can't SYNC while behind what is asked for")
    }
    if id.copied != [UInt8(ascii: "?")] {
      server.statistics.refusedPartialSyncs += 1
      server.log.notice(
        "Partial resynchronization not accepted: \(call.client.address) asked for offset \(offset)"
          + " of history \(id.extracting(first: 40).logText())")
    }
    server.startFollowing(call.client)
  }
}
