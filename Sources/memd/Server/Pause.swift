// SPDX-License-Identifier: Apache-2.0

/// Which commands wait, and until when: CLIENT PAUSE, a disk that can't keep up, and followers that
/// are to have everything.
struct Pause {
  /// What waits.
  enum Kind {
    case writes
    case everything
  }

  private(set) var kind: Kind?
  /// Monotonic nanoseconds.
  private var end: Int64 = 0
  /// Clients whose requests wait, in the order in which they met the pause.
  var waiting: [Client] = []
  /// Why writes wait although no client has asked for that.
  struct Holders: OptionSet {
    let rawValue: UInt8

    /// A snapshot needs more memory than it may.
    static let snapshot = Holders(rawValue: 1 << 0)
    /// The log can't keep up.
    static let log = Holders(rawValue: 1 << 1)
    /// A follower is to have everything before it takes this server's place.
    static let failover = Holders(rawValue: 1 << 2)
    /// Followers are to have everything before this server ends.
    static let shutdown = Holders(rawValue: 1 << 3)
    /// A follower is too far behind.
    static let followers = Holders(rawValue: 1 << 4)

    /// Those for whose sake nothing may change, by nobody's doing.
    static let freezing: Holders = [.failover, .shutdown]
  }

  var holders: Holders = []
  var holdsWrites: Bool { !holders.isEmpty }

  /// Whether the dataset rests: by CLIENT PAUSE, or until followers have everything.
  var isActive: Bool { kind != nil || isFrozen }
  /// Whether it rests until followers have everything.
  var isFrozen: Bool { !holders.isDisjoint(with: .freezing) }

  /// Starts or extends a pause; a longer or stricter one that is in force stays.
  mutating func begin(_ kind: Kind, until end: Int64) {
    if self.kind == nil || kind == .everything { self.kind = kind }
    self.end = max(self.end, end)
  }

  /// Ends it at once; who waited is the caller's business.
  mutating func cancel() {
    kind = nil
    end = 0
  }

  /// When it ends, or nil.
  func endsAt(monotonic now: Int64) -> Int64? { kind == nil ? nil : end }

  /// True if a command with these flags has to wait.
  func concerns(_ flags: CommandFlags, _ client: Client) -> Bool {
    switch kind {
    case nil: holdsWrites && writes(flags, client)
    case .everything: true
    case .writes: writes(flags, client)
    }
  }

  /// Whether the command may change something, EXEC with what was queued included.
  private func writes(_ flags: CommandFlags, _ client: Client) -> Bool {
    !flags.isDisjoint(with: [.write, .mayReplicate])
      || (client.transaction.isActive && flags.contains(.endsTransaction)
        && !client.transaction.queuedFlags.isDisjoint(with: [.write, .mayReplicate]))
  }
}
