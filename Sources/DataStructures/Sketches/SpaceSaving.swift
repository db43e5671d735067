// SPDX-License-Identifier: Apache-2.0
//
// The heaviest names of an endless stream, in memory that doesn't grow: Space-Saving, by Metwally,
// Agrawal and El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data Streams"
// (ICDT 2005), with weights.
//
// There is a fixed number of counters. A name that has one adds its weight to it. One that has none
// takes the counter of the lightest name and goes on from there, remembering how much of the weight
// may be others':
//
//     two counters, a 5, b 2, then c 1:     a: 5, b: 2   ->   a: 5, c: 3 of which 2 are doubtful
//
// So a counter never shows less than its name's weight, and without the doubtful part never more;
// every name with more than total / counters of the weight has one. Counters lie in a heap whose
// first is the lightest.

/// Counts the weights of the heaviest names of a stream with a fixed number of counters.
///
/// - Complexity: `add` is O(log n) for n counters, and copies the name when it takes a counter.
public struct SpaceSaving: Sendable {
  /// A name and what is known of its weight.
  public struct Item: Sendable {
    /// The name, or its beginning (`nameByteCountMax`).
    public let name: [UInt8]
    /// What the name has at least.
    public let weight: Int
    /// The number of its counter (`Place.number`).
    public let number: Int
  }

  /// Where the weight of a name is counted, for whoever counts more of the name than its weight.
  public struct Place: Sendable, Equatable {
    /// The number of its counter, below the capacity.
    public let number: Int
    /// The counter begins anew: what was noted under its number is another name's.
    public let isNew: Bool
  }

  /// Bytes of a name that are kept; longer ones are told apart by their hash.
  public static let nameByteCountMax = 1024

  private struct Counter {
    var hash: UInt64
    var name: [UInt8]
    var weight: Int
    /// The part of the weight that may be that of names that had the counter before.
    var doubtful: Int
    /// Where it stands in the heap.
    var place: Int

    var certain: Int { weight - doubtful }
  }

  private let capacity: Int
  private var counters: [Counter] = []
  /// Numbers of counters; no parent is heavier than its children.
  private var heap: [Int] = []
  private var numbers: [UInt64: Int] = [:]
  private var nameByteCount = 0

  /// The weight of all names.
  public private(set) var total = 0

  /// - Parameter capacity: number of counters; at least one.
  public init(capacity: Int) {
    precondition(capacity > 0)
    self.capacity = capacity
  }

  /// Memory that it takes, roughly.
  public var byteCount: Int {
    counters.count * (MemoryLayout<Counter>.stride + 8 * MemoryLayout<Int>.stride) + nameByteCount
  }

  /// Adds to the weight of a name; nothing if `weight` isn't positive.
  ///
  /// - Parameter hash: of the whole name; those of different names must be different in practice.
  /// - Returns: where the name is counted now; nil if nothing was added.
  @discardableResult
  public mutating func add(_ name: RawSpan, hash: UInt64, weight: Int) -> Place? {
    guard weight > 0 else { return nil }
    total = Self.sum(total, weight)
    if let number = numbers[hash] {
      counters[number].weight = Self.sum(counters[number].weight, weight)
      sink(from: counters[number].place)
      return Place(number: number, isNew: false)
    }
    if counters.count < capacity {
      counters.append(
        Counter(
          hash: hash, name: Self.kept(name), weight: weight, doubtful: 0, place: heap.count))
      nameByteCount += counters[counters.count - 1].name.count
      numbers[hash] = counters.count - 1
      heap.append(counters.count - 1)
      rise(from: heap.count - 1)
      return Place(number: counters.count - 1, isNew: true)
    }
    let number = heap[0]
    numbers[counters[number].hash] = nil
    numbers[hash] = number
    nameByteCount -= counters[number].name.count
    counters[number].hash = hash
    counters[number].name = Self.kept(name)
    nameByteCount += counters[number].name.count
    counters[number].doubtful = counters[number].weight
    counters[number].weight = Self.sum(counters[number].weight, weight)
    sink(from: 0)
    return Place(number: number, isNew: true)
  }

  /// The names that have most for certain, heaviest first.
  ///
  /// - Complexity: O(n log n) for n counters.
  public func heaviest(_ count: Int) -> [Item] {
    counters.indices.sorted { counters[$0].certain > counters[$1].certain }.prefix(count).map(item)
  }

  /// All names that have a counter, by its number.
  ///
  /// - Complexity: O(n) for n counters.
  public var items: [Item] { counters.indices.map(item) }

  private func item(_ number: Int) -> Item {
    Item(name: counters[number].name, weight: counters[number].certain, number: number)
  }

  private static func kept(_ name: RawSpan) -> [UInt8] {
    name.extracting(first: min(name.byteCount, nameByteCountMax)).copied
  }

  /// Weights stay at their highest value instead of overflowing.
  private static func sum(_ left: Int, _ right: Int) -> Int {
    let sum = left.addingReportingOverflow(right)
    return sum.overflow ? .max : sum.partialValue
  }

  // MARK: - The heap

  private mutating func sink(from start: Int) {
    var place = start
    while true {
      var lightest = place
      for child in (2 * place + 1)...(2 * place + 2) where child < heap.count {
        if weight(at: child) < weight(at: lightest) { lightest = child }
      }
      if lightest == place { return }
      exchange(place, lightest)
      place = lightest
    }
  }

  private mutating func rise(from start: Int) {
    var place = start
    while place > 0, weight(at: place) < weight(at: (place - 1) / 2) {
      exchange(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  private func weight(at place: Int) -> Int { counters[heap[place]].weight }

  private mutating func exchange(_ left: Int, _ right: Int) {
    heap.swapAt(left, right)
    counters[heap[left]].place = left
    counters[heap[right]].place = right
  }
}
