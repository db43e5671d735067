// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop

/// This server's side of following another one.
final class Following {
  /// How far it has come.
  enum Stage {
    /// No connection; the next attempt is due at this monotonic time.
    case waiting(until: Int64)
    /// A helper looks for the leader's address.
    case resolving
    /// The connection is being made.
    case connecting
    case greeting(LeaderGreeting)
    /// PSYNC is sent.
    case asking
    case receiving(SnapshotReceiver)
    /// The snapshot is there and is being loaded, in place of the old data or beside them.
    case loading(SnapshotReceiver)
    case online
  }

  /// Whether what is here is a state of the leader's history, as far as is known: only then its
  /// offset tells which of several followers has most.
  enum Kinship {
    /// It is.
    case shared
    /// This server has led, and the new leader has not agreed to go on from there yet.
    case unknown
    /// A leader has refused to go on from there, and its snapshot is not here yet.
    case none
  }

  let leader: LeaderAddress
  var stage: Stage
  var connection: ConnectionID?
  /// Received and not understood yet: a line, or the beginning of a snapshot.
  var received: ArraySlice<UInt8> = []
  /// Where bytes are received; taken out while they are looked at.
  var buffer: [UInt8] = []
  /// What is to be sent when the socket takes it.
  var unsent: [UInt8] = []
  /// Executes the stream.
  var applier: StreamApplier
  /// Monotonic nanoseconds: of the last byte of the leader, of the last ACK, and since when the
  /// link has been down.
  var heardAt: Int64
  var acknowledgedAt: Int64 = 0
  var downSince: Int64?
  /// When the link was made last.
  var onlineSince: Int64 = 0
  /// Whether the leader wants to hear how far this server is.
  var mustAcknowledge = false
  /// How old the data are.
  var age: DataAge
  /// Marks to be sent with the next report: this server's, and those of its followers.
  var marks: [ByteText] = []
  static let markCountMax = 1024
  /// Names of keys that the leader is asked for with the next report (`KeyName.text`): this
  /// server's, and those of its followers.
  var questions: [ByteText] = []
  static let questionCountMax = 16
  /// Monotonic nanoseconds of the leader's last PING.
  var pingedAt = Int64.min
  /// Monotonic nanoseconds at which the next mark is due.
  var ageContinuesAt = Int64.max
  /// Where the last snapshot was loaded; nil as long as there was none.
  var placement: SnapshotPlacement?
  var kinship: Kinship
  /// The history that this server has left, as it can't follow it: what is here is a state of it.
  var leftHistory: String?
  /// Whether all is here that this server has confirmed to a leader: not what has come from files,
  /// as long as it has not been online since, and not while a snapshot replaces it.
  var holdsConfirmed = false
  /// Snapshots in a row that could not be loaded: attempts become rarer.
  var failuresInARow = 0

  /// - Parameter name: what marks of this server begin with; nobody else's do.
  init(
    _ leader: LeaderAddress, _ kinship: Kinship, applier: StreamApplier, name: ByteText, now: Int64
  ) {
    age = DataAge(name: name)
    self.leader = leader
    self.kinship = kinship
    self.applier = applier
    stage = .waiting(until: now)
    heardAt = now
  }

  var isOnline: Bool { if case .online = stage { true } else { false } }

  /// The link as a client; nil while no stream comes.
  var client: Client? { isOnline ? applier.client : nil }

  /// The snapshot that is being received.
  var receiver: SnapshotReceiver? {
    if case .receiving(let receiver) = stage { receiver } else { nil }
  }

  /// The snapshot whose file is there, complete or not.
  var snapshot: SnapshotReceiver? {
    switch stage {
    case .receiving(let receiver), .loading(let receiver): receiver
    default: nil
    }
  }

  /// Whether a snapshot is on its way, or being loaded.
  var isSyncing: Bool {
    switch stage {
    case .receiving, .loading: true
    default: false
    }
  }

  /// ROLE's word for how far it is.
  var stageName: StaticString {
    switch stage {
    case .waiting, .resolving: "connect"
    case .connecting: "connecting"
    case .greeting, .asking: "handshake"
    case .receiving, .loading: "sync"
    case .online: "connected"
    }
  }
}
