// SPDX-License-Identifier: Apache-2.0

import DataStructures
import Testing

@testable import PubSub

/// Random subscriptions of a few subscribers, compared with the model; and some cases by name.
struct SubscriptionRegistryTests {
  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `Whatever comes and goes, topics and subscribers agree with a list`(seed: UInt64) {
    let trial = Trial(seed: seed)
    for step in 0..<3000 where trial.failure == nil {
      trial.step()
      if step % 100 == 0 { trial.check() }
    }
    trial.finish()
    #expect(trial.failure == nil, "seed \(seed)")
  }

  @Test func `A channel keeps the order of ten thousand subscribers while half of them leave`() {
    let allocator = Allocator.create()
    let registry = SubscriptionRegistry(allocator: allocator, seed: HashSeed(k0: 1, k1: 2))
    let name = Array("news".utf8)
    let all = (1...10_000).map { Subscriptions(of: Subscriber(word: UInt64($0))) }
    for subscriptions in all { registry.subscribe(subscriptions, to: name.rawSpan, .channel) }
    for (index, subscriptions) in all.enumerated() where index % 2 == 0 {
      registry.unsubscribe(subscriptions, from: name.rawSpan, .channel)
    }
    let expected = (1...10_000).filter { $0 % 2 == 0 }.map { UInt64($0) }
    #expect(registry.subscribers(of: "news", .channel) == expected)
    for subscriptions in all { registry.unsubscribeAll(subscriptions, .channel) }
    #expect(registry.count(.channel) == 0)
    registry.tearDown()
    #expect(allocator.bytesInUse == 0)
    allocator.destroy()
  }

  @Test func `A channel that one subscriber has costs less than 70 bytes`() {
    let allocator = Allocator.create()
    let registry = SubscriptionRegistry(allocator: allocator, seed: HashSeed(k0: 1, k1: 2))
    let subscriptions = Subscriptions(of: Subscriber(word: 1))
    let before = allocator.bytesInUse
    for number in 0..<100_000 {
      let digits = String(number)
      let name = "channel:" + String(repeating: "0", count: 8 - digits.utf8.count) + digits
      registry.subscribe(subscriptions, to: Array(name.utf8).rawSpan, .channel)
    }
    #expect((allocator.bytesInUse - before) / 100_000 < 70)
    registry.unsubscribeAll(subscriptions, .channel)
    registry.tearDown()
    #expect(allocator.bytesInUse == before)
    allocator.destroy()
  }
}

/// A registry and its model under the same random operations.
private final class Trial {
  private let allocator = Allocator.create()
  private let registry: SubscriptionRegistry
  private var model = SubscriptionModel()
  private let all: [Subscriptions]
  private var random: RandomGenerator
  private(set) var failure: String?

  private static let kinds: [TopicKind] = [.channel, .pattern, .shardChannel]

  init(seed: UInt64) {
    random = RandomGenerator(seed: seed)
    registry = SubscriptionRegistry(allocator: allocator, seed: HashSeed(using: &random))
    all = (1...80).map { Subscriptions(of: Subscriber(word: UInt64($0))) }
  }

  func step() {
    let kind = Trial.kinds[random.next(below: 3)]
    let subscriptions = all[random.next(below: all.count)]
    let word = subscriptions.subscriber.word
    let name = kind == .pattern ? randomPattern() : "c\(random.next(below: 20))"
    let bytes = Array(name.utf8)
    let wasThere = model.isSubscribed(word, name, kind)
    switch random.next(below: 20) {
    case 0..<11:
      let isNew = registry.subscribe(subscriptions, to: bytes.rawSpan, kind)
      if !wasThere { model.subscribe(word, name, kind) }
      expect(isNew != wasThere, "subscribe \(name)")
    case 11..<19:
      let left = registry.unsubscribe(subscriptions, from: bytes.rawSpan, kind)
      model.unsubscribe(word, name, kind)
      expect(left == wasThere, "unsubscribe \(name)")
    default:
      var left: [String] = []
      registry.unsubscribeAll(subscriptions, kind) { left.append($0.text) }
      let expected = model.names(of: word, kind)
      for name in expected { model.unsubscribe(word, name, kind) }
      expect(left.sorted() == expected.sorted(), "unsubscribe from all")
    }
    let text = randomText()
    expect(
      registry.patterns(matching: text) == model.patterns(matching: text), "matches of \(text)")
  }

  func check() {
    for kind in Trial.kinds {
      let entries = model.entries[kind.rawValue]
      expect(registry.count(kind) == entries.count, "count")
      for entry in entries {
        expect(
          registry.subscribers(of: entry.name, kind) == entry.subscribers,
          "subscribers of \(entry.name)")
        let count = registry.find(Array(entry.name.utf8).rawSpan, kind)?.subscriberCount
        expect(count == entry.subscribers.count, "number of subscribers of \(entry.name)")
      }
      for subscriptions in all {
        let expected = model.names(of: subscriptions.subscriber.word, kind).count
        expect(subscriptions.count(kind) == expected, "number of subscriptions")
      }
    }
  }

  /// Everybody leaves: no memory is left behind.
  func finish() {
    check()
    for subscriptions in all {
      for kind in Trial.kinds { registry.unsubscribeAll(subscriptions, kind) }
      expect(subscriptions.count == 0, "subscriptions at the end")
    }
    registry.tearDown()
  }

  private func expect(_ isTrue: Bool, _ what: @autoclosure () -> String) {
    if !isTrue, failure == nil { failure = what() }
  }

  /// Few letters, so that much matches.
  private func randomText() -> String {
    String((0..<random.next(below: 7)).map { _ in letters[random.next(below: letters.count)] })
  }

  private let letters: [Character] = ["a", "b", "c"]

  private func randomPattern() -> String {
    let pieces = [
      "a", "b", "c", "a", "b", "*", "*", "?", "[ab]", "[^a]", "[a-c]", "\\a", "\\*", "[", "[]",
      "[a", "\\", "ab", "bca",
    ]
    return (0..<random.next(below: 6)).map { _ in pieces[random.next(below: pieces.count)] }
      .joined()
  }
}
