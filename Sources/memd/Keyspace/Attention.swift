// SPDX-License-Identifier: Apache-2.0

/// Who has to be told when a key changes, in one word that every write looks at.
///
/// In the common case nobody does. Whoever comes or goes keeps the word up to date.
final class Attention {
  struct Kinds: OptionSet {
    let rawValue: UInt16

    /// Somebody sees keyspace events.
    static let observer = Kinds(rawValue: 1 << 0)
    /// Keys are watched.
    static let watchers = Kinds(rawValue: 1 << 1)
    /// Clients wait for keys.
    static let waiters = Kinds(rawValue: 1 << 2)
    /// Keys that clients wait for have changed: these clients are served when the unit ends.
    static let readyKeys = Kinds(rawValue: 1 << 3)
    /// Messages for the client of the unit under way wait for its reply.
    static let ownPushes = Kinds(rawValue: 1 << 4)
    /// Clients cache what they read.
    static let trackers = Kinds(rawValue: 1 << 5)
    /// Keys have changed that clients want to hear of at the end of the turn.
    static let broadcasts = Kinds(rawValue: 1 << 6)
    /// Keyspace events are to name the fields of hashes that they are about.
    static let fields = Kinds(rawValue: 1 << 7)
    /// Somebody wants to hear of values that are replaced altogether.
    static let replacements = Kinds(rawValue: 1 << 8)
    /// Commands wait for the end of the unit to be propagated together.
    static let effects = Kinds(rawValue: 1 << 9)
    /// A follower's clients may write, and what they write may expire.
    static let localWrites = Kinds(rawValue: 1 << 10)

    /// What is to be done when a unit has ended.
    static let atEndOfUnit: Kinds = [.effects, .readyKeys, .ownPushes]
  }

  private(set) var kinds: Kinds = []

  /// Says whether there is any of a kind now.
  func set(_ kind: Kinds, _ isThere: Bool) {
    if isThere { kinds.insert(kind) } else { kinds.remove(kind) }
  }
}
