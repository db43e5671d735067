// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import PubSub
import RESP

// A client in one line, as CLIENT LIST and the log show it. Order and names of the fields are those
// of Redis 7, with the newer ones of Redis 7.4 and Valkey 8 in their places.

extension Server {
  /// The clients that CLIENT LIST shows, in order: the link to the leader is one, while it sends.
  var shownClients: [Client] {
    guard let leader = following?.client else { return clients.all }
    let index = clients.all.firstIndex { $0.id > leader.id } ?? clients.all.count
    var shown = clients.all
    shown.insert(leader, at: index)
    return shown
  }

  /// The line of a client.
  ///
  /// - Parameter request: what it is running now; nil if it isn't running anything.
  func clientLine(_ client: Client, running request: Arguments? = nil) -> ByteText {
    let now = moment.milliseconds
    let version = client.version == .resp3 ? 3 : 2
    let command = client.lastCommand.map { commands.description(of: $0).fullName } ?? "NULL"
    var line: ByteText = "id=\(client.id) addr=\(client.address) laddr=\(client.localAddress)"
    line += " fd=\(transport.descriptor(of: client.connection)) name=\(whole: client.name)"
    line += " age=\(now / 1000 - client.createdAt / 1000)"
    line += " idle=\(now / 1000 - client.lastInteraction / 1000)"
    line += " flags=\(client.flagLetters) db=\(client.database.number)"
    line += subscriptionFields(client)
    line += transactionFields(client)
    line += inputFields(client, request ?? client.blocking?.request.arguments)
    line += outputFields(client)
    line += " tot-mem=\(client.memory + argumentMemory(request))"
    line += " events=\(client.flags.contains(.waitsForWritable) ? "rw" : "r")"
    let user = client.user?.name ?? Array("(superuser)".utf8)
    line += " cmd=\(command) user=\(whole: user)"
    line += " redir=\(client.tracker?.redirect ?? -1) resp=\(version)"
    line += " lib-name=\(whole: client.libraryName) lib-ver=\(whole: client.libraryVersion)"
    line += " tot-net-in=\(client.inputBytes) tot-net-out=\(client.outputBytes)"
    line += " tot-cmds=\(client.commandCount)"
    return line
  }

  private func subscriptionFields(_ client: Client) -> ByteText {
    let own = client.subscriptions
    return " sub=\(own?.count(.channel) ?? 0) psub=\(own?.count(.pattern) ?? 0)"
      + " ssub=\(own?.count(.shardChannel) ?? 0)"
  }

  private func transactionFields(_ client: Client) -> ByteText {
    let queued = client.transaction.isActive ? client.transaction.queue.count : -1
    return " multi=\(queued) watch=\(client.transaction.watched.count)"
  }

  /// As in Redis 7.4 the request that runs is in no buffer of the client: what it sent lies in one
  /// that all share.
  private func inputFields(_ client: Client, _ request: Arguments?) -> ByteText {
    let remaining = client.input?.remaining ?? 0
    let free = (client.input?.capacity ?? 0) - remaining
    var waiting = remaining
    // Compatibility: what stands in front of a large argument is not in Redis's buffer any more.
    if let parser = client.input?.parser, parser.bulkLengthPending >= 32 << 10 {
      waiting = max(0, remaining - parser.bulkOffsetPending)
    }
    return " qbuf=\(waiting) qbuf-free=\(free)"
      + " argv-mem=\(argumentMemory(request)) multi-mem=\(client.transaction.queuedBytes)"
  }

  /// Redis has a fixed buffer (rbs, rbp, obl) and a list behind it (oll, omem). Here the first part
  /// of the output is shown as the one, and as the other what counts against output limits.
  private func outputFields(_ client: Client) -> ByteText {
    let pending = client.pendingOutput + client.pendingStream
    let exempt = Client.exemptOutputByteCount
    let listed = max(0, pending - exempt)
    let chunk = 16 << 10
    let buffer = min(client.reply.capacity, chunk)
    return " rbs=\(buffer) rbp=\(buffer) obl=\(min(pending, exempt))"
      + " oll=\((listed + chunk - 1) / chunk) omem=\(listed)"
  }

  /// Bytes of the arguments alone.
  private func argumentMemory(_ request: Arguments?) -> Int {
    guard let request else { return 0 }
    return (0..<request.count).reduce(0) { $0 + request.byteCount(at: $1) }
  }
}

extension Client {
  /// The letters of CLIENT LIST's `flags`.
  fileprivate var flagLetters: String {
    var letters = ""
    if flags.contains(.follower) { letters += flags.contains(.monitor) ? "O" : "S" }
    if flags.contains(.monitor), !flags.contains(.follower) { letters += "O" }
    if flags.contains(.leader) { letters += "M" }
    if flags.contains(.pubsub) { letters += "P" }
    if transaction.isActive { letters += "x" }
    if flags.contains(.parked) || blocking != nil { letters += "b" }
    letters += trackingLetters
    if transaction.isDirty { letters += "d" }
    if flags.contains(.closeAfterReply) { letters += "c" }
    if flags.contains(.closeASAP) { letters += "A" }
    if flags.contains(.unixSocket) { letters += "U" }
    if flags.contains(.readOnlyMode) { letters += "r" }
    if flags.contains(.noEvict) { letters += "e" }
    if flags.contains(.noTouch) { letters += "T" }
    return letters.isEmpty ? "N" : letters
  }

  private var trackingLetters: String {
    guard let tracker else { return "" }
    return "t" + (tracker.isBroken ? "R" : "") + (tracker.options.contains(.broadcast) ? "B" : "")
  }
}
