// SPDX-License-Identifier: Apache-2.0
// Fuzz modules: RESP DataStructures PubSub EventLoop memd

import DataStructures
import EventLoop
import RESP

@testable import memd

// The bytes of a log, whatever they are and however they are cut, give the same commands and the
// same ending. What is said to be whole can be read alone, and to its end.
//
// Input: one byte that says how to cut, then the file.

/// What a reader has said.
private struct Reading: Equatable {
  var commands: [[[UInt8]]] = []
  var others: [LogReader.Item] = []
  var ending: LogEnding?
  var failure: LogFailure?
  var wholeOffset = 0
  var confirmedOffset = 0

  init(_ bytes: [UInt8], next: () -> Int) {
    let reader = LogReader()
    var rest = bytes[...]
    do throws(LogFailure) {
      while !rest.isEmpty {
        let piece = Array(rest.prefix(max(1, next())))
        rest = rest.dropFirst(piece.count)
        reader.feed(piece.rawSpan)
        try drain(reader)
      }
      ending = try reader.finish()
    } catch {
      failure = error
      precondition(error.range.lowerBound == reader.confirmedOffset)
      precondition(error.range.upperBound <= bytes.count, "damage behind the end")
    }
    wholeOffset = reader.wholeOffset
    confirmedOffset = reader.confirmedOffset
    precondition(confirmedOffset <= bytes.count && wholeOffset <= bytes.count)
  }

  private mutating func drain(_ reader: LogReader) throws(LogFailure) {
    var end = 0
    while true {
      let item = try reader.next()
      switch item {
      case .needsBytes: return
      case .command:
        let arguments = reader.arguments
        commands.append((0..<arguments.count).map { arguments[$0].copied })
      case .annotation, .timestamp: others.append(item)
      }
      precondition(reader.range.lowerBound >= end && !reader.range.isEmpty)
      end = reader.range.upperBound
    }
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ data: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  guard count > 1 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: data + 1, count: count - 1))
  let whole = Reading(bytes) { bytes.count }
  var state = UInt32(data[0]) &* 2_654_435_761 | 1
  let pieces = Reading(bytes) {
    state = state &* 1_664_525 &+ 1_013_904_223
    return Int(state >> 24) % (Int(data[0]) % 40 + 1) + 1
  }
  precondition(whole == pieces, "the result depends on how the bytes were cut")
  let cut = Reading(Array(bytes.prefix(whole.wholeOffset))) { bytes.count }
  precondition(cut.ending == .whole && cut.wholeOffset == whole.wholeOffset)
  precondition(whole.commands.starts(with: cut.commands))
  return 0
}
