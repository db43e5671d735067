// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

// Connections come and go here, and nowhere else.

/// Whether connections are accepted.
struct Acceptance {
  /// There were no descriptors for more.
  var isSuspended = false
  /// Monotonic nanoseconds before which nothing more is said about it.
  var nextWarning: Int64 = 0
}

extension Server {
  /// Connections accepted per turn and listener, so that a storm of them delays nobody for long.
  private static let acceptsPerTurn = 1000

  /// Accepts what waits at a listener.
  func acceptAll(from listener: Int) {
    for _ in 0..<Server.acceptsPerTurn {
      guard let accepted = transport.accept(from: listener) else { return noteAcceptError() }
      accept(accepted)
    }
  }

  /// Without descriptors nothing can be accepted before others close. The listeners would be
  /// reported turn after turn, so nobody looks at them until the next chores.
  private func noteAcceptError() {
    let error = SystemError(transport.acceptError)
    guard error.isExhaustion else { return }
    transport.watchListeners(false)
    listeners.acceptance.isSuspended = true
    let now = clock.monotonicNanoseconds()
    guard now >= listeners.acceptance.nextWarning else { return }
    listeners.acceptance.nextWarning = now + 1_000_000_000
    transport.lendDescriptor { log.warning("Accepting client connection: \(error.text)") }
  }

  /// Tries again to accept what has waited for descriptors.
  func resumeAccepting() {
    guard listeners.acceptance.isSuspended else { return }
    listeners.acceptance.isSuspended = false
    transport.watchListeners(true)
  }

  private func accept(_ accepted: Accepted) {
    statistics.connectionsReceived += 1
    if clients.count >= configuration.maxClients {
      statistics.connectionsRejected += 1
      return reject(accepted, "-ERR max number of clients reached\r\n")
    }
    if configuration.protectedMode, users.defaultUser.rules.needsNoPassword,
      !accepted.isLoopback, !accepted.isUnix
    {
      statistics.connectionsRejected += 1
      return reject(accepted, Server.protectedModeError)
    }
    let client = Client(
      id: clients.nextID(), connection: accepted.id, address: accepted.peerAddress,
      localAddress: accepted.localAddress, now: moment.milliseconds,
      database: keyspace.databases[0])
    if accepted.isUnix {
      client.flags.insert(.unixSocket)
    } else {
      transport.setNoDelay(accepted.id, true)
      if configuration.tcpKeepAliveSeconds > 0 {
        transport.setKeepAlive(accepted.id, seconds: configuration.tcpKeepAliveSeconds)
      }
    }
    authenticateAnonymously(client)
    clients.add(client)
    if accepted.id.isEncrypted { authenticateByCertificate(client) }
    log.verbose("Accepted \(accepted.peerAddress)")
  }

  private func reject(_ accepted: Accepted, _ text: String) {
    let bytes = Array(text.utf8)
    _ = transport.send(accepted.id, bytes.rawSpan)
    transport.close(accepted.id)
  }

  private static let protectedModeError =
    "-DENIED Redis is running in protected mode because protected mode is enabled and no password"
    + " is set for the default user. In this mode connections are only accepted from the loopback"
    + " interface. If you want to connect from external computers to Redis you may adopt one of the"
    + " following solutions: 1) Just disable protected mode sending the command 'CONFIG SET"
    + " protected-mode no' from the loopback interface by connecting to Redis from the same host"
    + " the server is running, however MAKE SURE Redis is not publicly accessible from internet if"
    + " you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just"
    + " disable the protected mode by editing the Redis configuration file, and setting the"
    + " protected mode option to 'no', and then restarting the server. 3) If you started the server"
    + " manually just for testing, restart it with the '--protected-mode no' option. 4) Setup a an"
    + " authentication password for the default user. NOTE: You only need to do one of the above"
    + " things in order for the server to start accepting connections from the outside.\r\n"

  /// Closes a connection at once; the object lives until the end of the turn.
  func close(_ client: Client) {
    guard !client.flags.contains(.closed) else { return }
    client.flags.insert(.closed)
    client.updateGate()
    effects.watched.removeAll(of: client)
    forgetBlocking(of: client)
    stopTracking(client)
    abandonSubscriptions(of: client)
    if client.flags.contains(.monitor) { clients.monitors.removeAll { $0 === client } }
    if client.flags.contains(.parked) {
      pause.waiting.removeAll { $0 === client }
      freshness.waiting.removeAll { $0 === client }
    }
    if client.flags.contains(.follower) { stopFollowing(client) }
    updateMonitorGate()
    transport.close(client.connection)
    client.reply.removeAll(keepingCapacity: false)
    client.sentCount = 0
    client.details?.held = nil
    client.flags.remove(.heldOutput)
    dropSharedOutput(of: client)
    accountMemory(of: client)
    clients.noteClosed(client)
  }

  /// Takes a client out of everything by which it gets what answers none of its requests, or no
  /// answers: MULTI, tracking, subscriptions, MONITOR, CLIENT REPLY.
  func leaveModes(_ client: Client) {
    endTransaction(of: client)
    stopTracking(client)
    forgetSubscriptions(of: client)
    if client.flags.contains(.monitor) {
      client.flags.remove(.monitor)
      clients.monitors.removeAll { $0 === client }
      updateMonitorGate()
    }
    client.flags.subtract([.replyOff, .replySkip, .replySkipNext])
    forgetFreshness(of: client)
    client.updateGate()
  }

  /// Closes a connection when everything it was answered has left.
  func closeAfterReply(_ client: Client) {
    client.flags.insert(.closeAfterReply)
    forgetBlocking(of: client)
    client.updateGate()
    queueOutput(client)
  }

  /// Marks a connection for closing at the end of the turn, whatever it still has to get.
  func closeASAP(_ client: Client) {
    guard client.flags.isDisjoint(with: [.closeASAP, .closed]) else { return }
    client.flags.insert(.closeASAP)
    forgetBlocking(of: client)
    client.updateGate()
    queueOutput(client)
  }

  /// The requests of a connection have grown over `client-query-buffer-limit`.
  func closeForQueryBuffer(_ client: Client) {
    statistics.queryBufferLimitDisconnections += 1
    var beginning = "\"\""
    if let input = client.input {
      beginning = unsafe ExcerptText.quoted(
        RawSpan(_unsafeBytes: UnsafeRawBufferPointer(input.bytes)), limit: 64)
    }
    log.warning(
      "Closing client that reached max query buffer length: \(clientLine(client).logText)"
        + " (qbuf initial bytes: \(beginning))")
    closeASAP(client)
  }

  /// The request that is HTTP's, not ours: a browser was talked into sending it.
  ///
  /// Compatibility: POST and "Host:" close the connection, since an attacker who makes a browser
  /// post to a server's port would otherwise have the lines of the body executed.
  func isCrossProtocol(_ call: borrowing Call) -> Bool {
    let word = Keyword(folding: call.arguments[0])
    return Keyword("post") ~= word || Keyword("host:") ~= word
  }

  /// Closes a connection that speaks HTTP, and says so at most once a minute.
  func closeForCrossProtocol(_ client: Client) {
    let second = moment.milliseconds / 1000
    if second - listeners.lastSecurityWarning > 60 || listeners.lastSecurityWarning == 0 {
      listeners.lastSecurityWarning = second
      log.warning(
        "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host:"
          + " commands to memd. This is likely due to an attacker attempting to use Cross Protocol"
          + " Scripting to compromise your instance. Connection from \(client.address) aborted.")
    }
    closeASAP(client)
  }

  /// Lets go of the clients that were closed in this turn. Batch and list of writers, which don't
  /// own theirs, must have been emptied.
  func forgetClosed() {
    precondition(batch.count == 0 && output.writers.count == 0, "a client's last turn isn't over")
    clients.removeClosed()
  }

  /// Feeding monitors is only thought of while there are some.
  func updateMonitorGate() {
    if clients.monitors.isEmpty { gate.remove(.monitored) } else { gate.insert(.monitored) }
  }
}
