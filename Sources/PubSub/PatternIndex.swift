// SPDX-License-Identifier: Apache-2.0

internal import DataStructures

/// Finds the patterns that a text matches without trying them all.
///
/// Every pattern with literal bytes is filed under its anchor (see `PatternAnchor.swift`): tables
/// for anchors at the same place, in them a hash of the bytes. A text is gone through once per
/// place that has patterns. What has no literal byte is filed by the bytes with which a text may
/// begin. `GlobPattern` decides in the end.
final class PatternIndex {
  private let allocator: Allocator
  private let seed: HashSeed
  /// By place; nil where no pattern has ever been.
  private var tables: [AnchorTable?]
  /// Patterns without literal bytes, by the first byte of the text; those for most bytes last.
  private var unanchored: [[Topic]] = Array(repeating: [], count: 257)
  private var lastSequence: UInt64 = 0
  private var lastLookup: UInt64 = 0
  /// Patterns that the last look-up has compared with its text.
  private(set) var candidateCount = 0
  /// What the look-up under way has found.
  private var found: [Topic] = []

  private static let tableCount = 2 * PatternAnchor.offsetLimit + 1
  private static let anyFirstByte = 256

  init(allocator: Allocator, seed: HashSeed) {
    self.allocator = allocator
    self.seed = seed
    tables = Array(repeating: nil, count: PatternIndex.tableCount)
  }

  // MARK: - Changing

  /// Files a pattern that has just come.
  func add(_ pattern: Topic) {
    lastSequence += 1
    unsafe pattern.links.pointee.sequence = lastSequence
    let outline = PatternOutline(pattern.name)
    guard let anchor = leastCrowded(outline.anchors, of: pattern) else {
      for first in PatternIndex.lists(outline) { unanchored[first].append(pattern) }
      return
    }
    unsafe pattern.links.pointee.anchorStart = anchor.range.lowerBound
    unsafe pattern.links.pointee.anchorCount = Int32(anchor.range.count)
    unsafe pattern.links.pointee.anchorSide = anchor.side
    unsafe pattern.links.pointee.anchorOffset = UInt8(anchor.offset)
    makeTable(anchor).add(pattern)
  }

  /// Takes a pattern out.
  func remove(_ pattern: Topic) {
    guard unsafe pattern.links.pointee.anchorCount > 0 else {
      for first in PatternIndex.lists(PatternOutline(pattern.name)) {
        unanchored[first].removeAll { $0 == pattern }
      }
      return
    }
    let links = unsafe pattern.links.pointee
    let place = PatternIndex.place(links.anchorSide, Int(links.anchorOffset))
    tables[place]?.remove(pattern)
  }

  /// Forgets all patterns.
  func removeAll() {
    for table in tables { table?.removeAll() }
    for first in unanchored.indices { unanchored[first] = [] }
  }

  /// Of several anchors the one that tells the pattern from the most others.
  private func leastCrowded(_ anchors: [PatternAnchor], of pattern: Topic) -> PatternAnchor? {
    guard anchors.count > 1 else { return anchors.first }
    var best: (anchor: PatternAnchor, crowd: Int)?
    for anchor in anchors {
      let crowd = makeTable(anchor).crowd(at: pattern.name.extracting(anchor.range))
      if let current = best {
        guard
          crowd < current.crowd
            || (crowd == current.crowd && anchor.range.count > current.anchor.range.count)
        else { continue }
      }
      best = (anchor, crowd)
    }
    return best?.anchor
  }

  private static func lists(_ outline: PatternOutline) -> [Int] {
    outline.firstBytes.map { $0.map(Int.init) } ?? [anyFirstByte]
  }

  private static func place(_ side: PatternAnchor.Side, _ offset: Int) -> Int {
    switch side {
    case .front: offset
    case .back: PatternAnchor.offsetLimit + offset
    case .anywhere: 2 * PatternAnchor.offsetLimit
    }
  }

  private func makeTable(_ anchor: PatternAnchor) -> AnchorTable {
    let place = PatternIndex.place(anchor.side, anchor.offset)
    if let table = tables[place] { return table }
    let table = AnchorTable(
      side: anchor.side, offset: anchor.offset, allocator: allocator, seed: seed)
    tables[place] = table
    return table
  }

  // MARK: - Looking up

  /// Visits the patterns that `text` matches, in the order in which they came.
  func forEachMatch(_ text: RawSpan, _ visit: (Topic) -> Void) {
    lastLookup += 1
    candidateCount = 0
    for table in tables {
      guard let table, !table.isEmpty else { continue }
      table.forEachCandidate(text) { consider($0, text) }
    }
    if text.byteCount > 0 {
      for pattern in unanchored[Int(text.byte(0))] { consider(pattern, text) }
    }
    for pattern in unanchored[PatternIndex.anyFirstByte] { consider(pattern, text) }
    guard !found.isEmpty else { return }
    if found.count > 1 {
      found.sort { unsafe $0.links.pointee.sequence < $1.links.pointee.sequence }
    }
    let matches = found
    found.removeAll(keepingCapacity: true)
    for pattern in matches { visit(pattern) }
  }

  private func consider(_ pattern: Topic, _ text: RawSpan) {
    guard unsafe pattern.links.pointee.lookup != lastLookup else { return }
    unsafe pattern.links.pointee.lookup = lastLookup
    candidateCount += 1
    if GlobPattern.matches(pattern: pattern.name, text: text) { found.append(pattern) }
  }
}
