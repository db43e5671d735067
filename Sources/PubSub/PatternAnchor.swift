// SPDX-License-Identifier: Apache-2.0

internal import DataStructures

// A pattern is found through its anchor: bytes that a matching text must have at a known place.
//
//     news.*          front, offset 0: "news."
//     [ab]?tail*      front, offset 2: "tail"
//     *.log??         back, offset 2:  ".log"
//     *middle*        anywhere:        "middle"
//     [ab]*           none
//
// Up to the first star every element takes one byte, so literal bytes there have a fixed distance
// from the front; behind the last star, from the back.

/// Bytes of a pattern that a matching text must have.
struct PatternAnchor: Equatable {
  /// Where in the text they must be.
  enum Side: UInt8 { case front, back, anywhere }

  var side: Side
  /// Bytes of the text in front of (or behind) them.
  var offset: Int
  /// Where they are in the pattern.
  var range: Range<Int>

  /// Farther from the end of the text no anchor is looked for.
  static let offsetLimit = 8
  /// Longer ones are cut; those that may be anywhere, earlier, as they cost at every place.
  static func lengthLimit(_ side: Side) -> Int { side == .anywhere ? 16 : 256 }
}

/// What a pattern consists of, as far as the index must know.
struct PatternOutline {
  /// The longest literal bytes in front of the first star and those behind the last one; if there
  /// are none of either, the longest anywhere.
  private(set) var anchors: [PatternAnchor] = []
  /// The bytes with which a matching text may begin; nil: with any.
  private(set) var firstBytes: [UInt8]?

  private enum Element: Equatable {
    case star, literal, single
  }

  /// Literal bytes of the pattern: how many stars and then how many bytes of text precede them.
  private struct Run {
    let starCount: Int
    let offset: Int
    var range: Range<Int>
  }

  init(_ pattern: RawSpan) {
    var runs: [Run] = []
    var position = 0
    var starCount = 0
    /// Bytes of text since the last star.
    var width = 0
    while position < pattern.byteCount {
      let (element, next) = PatternOutline.element(of: pattern, at: position)
      if position == 0 { firstBytes = PatternOutline.firstBytes(element, pattern, next) }
      if element == .literal {
        if let last = runs.indices.last, runs[last].range.upperBound == position {
          runs[last].range = runs[last].range.lowerBound..<next
        } else {
          runs.append(Run(starCount: starCount, offset: width, range: position..<next))
        }
      }
      if element == .star {
        starCount += 1
        width = 0
      } else {
        width += 1
      }
      position = next
    }
    collectAnchors(runs, starCount: starCount, tailWidth: width)
  }

  private mutating func collectAnchors(_ runs: [Run], starCount: Int, tailWidth: Int) {
    let limit = PatternAnchor.offsetLimit
    if let run = PatternOutline.longest(runs.filter { $0.starCount == 0 && $0.offset < limit }) {
      anchors.append(PatternAnchor(side: .front, offset: run.offset, range: run.range))
    }
    let tail = runs.filter {
      starCount > 0 && $0.starCount == starCount
        && tailWidth - $0.offset - $0.range.count < limit
    }
    if let run = PatternOutline.longest(tail) {
      let offset = tailWidth - run.offset - run.range.count
      anchors.append(PatternAnchor(side: .back, offset: offset, range: run.range))
    }
    if anchors.isEmpty, let run = PatternOutline.longest(runs) {
      anchors.append(PatternAnchor(side: .anywhere, offset: 0, range: run.range))
    }
    anchors = anchors.map(PatternOutline.cut)
  }

  private static func longest(_ runs: [Run]) -> Run? {
    runs.max { $0.range.count < $1.range.count }
  }

  /// The element at a position, and where the next one begins; as `GlobPattern` reads them.
  private static func element(of pattern: RawSpan, at position: Int) -> (Element, Int) {
    switch pattern.byte(position) {
    case UInt8(ascii: "*"): return (.star, position + 1)
    case UInt8(ascii: "?"): return (.single, position + 1)
    case UInt8(ascii: "["): return (.single, endOfClass(pattern, position))
    case UInt8(ascii: "\\") where position + 1 < pattern.byteCount:
      // Not literal, so that an anchor is a piece of the pattern as it stands.
      return (.single, position + 2)
    default: return (.literal, position + 1)
    }
  }

  private static func endOfClass(_ pattern: RawSpan, _ start: Int) -> Int {
    let end = pattern.byteCount
    var position = start + 1
    if position < end, pattern.byte(position) == UInt8(ascii: "^") { position += 1 }
    while position < end {
      let byte = pattern.byte(position)
      if byte == UInt8(ascii: "\\"), position + 1 < end {
        position += 2
      } else if byte == UInt8(ascii: "]") {
        return position + 1
      } else if position + 2 < end, pattern.byte(position + 1) == UInt8(ascii: "-") {
        position += 3
      } else {
        position += 1
      }
    }
    return position
  }

  /// All bytes that the pattern's first element, which ends at `end`, takes; nil if most.
  private static func firstBytes(_ element: Element, _ pattern: RawSpan, _ end: Int) -> [UInt8]? {
    // Every byte is tried, which a class of a megabyte would make a stall.
    guard element != .star, end <= 64 else { return nil }
    let first = pattern.extracting(0..<end)
    let bytes = (UInt8.min...UInt8.max).filter { byte in
      GlobPattern.matches(pattern: first, text: [byte].rawSpan)
    }
    return bytes.count <= 16 ? bytes : nil
  }

  /// Shortens an anchor at the end that is farther from its end of the text.
  private static func cut(_ anchor: PatternAnchor) -> PatternAnchor {
    let limit = PatternAnchor.lengthLimit(anchor.side)
    guard anchor.range.count > limit else { return anchor }
    var shorter = anchor
    let range = anchor.range
    shorter.range =
      anchor.side == .back
      ? range.upperBound - limit..<range.upperBound : range.lowerBound..<range.lowerBound + limit
    return shorter
  }
}
