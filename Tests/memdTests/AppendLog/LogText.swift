// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

@testable import memd

/// Puts a log's file together as memd will write it.
struct LogText {
  private(set) var bytes: [UInt8] = []
  /// Behind each annotation of memd's.
  private(set) var annotationEnds: [Int] = []
  /// Where what may be cut off begins: 0 and behind everything outside of transactions.
  private(set) var wholeOffsets = [0]
  private var checksum = LogChecksum()
  private var isInsideTransaction = false

  static let replicationID: ByteText = "0123456789abcdef0123456789abcdef01234567"

  mutating func add(_ words: String...) {
    var text = "*\(words.count)\r\n"
    for word in words { text += "$\(word.utf8.count)\r\n\(word)\r\n" }
    if words[0].uppercased() == "MULTI" { isInsideTransaction = true }
    if words[0].uppercased() == "EXEC" { isInsideTransaction = false }
    add(raw: text)
  }

  mutating func add(raw text: String) {
    checksum.add(Array(text.utf8).rawSpan)
    bytes += Array(text.utf8)
    noteWhole()
  }

  /// - Parameter synced: bytes that were durable then; nil: all.
  mutating func annotate(synced: Int? = nil) {
    let annotation = checksum.seal(
      replicationID: Self.replicationID, offset: bytes.count, synced: synced)
    bytes += annotation.line.bytes
    annotationEnds.append(bytes.count)
    noteWhole()
  }

  private mutating func noteWhole() {
    if !isInsideTransaction { wholeOffsets.append(bytes.count) }
  }

  /// A little of everything.
  static func sample() -> LogText {
    var log = LogText()
    log.add(raw: "#TS:1700000000\r\n")
    log.add("SELECT", "0")
    log.add("SET", "key", "value\r\nwith lines\r\n#TS:1\r\n*1\r\n")
    log.annotate()
    log.add("MULTI")
    log.add("RPUSH", "list", "", String(repeating: "long", count: 30))
    log.add("EXEC")
    log.add(raw: "# anything\n")
    log.add("SET", "zeros", "\0\0\0")
    log.annotate()
    log.add("DEL", "key")
    log.annotate()
    log.annotate()
    log.add("multi")
    log.add("INCR", "n")
    log.add("exec")
    return log
  }
}

/// What a reader has said of a file, in full.
struct LogReading: Equatable {
  enum Event: Equatable {
    case command([ByteText], Range<Int>)
    case annotation(LogAnnotation)
    case timestamp(Int)
  }

  var events: [Event] = []
  var ending: LogEnding?
  var failure: LogFailure?
  var wholeOffset = 0
  var confirmedOffset = 0

  /// Reads bytes that come in pieces of the sizes that `next` tells.
  init(_ bytes: [UInt8], offset: Int = 0, next: () -> Int) {
    let reader = LogReader(offset: offset)
    var rest = bytes[...]
    do throws(LogFailure) {
      while !rest.isEmpty {
        let piece = Array(rest.prefix(max(1, next())))
        rest = rest.dropFirst(piece.count)
        reader.feed(piece.rawSpan)
        try drain(reader)
      }
      try drain(reader)
      ending = try reader.finish()
    } catch {
      failure = error
    }
    wholeOffset = reader.wholeOffset
    confirmedOffset = reader.confirmedOffset
  }

  /// Reads bytes that come at once.
  init(_ bytes: [UInt8], offset: Int = 0) { self.init(bytes, offset: offset) { bytes.count } }

  private mutating func drain(_ reader: LogReader) throws(LogFailure) {
    while true {
      switch try reader.next() {
      case .command:
        let words = (0..<reader.arguments.count).map { ByteText(reader.arguments[$0]) }
        events.append(.command(words, reader.range))
      case .annotation(let annotation): events.append(.annotation(annotation))
      case .timestamp(let seconds): events.append(.timestamp(seconds))
      case .needsBytes: return
      }
    }
  }

  /// The commands, words separated by blanks.
  var commands: [String] {
    events.compactMap {
      guard case .command(let words, _) = $0 else { return nil }
      return words.map(\.logText).joined(separator: " ")
    }
  }
}
