// SPDX-License-Identifier: Apache-2.0

import EventLoop

/// A client's side of replication: what it has told about itself, and what it is still to get.
final class Follower {
  /// How far a client has come on its way to the stream.
  enum Stage {
    /// It has told about itself and asked for nothing.
    case introduced
    /// It waits for a snapshot to begin.
    case waiting
    /// The snapshot that it is to get is being written, or on its way.
    case sharing(FullSync)
    /// It gets a snapshot that is complete, from a file.
    case receiving(DiskFile, remaining: Int)
    /// It has had the snapshot, and tells when it wants what follows.
    case loading
    /// It gets the stream.
    case online
  }

  /// What it understands and wants (REPLCONF capa, rdb-only).
  struct Capabilities: OptionSet {
    let rawValue: UInt8
    /// A snapshot whose length isn't told beforehand.
    static let endMarker = Capabilities(rawValue: 1 << 0)
    /// A history with another name than the one it has asked for.
    static let secondID = Capabilities(rawValue: 1 << 1)
    /// It says how far it is; those that have asked with SYNC don't.
    static let acknowledgements = Capabilities(rawValue: 1 << 2)
    /// It wants the snapshot and nothing behind it.
    static let snapshotOnly = Capabilities(rawValue: 1 << 3)
    /// It wants a snapshot without keys (REPLCONF rdb-filter-only).
    static let noKeys = Capabilities(rawValue: 1 << 4)
    /// It wants no functions in it either.
    static let noFunctions = Capabilities(rawValue: 1 << 6)
    /// It compares what it has with what the leader says of its keys.
    static let verification = Capabilities(rawValue: 1 << 5)
  }

  var stage = Stage.introduced
  var capabilities: Capabilities = []
  /// Port and address at which it can be reached, as it says (REPLCONF).
  var listeningPort = 0
  /// Tells it from others; the same on all of its connections if it has told its port.
  var identity = ""
  var announcedAddress = ""
  /// Whether a part of the snapshot has left.
  var isReceiving = false
  /// Bytes of a shared snapshot that it has had.
  var feedPosition = 0
  /// What it has had of the stream; nil as long as its place in it isn't known.
  var cursor: StreamCursor?
  /// Offset up to which it has acknowledged the stream, and when that was, in wall milliseconds.
  var acknowledgedOffset = 0
  var acknowledgedAt: Int64 = 0
  /// Offset up to which its own log is durable, as it says.
  var syncedOffset = 0
  /// What it has found by comparing itself with this server, as it says.
  var verified: VerificationFindings.Counts?
  /// When it began to wait, and when its socket has last taken a part of its snapshot, in monotonic
  /// nanoseconds.
  var waitsSince: Int64 = 0
  var progressAt: Int64 = 0

  /// The address at which it can be reached: what it said, or where it comes from.
  func address(of client: Client) -> String {
    if !announcedAddress.isEmpty { return announcedAddress }
    guard let colon = client.address.lastIndex(of: ":") else { return client.address }
    let host = client.address[..<colon]
    // A bracketed IPv6 address is shown bare.
    return host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : String(host)
  }

  /// INFO's word for how far it is.
  var stateName: StaticString {
    switch stage {
    case .introduced, .waiting, .sharing: "wait_bgsave"
    case .receiving: "send_bulk"
    case .loading, .online: "online"
    }
  }

  /// Whether it has had its snapshot.
  var isOnline: Bool {
    switch stage {
    case .loading, .online: true
    default: false
    }
  }

  /// Whether it gets the stream now.
  var getsStream: Bool { if case .online = stage { true } else { false } }

  /// Whether it waits for a snapshot to begin.
  var isWaiting: Bool { if case .waiting = stage { true } else { false } }

  /// The snapshot that it shares with others.
  var sync: FullSync? { if case .sharing(let sync) = stage { sync } else { nil } }
}

extension Client {
  /// What the client has told about itself as a follower; nil if nothing.
  var follower: Follower? { details?.follower }

  /// What the client has told about itself as a follower; made now if there was nothing.
  func makeFollower() -> Follower {
    let details = makeDetails()
    if let follower = details.follower { return follower }
    let follower = Follower()
    details.follower = follower
    return follower
  }
}
