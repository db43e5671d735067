// SPDX-License-Identifier: Apache-2.0

import DataStructures

@testable import PubSub

/// Who is subscribed to what, in the simplest form: lists in the order of arrival.
struct SubscriptionModel {
  /// A channel or pattern with its subscribers.
  struct Entry {
    let name: String
    var subscribers: [UInt64]
  }

  /// By kind.
  private(set) var entries: [[Entry]] = [[], [], []]

  func isSubscribed(_ subscriber: UInt64, _ name: String, _ kind: TopicKind) -> Bool {
    entry(name, kind)?.subscribers.contains(subscriber) ?? false
  }

  func entry(_ name: String, _ kind: TopicKind) -> Entry? {
    entries[kind.rawValue].first { $0.name == name }
  }

  func names(of subscriber: UInt64, _ kind: TopicKind) -> [String] {
    entries[kind.rawValue].filter { $0.subscribers.contains(subscriber) }.map(\.name)
  }

  mutating func subscribe(_ subscriber: UInt64, _ name: String, _ kind: TopicKind) {
    if let index = entries[kind.rawValue].firstIndex(where: { $0.name == name }) {
      entries[kind.rawValue][index].subscribers.append(subscriber)
    } else {
      entries[kind.rawValue].append(Entry(name: name, subscribers: [subscriber]))
    }
  }

  mutating func unsubscribe(_ subscriber: UInt64, _ name: String, _ kind: TopicKind) {
    guard let index = entries[kind.rawValue].firstIndex(where: { $0.name == name }) else { return }
    entries[kind.rawValue][index].subscribers.removeAll { $0 == subscriber }
    if entries[kind.rawValue][index].subscribers.isEmpty {
      entries[kind.rawValue].remove(at: index)
    }
  }

  /// The patterns that a text matches, in the order of arrival.
  func patterns(matching text: String) -> [String] {
    let bytes = Array(text.utf8)
    return entries[TopicKind.pattern.rawValue].map(\.name).filter {
      GlobPattern.matches(pattern: Array($0.utf8).rawSpan, text: bytes.rawSpan)
    }
  }
}

extension SubscriptionRegistry {
  /// The subscribers of a topic, in order.
  func subscribers(of name: String, _ kind: TopicKind) -> [UInt64] {
    var words: [UInt64] = []
    find(Array(name.utf8).rawSpan, kind)?.forEachSubscriber { words.append($0.word) }
    return words
  }

  /// The patterns that a text matches, in the order in which they are visited.
  func patterns(matching text: String) -> [String] {
    var names: [String] = []
    forEachPattern(matching: Array(text.utf8).rawSpan) { names.append($0.name.text) }
    return names
  }
}
