// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// Reads the commands of a log's file, keeps none, and tells what is there and where it breaks.
final class LogCheckReading {
  /// What was read up to some point of the file.
  struct Counts {
    var commands = 0
    var transactions = 0
    /// As Redis counts them: one for each header and for each argument.
    var lines = 0
    var firstTimestamp: Int?
    var lastTimestamp: Int?
  }

  /// Why a file can't be executed to its end.
  struct Damage {
    let text: String
    /// Where it showed.
    let offset: Int
    /// Where it can lie; nil if the file only ends where it must not.
    let range: Range<Int>?
    /// What is in front of this can be executed.
    let wholeOffset: Int
    /// Whether the last bytes only were not written: what is in front of them is in no doubt.
    let isTorn: Bool
  }

  /// How a file ends.
  enum Verdict {
    case whole
    case damaged(Damage)
    /// The first timestamp behind the one that was asked for: what was before ends there.
    case reached(cutOffset: Int)
  }

  private let file: DiskFile
  private let reader: LogReader
  private let timestampMax: Int?
  private var counts = Counts()
  private var isInsideTransaction = false
  /// What was read in front of the last whole offset.
  private(set) var whole = Counts()
  /// The same in front of each of the reader's gaps.
  private var gapCounts: [Counts] = []
  /// The last whole offset that memd's checksums confirm, and what was read in front of it.
  private(set) var confirmedWholeOffset: Int
  private(set) var confirmed = Counts()
  /// memd's annotations that tell the truth, and the last of them.
  private(set) var annotationCount = 0
  private(set) var lastAnnotation: LogAnnotation?

  /// Reads a file from an offset on, where it stands; no further than to a timestamp behind
  /// `timestampMax`.
  init(_ file: DiskFile, offset: Int, timestampMax: Int?) {
    self.file = file
    self.timestampMax = timestampMax
    reader = LogReader(offset: offset)
    confirmedWholeOffset = offset
  }

  /// Up to where memd's checksums confirm everything.
  var confirmedOffset: Int { reader.confirmedOffset }

  /// Up to where what was read can be executed.
  var wholeOffset: Int { reader.wholeOffset }

  /// Reads the file to its end or to where it breaks.
  func run() throws(DiskError) -> Verdict {
    let byteCount = try file.byteCount()
    var piece = [UInt8](repeating: 0, count: min(max(byteCount, 4 << 10), 1 << 20))
    while true {
      let count = try file.read(into: &piece, from: 0)
      if count == 0 { return try finish() }
      if let verdict = try read(piece.rawSpan.extracting(first: count)) { return verdict }
    }
  }

  private func read(_ bytes: RawSpan) throws(DiskError) -> Verdict? {
    reader.feed(bytes)
    do throws(LogFailure) {
      while true {
        let verdict: Verdict?
        switch try reader.next() {
        case .needsBytes: return nil
        case .command:
          while gapCounts.count < reader.gaps.count { gapCounts.append(whole) }
          verdict = command()
        case .annotation(let annotation): verdict = noteAnnotation(annotation)
        case .timestamp(let seconds): verdict = timestamp(seconds)
        }
        if let verdict { return verdict }
      }
    } catch {
      return try damage(error)
    }
  }

  private func finish() throws(DiskError) -> Verdict {
    let place = reader.range.upperBound
    do throws(LogFailure) {
      switch try reader.finish() {
      case .whole: return .whole
      case .torn(0): return torn("The file ends in the middle of something", at: place)
      case .torn(let count):
        return torn("The file ends with \(count) zero bytes that nobody wrote", at: place)
      case .insideTransaction:
        return torn("Reached EOF before reading EXEC for MULTI", at: place)
      }
    } catch {
      return try damage(error)
    }
  }

  // MARK: - Items

  private func command() -> Verdict? {
    let arguments = reader.arguments
    switch Keyword(folding: arguments[0]) {
    case Keyword("multi"):
      if isInsideTransaction { return misplaced("Unexpected MULTI", whole: reader.wholeOffset) }
      isInsideTransaction = true
    case Keyword("exec"):
      let start = reader.range.lowerBound
      guard isInsideTransaction else { return misplaced("Unexpected EXEC", whole: start) }
      isInsideTransaction = false
      counts.transactions += 1
    default: break
    }
    counts.commands += 1
    counts.lines += 1 + 2 * arguments.count
    noteWhole()
    return nil
  }

  private func noteAnnotation(_ annotation: LogAnnotation) -> Verdict? {
    gapCounts.removeAll()
    lastAnnotation = annotation
    annotationCount += 1
    noteWhole()
    confirmed = whole
    confirmedWholeOffset = reader.wholeOffset
    return nil
  }

  private func timestamp(_ seconds: Int) -> Verdict? {
    if let timestampMax, seconds > timestampMax {
      return .reached(
        cutOffset: isInsideTransaction ? reader.wholeOffset : reader.range.lowerBound)
    }
    counts.firstTimestamp = counts.firstTimestamp ?? seconds
    counts.lastTimestamp = seconds
    noteWhole()
    return nil
  }

  private func noteWhole() {
    if isInsideTransaction { return }
    whole = counts
  }

  // MARK: - Damage

  private func torn(_ text: String, at offset: Int) -> Verdict {
    .damaged(
      Damage(
        text: text, offset: offset, range: nil, wholeOffset: reader.wholeOffset, isTorn: true))
  }

  private func misplaced(_ text: String, whole wholeOffset: Int) -> Verdict {
    .damaged(
      Damage(
        text: text, offset: reader.range.lowerBound, range: nil, wholeOffset: wholeOffset,
        isTorn: false))
  }

  private func damage(_ failure: LogFailure) throws(DiskError) -> Verdict {
    let offset = failure.range.upperBound - 1
    if let sectors = try UnwrittenSectors.find(at: failure, gaps: reader.gaps, of: file) {
      let gap = sectors.gap.map { reader.gaps[$0] }
      if let index = sectors.gap { whole = gapCounts[index] }
      return .damaged(
        Damage(
          text: "There are \(sectors.byteCount) zero bytes that nobody wrote",
          offset: gap?.zeros.lowerBound ?? offset, range: nil,
          wholeOffset: gap?.wholeOffset ?? reader.wholeOffset, isTorn: true))
    }
    let text =
      switch failure.reason {
      case .malformed: "Expected a command or an annotation, got something else"
      case .annotation: "An annotation can't be read"
      case .checksum: "The checksum of an annotation is wrong"
      }
    return .damaged(
      Damage(
        text: text, offset: offset, range: failure.range, wholeOffset: failure.wholeOffset,
        isTorn: false))
  }
}
