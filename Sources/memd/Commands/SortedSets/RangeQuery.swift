// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Which members ZRANGE and its relatives are asked for.
struct RangeQuery {
  /// What the bounds are.
  enum Kind {
    case ranks, scores, alphabet
  }

  private enum Bounds {
    case ranks(Int, Int)
    case scores(ScoreRange)
    case alphabet(AlphabetRange)
  }

  private var kind: Kind?
  private var direction: Bool?
  private var bounds = Bounds.ranks(0, 0)
  private var offset = 0
  /// Negative: no limit.
  private var limit = -1
  /// WITHSCORES
  private(set) var showsScores = false
  /// XX: a missing key is answered by a null array, not by an empty one.
  private(set) var tellsMissing = false

  private var isReversed: Bool { direction ?? false }

  /// Whether the range is one of the alphabet.
  var isAlphabetic: Bool { if case .alphabet = bounds { true } else { false } }

  /// The query of ZRANGE without options.
  init(_ start: Int, _ stop: Int) { bounds = .ranks(start, stop) }

  /// Reads bounds and options behind the key at `index`.
  ///
  /// - Parameters:
  ///   - kind: what the bounds are; nil if options may say.
  ///   - isReversed: whether the highest comes first; nil if options may say.
  ///   - stores: true if the result goes to a key, where it always has scores.
  init(
    _ call: borrowing Call, key index: Int, _ kind: Kind?, isReversed: Bool?,
    stores: Bool = false
  ) throws(CommandError) {
    self.kind = kind
    direction = isReversed
    var cursor = ArgumentCursor(call.arguments, from: index + 3)
    while !cursor.isAtEnd { takeOption(&cursor, stores: stores) }
    try cursor.finish()
    let kind = self.kind ?? .ranks
    if limit != -1, kind == .ranks {
      throw CommandError(
        """
        ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX
        """)
    }
    if showsScores, kind == .alphabet {
      throw CommandError(
        "ERR syntax error, WITHSCORES not supported in combination with BYLEX")
    }
    try readBounds(call, kind, at: index + 1)
  }

  private mutating func takeOption(_ cursor: inout ArgumentCursor, stores: Bool) {
    let word = FoldedName(folding: cursor.arguments[cursor.index])
    _ = cursor.next()
    switch word {
    case FoldedName("withscores") where !stores: showsScores = true
    case FoldedName("xx") where !stores: tellsMissing = true
    case FoldedName("limit") where cursor.remaining >= 2:
      offset = cursor.integer()
      limit = cursor.integer()
    case FoldedName("rev") where direction == nil: direction = true
    case FoldedName("byscore") where kind == nil: kind = .scores
    case FoldedName("bylex") where kind == nil: kind = .alphabet
    default: cursor.fail(.syntax)
    }
  }

  private mutating func readBounds(
    _ call: borrowing Call, _ kind: Kind, at index: Int
  ) throws(CommandError) {
    // Bounds of scores and members come highest first if the members do.
    let minimum = isReversed ? index + 1 : index
    let maximum = isReversed ? index : index + 1
    switch kind {
    case .ranks: bounds = .ranks(try call.integer(index), try call.integer(index + 1))
    case .scores:
      bounds = .scores(try ScoreRange(call.arguments, minimum: minimum, maximum: maximum))
    case .alphabet:
      bounds = .alphabet(try AlphabetRange(call.arguments, minimum: minimum, maximum: maximum))
    }
  }

  /// The members of `value` that were asked for.
  @inline(__always)
  func walk(_ value: SortedSetValue) -> SortedSetWalk {
    var ranks: Range<Int>
    switch bounds {
    case .ranks(let start, let stop):
      ranks = RangeQuery.ranks(start, stop, count: value.count)
      if isReversed {
        let count = value.count
        ranks = count &- ranks.upperBound..<count &- ranks.lowerBound
      }
    case .scores(let range): ranks = limited(range.ranks(in: value))
    case .alphabet(let range): ranks = limited(range.ranks(in: value, isReversed: isReversed))
    }
    return SortedSetWalk(
      value, from: isReversed ? ranks.upperBound &- 1 : ranks.lowerBound, count: ranks.count,
      isReversed: isReversed)
  }

  /// What LIMIT leaves of a range.
  private func limited(_ ranks: Range<Int>) -> Range<Int> {
    guard offset >= 0, offset < ranks.count else { return 0..<0 }
    let left = ranks.count - offset
    let count = limit < 0 ? left : min(left, limit)
    if isReversed {
      let end = ranks.upperBound - offset
      return end - count..<end
    }
    let start = ranks.lowerBound + offset
    return start..<start + count
  }

  /// Ranks from `start` to `stop`, both included and negative from the end, that exist.
  static func ranks(_ start: Int, _ stop: Int, count: Int) -> Range<Int> {
    let first = max(0, start < 0 ? start &+ count : start)
    let last = min(count &- 1, stop < 0 ? stop &+ count : stop)
    return first <= last ? first..<last &+ 1 : 0..<0
  }
}

extension Call {
  /// Replies with members, each followed by its score or, in RESP3, paired with it.
  @inline(__always)
  func replyMembers(_ members: SortedSetWalk, showsScores: Bool) {
    let isNested = reply.version == .resp3
    reply.array(showsScores && !isNested ? members.remaining * 2 : members.remaining)
    // Two loops, since a member that may be of either kind takes longer than all the rest.
    switch members {
    case .large(var cursor):
      while let element = cursor.next() {
        if showsScores && isNested { reply.array(2) }
        reply.bulk(element.member)
        if showsScores { reply.double(element.score) }
      }
    case .packed(var walk):
      while let member = walk.next() {
        if showsScores {
          member.writeWithScore(to: &reply, isNested: isNested)
        } else {
          member.write(to: &reply)
        }
      }
    }
  }
}

extension ScoredMember {
  /// Replies with the member and its score, as an array of their own or one after the other.
  @inline(__always)
  func writeWithScore(to reply: inout ReplyWriter, isNested: Bool) {
    if isNested { reply.array(2) }
    write(to: &reply)
    reply.double(score)
  }
}
