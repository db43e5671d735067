// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// What can be counted for prefixes of keys, and added up.
protocol PrefixCount: Sendable {
  init()
  mutating func add(_ other: Self)
}

/// Counts by prefixes in memory that doesn't grow.
///
/// Given prefixes and all other keys together have a count each, which are exact. First segments
/// share a fixed number of counters, several for each one that is to be shown (`SpaceSaving`): a
/// segment without one takes that of the lightest, whose count goes to the other keys'. So nothing
/// is lost, what is shown of a segment is certain, and every segment with more than
/// weight / counters of all weight has a counter.
struct PrefixTally<Count: PrefixCount> {
  /// The count of a prefix.
  struct Item: Sendable {
    let name: [UInt8]
    /// Whether it was given, and so is shown whatever its count is.
    let isGiven: Bool
    let weight: Int
    let count: Count
  }

  /// Counters per first segment that is shown: the more there are, the less is uncertain.
  static var countersPerSegment: Int { 8 }

  let rules: PrefixAccounting
  /// First segments that are to be shown.
  let shown: Int
  private let seed: HashSeed
  private var given: [Count]
  private var givenWeights: [Int]
  private var segments: SpaceSaving
  private var segmentCounts: [Count] = []
  /// What belongs to no prefix that has a count.
  private(set) var others = Count()

  /// - Parameter shown: first segments that are to be shown.
  init(_ rules: PrefixAccounting, shown: Int, seed: HashSeed) {
    self.rules = rules
    self.shown = shown
    self.seed = seed
    given = Array(repeating: Count(), count: rules.prefixes.count)
    givenWeights = Array(repeating: 0, count: rules.prefixes.count)
    segments = SpaceSaving(capacity: max(1, shown) * Self.countersPerSegment)
  }

  /// Adds to the count of a key's prefix.
  ///
  /// - Parameter weight: by which first segments displace each other; positive.
  /// - Complexity: O(log n) for n prefixes; a first segment that takes a counter is copied.
  mutating func add(_ count: Count, of key: RawSpan, weight: Int) {
    switch rules.group(of: key) {
    case .others: others.add(count)
    case .given(let number):
      given[number].add(count)
      givenWeights[number] &+= weight
    case .segment(let byteCount):
      let name = key.extracting(first: byteCount)
      let hash = SipHash13.hash(name, seed)
      guard let place = segments.add(name, hash: hash, weight: weight) else { return }
      if place.number == segmentCounts.count {
        segmentCounts.append(count)
      } else if place.isNew {
        others.add(segmentCounts[place.number])
        segmentCounts[place.number] = count
      } else {
        segmentCounts[place.number].add(count)
      }
    }
  }

  /// All prefixes that have a count.
  ///
  /// - Complexity: O(n) for n counters
  var items: [Item] {
    var items = rules.prefixes.enumerated().map { index, prefix in
      Item(
        name: prefix.bytes, isGiven: true, weight: givenWeights[index], count: given[index])
    }
    for item in segments.items {
      items.append(
        Item(
          name: item.name, isGiven: false, weight: item.weight,
          count: segmentCounts[item.number]))
    }
    return items
  }

  /// Memory that it takes, roughly.
  var byteCount: Int {
    segments.byteCount + (given.count + segmentCounts.count) * MemoryLayout<Count>.stride
  }
}
