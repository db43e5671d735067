// SPDX-License-Identifier: Apache-2.0

internal import DataStructures

/// Patterns whose anchors stand at the same distance from the same end of a text.
final class AnchorTable {
  let side: PatternAnchor.Side
  let offset: Int
  private var patterns: HashTable<AnchoredPattern>
  /// How many different anchors of each length there are; of the others none is looked for.
  private var countByLength: [Int]
  private var longest = 0

  init(side: PatternAnchor.Side, offset: Int, allocator: Allocator, seed: HashSeed) {
    self.side = side
    self.offset = offset
    patterns = HashTable(allocator: allocator, seed: seed)
    countByLength = Array(repeating: 0, count: PatternAnchor.lengthLimit(side) + 1)
  }

  var isEmpty: Bool { patterns.isEmpty }

  // MARK: - Changing

  /// How many patterns have this anchor; more than a few are not counted.
  func crowd(at anchor: RawSpan) -> Int {
    guard let first = patterns.find(anchor, hash: hash(anchor)) else { return 0 }
    var count = 1
    var next = unsafe first.topic.links.pointee.next
    while next != 0, count < 16 {
      count += 1
      next = unsafe Topic(word: next).links.pointee.next
    }
    return count
  }

  /// Adds a pattern, whose links say which anchor it has.
  func add(_ pattern: Topic) {
    let hash = hash(pattern.anchor)
    if let first = patterns.find(pattern.anchor, hash: hash) {
      let links = unsafe first.topic.links
      unsafe pattern.links.pointee.previous = first.word
      unsafe pattern.links.pointee.next = links.pointee.next
      if unsafe links.pointee.next != 0 {
        unsafe Topic(word: links.pointee.next).links.pointee.previous = pattern.word
      }
      unsafe links.pointee.next = pattern.word
      return
    }
    patterns.insert(AnchoredPattern(word: pattern.word), hash: hash)
    let length = pattern.anchor.byteCount
    countByLength[length] += 1
    longest = max(longest, length)
  }

  /// Takes a pattern out.
  func remove(_ pattern: Topic) {
    let previous = unsafe pattern.links.pointee.previous
    let next = unsafe pattern.links.pointee.next
    if next != 0 { unsafe Topic(word: next).links.pointee.previous = previous }
    if previous != 0 {
      unsafe Topic(word: previous).links.pointee.next = next
      return
    }
    let element = AnchoredPattern(word: pattern.word)
    guard let location = patterns.locate(element, hash: hash(pattern.anchor)) else {
      return assertionFailure("not in the table")
    }
    if next != 0 { return patterns.replace(at: location, with: AnchoredPattern(word: next)) }
    patterns.remove(at: location)
    let length = pattern.anchor.byteCount
    countByLength[length] -= 1
    while longest > 0, countByLength[longest] == 0 { longest -= 1 }
  }

  /// Forgets all patterns.
  func removeAll() {
    patterns.removeAll()
    for length in countByLength.indices { countByLength[length] = 0 }
    longest = 0
  }

  private func hash(_ anchor: RawSpan) -> UInt64 {
    RollingHash.hash(anchor, patterns.seed, isBackward: side == .back)
  }

  // MARK: - Looking up

  /// Visits the patterns whose anchor `text` has in the right place; some perhaps several times.
  ///
  /// - Complexity: O(length of the longest anchor), whatever the number of patterns; for anchors
  ///   that may be anywhere, times the length of the text.
  func forEachCandidate(_ text: RawSpan, _ visit: (Topic) -> Void) {
    switch side {
    case .front: goForward(text, from: offset, visit)
    case .back: goBackward(text, to: text.byteCount - offset, visit)
    case .anywhere:
      for start in 0..<text.byteCount { goForward(text, from: start, visit) }
    }
  }

  private func goForward(_ text: RawSpan, from start: Int, _ visit: (Topic) -> Void) {
    guard start < text.byteCount else { return }
    var hash = RollingHash(patterns.seed)
    for length in 1...max(1, min(longest, text.byteCount - start)) {
      hash.add(text.byte(start + length - 1))
      if countByLength[length] != 0 {
        visitChain(text.extracting(start..<start + length), hash.value, visit)
      }
    }
  }

  private func goBackward(_ text: RawSpan, to end: Int, _ visit: (Topic) -> Void) {
    guard end > 0 else { return }
    var hash = RollingHash(patterns.seed)
    for length in 1...max(1, min(longest, end)) {
      hash.add(text.byte(end - length))
      if countByLength[length] != 0 {
        visitChain(text.extracting(end - length..<end), hash.value, visit)
      }
    }
  }

  private func visitChain(_ anchor: RawSpan, _ hash: UInt64, _ visit: (Topic) -> Void) {
    guard let first = patterns.find(anchor, hash: hash) else { return }
    var word = first.word
    while word != 0 {
      let pattern = Topic(word: word)
      visit(pattern)
      word = unsafe pattern.links.pointee.next
    }
  }
}
