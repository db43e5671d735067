// SPDX-License-Identifier: Apache-2.0

internal import DataStructures

/// Topics of one kind: all that there are, or those of one subscriber.
final class TopicTable {
  var topics: HashTable<Topic>

  init(allocator: Allocator, seed: HashSeed) {
    topics = HashTable(allocator: allocator, seed: seed)
  }
}

/// What a subscriber can be subscribed to.
public enum TopicKind: Int, Sendable {
  /// Messages that are sent to a channel.
  case channel
  /// Messages that are sent to any channel whose name matches a pattern.
  case pattern
  /// Messages that are sent to a channel which belongs to a part of the keyspace.
  case shardChannel
}

/// Everything that one subscriber is subscribed to; it owns none of it.
public final class Subscriptions {
  /// Whose they are.
  public let subscriber: Subscriber
  /// By kind; nil until there is one.
  private var tables: [TopicTable?] = [nil, nil, nil]

  /// No subscriptions yet.
  public init(of subscriber: Subscriber) { self.subscriber = subscriber }

  /// How many there are of a kind.
  public func count(_ kind: TopicKind) -> Int { tables[kind.rawValue]?.topics.count ?? 0 }

  /// How many there are of all kinds.
  public var count: Int { count(.channel) + count(.pattern) + count(.shardChannel) }

  /// Visits all topics of a kind, in no particular order; none may come or go meanwhile.
  public func forEach(_ kind: TopicKind, _ visit: (Topic) -> Void) {
    tables[kind.rawValue]?.topics.forEach(visit)
  }

  /// Memory of the tables; what is in them belongs to the topics.
  public var byteCount: Int {
    tables.reduce(0) { $0 + ($1?.topics.bucketBytes ?? 0) }
  }

  /// The table of a kind, if there was ever a subscription.
  func table(_ kind: TopicKind) -> TopicTable? { tables[kind.rawValue] }

  /// The table of a kind, made if there was none.
  func makeTable(_ kind: TopicKind, allocator: Allocator, seed: HashSeed) -> TopicTable {
    if let table = tables[kind.rawValue] { return table }
    let table = TopicTable(allocator: allocator, seed: seed)
    tables[kind.rawValue] = table
    return table
  }
}
