// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Error replies by their first word, as INFO's section `errorstats` lists them.
final class ErrorStatistics {
  /// An error word and how often it was sent.
  struct Count {
    let word: ByteText
    var count: Int
  }

  /// In order of first appearance; a client could invent words, so there is a limit.
  private(set) var counts: [Count] = []
  static let wordCountMax = 128
  /// Compatibility: what has no blank so early counts as ERR.
  private static let wordByteCountMax = 30

  /// Counts an error reply by its text.
  func count(_ text: StaticString) { count(ByteText(text)) }

  /// Counts an error reply by its text.
  @_disfavoredOverload
  func count(_ text: ByteText) {
    let beginning = text.bytes.prefix(ErrorStatistics.wordByteCountMax + 1)
    let end = beginning.firstIndex(of: UInt8(ascii: " "))
    let word = end.map { ByteText(beginning[..<$0]) } ?? "ERR"
    if let index = counts.firstIndex(where: { $0.word == word }) {
      counts[index].count += 1
    } else if counts.count < ErrorStatistics.wordCountMax {
      counts.append(Count(word: word, count: 1))
    }
  }

  func reset() { counts = [] }
}
