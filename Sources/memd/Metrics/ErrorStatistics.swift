// SPDX-License-Identifier: Apache-2.0

/// Error replies by their first word, as INFO's section `errorstats` lists them.
final class ErrorStatistics {
  /// An error word and how often it was sent.
  struct Count {
    let word: String
    var count: Int
  }

  /// In order of first appearance; a client could invent words, so there is a limit.
  private(set) var counts: [Count] = []
  static let wordCountMax = 128

  /// Counts an error reply by its text.
  func count(_ text: StaticString) { count(text.description) }

  /// Counts an error reply by its text.
  func count(_ text: String) {
    let word = String(text.prefix { $0 != " " })
    if let index = counts.firstIndex(where: { $0.word == word }) {
      counts[index].count += 1
    } else if counts.count < ErrorStatistics.wordCountMax {
      counts.append(Count(word: word, count: 1))
    }
  }

  func reset() { counts = [] }
}
