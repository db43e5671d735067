// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// A point of a history: `replid:offset`. Data that have reached it show everything that was
/// written before.
struct FreshnessToken: Equatable {
  /// 40 hexadecimal digits.
  let history: ByteText
  let offset: Int

  init(history: ByteText, offset: Int) {
    self.history = history
    self.offset = offset
  }

  /// Reads a token; nil if it is none.
  init?(_ text: RawSpan) {
    let bytes = text.copied
    let name = bytes.prefix(Identity.byteCount)
    let head = name + [UInt8(ascii: ":")]
    guard Identity.isOne(name), bytes.starts(with: head),
      let offset: Int = DecimalText.parse(text.extracting(last: bytes.count - head.count)),
      offset >= 0
    else { return nil }
    history = ByteText(name)
    self.offset = offset
  }

  var text: ByteText { history + ":\(offset)" }
}

/// What data must be like for a client to read them.
struct FreshnessRequirement: Equatable {
  /// They have reached this point.
  var token: FreshnessToken?
  /// They are at most so old, in milliseconds.
  var ageMax: Int?
  /// So long a read waits for that, in milliseconds.
  var timeout = 1000
  /// For the next read only.
  var isOnce = false
}

/// What a client asks of data.
struct ClientFreshness {
  var requirement = FreshnessRequirement()
  /// When the read that waits gives up, in monotonic nanoseconds.
  var deadline: Int64?
}

/// Why data are not fresh enough.
enum Staleness: Equatable {
  /// They have not reached a point.
  case behind(offset: Int, wanted: Int)
  /// They are of a history in which that point doesn't exist.
  case otherHistory
  /// They may be so old, in milliseconds; nil: nobody knows.
  case old(Int?, allowed: Int)
}

/// Where data stand, and how old they are.
struct DataState {
  let history: String
  /// The history that this one has grown out of, and the first offset that is no longer of it.
  let formerHistory: String
  let formerEnd: Int
  let offset: Int
  /// Milliseconds; nil if that isn't known.
  let age: Int?

  /// What is missing for a requirement; nil if nothing is.
  func staleness(for requirement: FreshnessRequirement) -> Staleness? {
    if let token = requirement.token {
      let isOurs = history.utf8.elementsEqual(token.history.bytes)
      let isFormer =
        formerHistory.utf8.elementsEqual(token.history.bytes) && token.offset < formerEnd
      guard isOurs || isFormer else { return .otherHistory }
      guard token.offset <= offset else { return .behind(offset: offset, wanted: token.offset) }
    }
    guard let allowed = requirement.ageMax else { return nil }
    if let age, age <= allowed { return nil }
    return .old(age, allowed: allowed)
  }
}

/// How old a follower's data are, by its own clock alone.
///
/// It sends marks to its leader, which puts them into the stream. When one of them is applied the
/// data are at least as new as the moment at which it was sent, whatever other clocks say.
struct DataAge {
  /// More marks than these don't wait for their return: the oldest are forgotten.
  private static let markCountMax = 256

  /// What the marks of this server begin with.
  let name: ByteText
  /// Marks on their way: number and monotonic nanoseconds.
  private var sent: [(number: Int, time: Int64)] = []
  private var lastNumber = 0
  /// The data are at least as new as this moment, in monotonic nanoseconds; nil: not known.
  private(set) var provenAt: Int64?
  private(set) var sentAt = Int64.min / 2

  init(name: ByteText) { self.name = name }

  /// The mark to be sent now.
  mutating func makeMark(at now: Int64) -> ByteText {
    lastNumber += 1
    sentAt = now
    sent.append((lastNumber, now))
    if sent.count > DataAge.markCountMax { sent.removeFirst() }
    return name + ":\(lastNumber)"
  }

  /// A mark has been applied, of this server or of another one.
  ///
  /// - Returns: whether it was its own.
  mutating func apply(_ mark: RawSpan) -> Bool {
    let bytes = mark.copied
    let head = Array(name.bytes) + [UInt8(ascii: ":")]
    guard bytes.starts(with: head),
      let number: Int = DecimalText.parse(mark.extracting(last: bytes.count - head.count)),
      let index = sent.firstIndex(where: { $0.number == number })
    else { return false }
    provenAt = max(provenAt ?? .min, sent[index].time)
    sent.removeFirst(index + 1)
    return true
  }

  /// Milliseconds, rounded up; nil if that isn't known.
  func milliseconds(at now: Int64) -> Int? {
    provenAt.map { Int((max(0, now - $0) + 999_999) / 1_000_000) }
  }
}
