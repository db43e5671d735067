// SPDX-License-Identifier: Apache-2.0

import EventLoop
import RESP

/// One connected client: where its replies go and everything it has set for itself.
///
/// An idle client holds no buffer: output storage comes from a pool while there is output, input
/// is kept only while a request is incomplete or may not run. What few clients use (names,
/// transactions) lies in `details`, which most never have.
final class Client {
  /// Properties that come and go.
  struct Flags: OptionSet {
    let rawValue: UInt32

    static let monitor = Flags(rawValue: 1 << 0)
    /// Close as soon as the output has left.
    static let closeAfterReply = Flags(rawValue: 1 << 1)
    /// Close at the end of the turn, output or not.
    static let closeASAP = Flags(rawValue: 1 << 2)
    /// Not evicted when `maxmemory-clients` is reached.
    static let noEvict = Flags(rawValue: 1 << 3)
    /// Doesn't change access times.
    static let noTouch = Flags(rawValue: 1 << 4)
    static let replyOff = Flags(rawValue: 1 << 5)
    /// The reply to the next request but one is dropped: the present one is being dropped itself.
    static let replySkipNext = Flags(rawValue: 1 << 6)
    /// The reply to the next request is dropped.
    static let replySkip = Flags(rawValue: 1 << 7)
    static let unixSocket = Flags(rawValue: 1 << 8)
    /// The stream of a leader, applied without admission.
    static let leader = Flags(rawValue: 1 << 9)
    static let follower = Flags(rawValue: 1 << 10)
    static let pubsub = Flags(rawValue: 1 << 11)
    static let readOnlyMode = Flags(rawValue: 1 << 12)
    /// Waits in the list of clients whose output is written at the end of the turn.
    static let hasOutput = Flags(rawValue: 1 << 13)
    /// Waits for the socket to take more output.
    static let waitsForWritable = Flags(rawValue: 1 << 14)
    /// Its socket takes more: what waited for that is written at the end of the turn.
    static let isWritable = Flags(rawValue: 1 << 25)
    /// Has requests that could not run yet and are kept in `input`.
    static let parked = Flags(rawValue: 1 << 15)
    /// Waits in the list of clients to go on with in the next turn.
    static let resumes = Flags(rawValue: 1 << 16)
    /// Has been closed; the object lives until the end of the turn.
    static let closed = Flags(rawValue: 1 << 17)
    static let authenticated = Flags(rawValue: 1 << 18)
    /// Could be told to ask another server (CLIENT CAPA).
    static let understandsRedirect = Flags(rawValue: 1 << 24)
    /// Part of its output is shared with others (`ClientDetails.sharedOutput`).
    static let sharesOutput = Flags(rawValue: 1 << 19)
    /// Part of its output waits for the log (`ClientDetails.held`).
    static let heldOutput = Flags(rawValue: 1 << 20)
    /// Has read or written while output was to wait for followers (`sync-replicas`).
    static let seesData = Flags(rawValue: 1 << 21)
    /// Executes what scripts call.
    static let script = Flags(rawValue: 1 << 22)
    /// Its requests are in the batch of which a slow script is a part: more of them must wait.
    static let behindScript = Flags(rawValue: 1 << 23)
  }

  let id: Int
  let connection: ConnectionID
  let address: String
  let localAddress: String
  /// Wall time of the connection's start, in milliseconds.
  let createdAt: Int64
  var flags: Flags = .authenticated
  /// Circumstances of this client in which its commands need a second look.
  var gate: Gate = []
  var database: Database
  /// Whom it acts for; nil for what the server does itself, which may do everything.
  var user: User?
  var reply: ReplyWriter
  /// Bytes of `reply` that the socket has already taken.
  var sentCount = 0
  var input: InputBuffer?
  /// The last command, for CLIENT LIST; nil before the first.
  var lastCommand: CommandReference?
  /// Wall time at which bytes came from it last, in milliseconds.
  var lastInteraction: Int64
  var commandCount = 0
  var inputBytes = 0
  var outputBytes = 0
  /// The part of the server's `clientMemory` that is this client's.
  var accountedMemory = 0
  private(set) var details: ClientDetails?

  init(
    id: Int, connection: ConnectionID, address: String, localAddress: String, now: Int64,
    database: Database
  ) {
    self.id = id
    self.connection = connection
    self.address = address
    self.localAddress = localAddress
    self.database = database
    createdAt = now
    lastInteraction = now
    reply = ReplyWriter()
  }

  /// The version of the protocol it speaks.
  var version: ProtocolVersion {
    get { reply.version }
    set { reply.version = newValue }
  }

  /// It has said who it is, or needn't.
  var isAuthenticated: Bool {
    get { flags.contains(.authenticated) }
    set { if newValue { flags.insert(.authenticated) } else { flags.remove(.authenticated) } }
  }

  /// True if it has to say who it is before anything else.
  var mustAuthenticate: Bool { gate.contains(.authentication) }

  /// True if it goes away and nothing more of it may run.
  var isClosing: Bool { !flags.isDisjoint(with: [.closeAfterReply, .closeASAP, .closed]) }

  /// True if it is closed, or is at the end of the turn.
  var isClosedOrAboutToBe: Bool { !flags.isDisjoint(with: [.closeASAP, .closed]) }

  /// Bytes of replies that have not left yet.
  @inline(__always)
  var pendingOutput: Int {
    let own = reply.count - sentCount
    return flags.contains(.sharesOutput) ? own + sharedOutputByteCount : own
  }

  /// Bytes of the stream of effects that a follower has not had yet.
  var pendingStream: Int {
    guard let cursor = follower?.cursor else { return 0 }
    return cursor.pendingCount
  }

  /// Bytes that it shares with others and that have not left yet.
  @inline(never)
  private var sharedOutputByteCount: Int { details?.sharedOutput?.byteCount ?? 0 }

  /// Puts the gate in line with flags and state; called wherever they change.
  func updateGate() {
    var new: Gate = []
    if let user {
      // Whoever hasn't authenticated acts for the default user.
      if !isAuthenticated, !user.rules.admitsAnyone { new.insert(.authentication) }
      if !user.isUnlimited { new.insert(.accessControl) }
    }
    if transaction.isActive { new.insert(.transaction) }
    if isClosing || flags.contains(.parked) || blocking != nil { new.insert(.held) }
    if flags.contains(.pubsub), version == .resp2 { new.insert(.subscribed) }
    if !flags.isDisjoint(with: [.replyOff, .replySkip, .replySkipNext]) { new.insert(.silenced) }
    if flags.contains(.follower) { new.insert(.follower) }
    if let tracker {
      if !tracker.options.contains(.broadcast) { new.insert(.tracking) }
      if tracker.isCaching { new.insert(.caching) }
    }
    if details?.freshness != nil { new.insert(.freshness) }
    if details?.wantsTokens == true { new.insert(.tokens) }
    gate = new
  }

  /// The details, made now if there were none.
  func makeDetails() -> ClientDetails {
    if let details { return details }
    let made = ClientDetails()
    details = made
    return made
  }
}
