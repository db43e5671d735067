// SPDX-License-Identifier: Apache-2.0

public import DataStructures

/// Who is subscribed to what.
///
/// A subscription is known twice: the topic knows its subscribers, in order, and a subscriber knows
/// its topics. Both sides refer to the same block, so a name is stored once.
public final class SubscriptionRegistry {
  private let allocator: Allocator
  private let seed: HashSeed
  private let channels: TopicTable
  private let patterns: TopicTable
  private let shardChannels: TopicTable
  private let index: PatternIndex

  /// A registry without subscriptions, whose memory comes from `allocator`.
  public init(allocator: Allocator, seed: HashSeed) {
    self.allocator = allocator
    self.seed = seed
    channels = TopicTable(allocator: allocator, seed: seed)
    patterns = TopicTable(allocator: allocator, seed: seed)
    shardChannels = TopicTable(allocator: allocator, seed: seed)
    index = PatternIndex(allocator: allocator, seed: seed)
  }

  private func table(_ kind: TopicKind) -> TopicTable {
    switch kind {
    case .channel: channels
    case .pattern: patterns
    case .shardChannel: shardChannels
    }
  }

  // MARK: - Figures

  /// How many topics of a kind have subscribers.
  public func count(_ kind: TopicKind) -> Int { table(kind).topics.count }

  /// The topic with this name; nil if nobody is subscribed to it.
  public func find(_ name: RawSpan, _ kind: TopicKind) -> Topic? {
    let topics = table(kind)
    guard !topics.topics.isEmpty else { return nil }
    return topics.topics.find(name, hash: SipHash13.hash(name, seed))
  }

  /// Visits all topics of a kind, in no particular order; none may come or go meanwhile.
  public func forEach(_ kind: TopicKind, _ visit: (Topic) -> Void) {
    table(kind).topics.forEach(visit)
  }

  /// Visits the patterns that a channel's name matches, in the order in which they came; none may
  /// come or go meanwhile.
  public func forEachPattern(matching name: RawSpan, _ visit: (Topic) -> Void) {
    if !patterns.topics.isEmpty { index.forEachMatch(name, visit) }
  }

  /// How many patterns are compared with a name to find those that it matches.
  func lookupCost(of name: String) -> Int {
    let bytes = Array(name.utf8)
    index.forEachMatch(bytes.rawSpan) { _ in }
    return index.candidateCount
  }

  // MARK: - Coming and going

  /// Subscribes to a topic; false if that was so already.
  ///
  /// - Complexity: O(1); for a pattern, O(length).
  @discardableResult
  public func subscribe(
    _ subscriptions: Subscriptions, to name: RawSpan, _ kind: TopicKind
  ) -> Bool {
    let all = table(kind)
    let own = subscriptions.makeTable(kind, allocator: allocator, seed: seed)
    let hash = SipHash13.hash(name, seed)
    if let topic = all.topics.find(name, hash: hash) {
      guard own.topics.locate(topic, hash: hash) == nil else { return false }
      topic.add(subscriptions.subscriber, allocator: allocator)
      own.topics.insert(topic, hash: hash)
      return true
    }
    let topic = Topic(
      name, subscriptions.subscriber, isPattern: kind == .pattern, allocator: allocator)
    all.topics.insert(topic, hash: hash)
    own.topics.insert(topic, hash: hash)
    if kind == .pattern { index.add(topic) }
    return true
  }

  /// Ends a subscription; false if there was none.
  ///
  /// - Complexity: O(1), however many others are subscribed to the topic.
  @discardableResult
  public func unsubscribe(
    _ subscriptions: Subscriptions, from name: RawSpan, _ kind: TopicKind
  ) -> Bool {
    let hash = SipHash13.hash(name, seed)
    guard let own = subscriptions.table(kind), let topic = own.topics.remove(name, hash: hash)
    else { return false }
    leave(topic, subscriptions.subscriber, kind, hash: hash)
    return true
  }

  /// Ends all subscriptions of a kind; `visit` gets each name when its subscription has ended.
  public func unsubscribeAll(
    _ subscriptions: Subscriptions, _ kind: TopicKind, visit: (RawSpan) -> Void = { _ in }
  ) {
    guard let own = subscriptions.table(kind) else { return }
    _ = own.topics.drain(upTo: .max) { topic in
      visit(topic.name)
      leave(topic, subscriptions.subscriber, kind, hash: topic.hash(seed))
    }
  }

  /// Ends up to about `limit` subscriptions of somebody who goes; true when none is left. Until
  /// then nothing but this may be done with them.
  public func leave(_ subscriptions: Subscriptions, upTo limit: Int) -> Bool {
    for kind in [TopicKind.channel, .pattern, .shardChannel] {
      guard let own = subscriptions.table(kind) else { continue }
      let isEmpty = own.topics.drain(upTo: limit) { topic in
        leave(topic, subscriptions.subscriber, kind, hash: topic.hash(seed))
      }
      if !isEmpty { return false }
    }
    return true
  }

  private func leave(
    _ topic: Topic, _ subscriber: Subscriber, _ kind: TopicKind, hash: UInt64
  ) {
    guard !topic.remove(subscriber, allocator: allocator) else { return }
    if let location = table(kind).topics.locate(topic, hash: hash) {
      table(kind).topics.remove(at: location)
    }
    if kind == .pattern { index.remove(topic) }
    topic.free(allocator)
  }

  /// Gives the rest of the memory back. All subscribers must have left everything before, by
  /// `unsubscribeAll`.
  public func tearDown() {
    assert(count(.channel) + count(.pattern) + count(.shardChannel) == 0)
    for table in [channels, patterns, shardChannels] { table.topics.removeAll() }
    index.removeAll()
  }
}
