// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The longest common subsequence of two byte strings, by dynamic programming.
///
/// The usual table holds for every pair of beginnings how long their common subsequence is, four
/// bytes a cell. Walking back through it only asks in which direction the longer one lies, so two
/// rows of lengths are enough, and one bit a cell remembers the direction:
///
///     bits of row i, column j:   1: the longer one is above (i - 1, j)
///                                0: it is to the left (i, j - 1), or both are as long
///
/// - Complexity: O(n * m) time, n * m / 8 bytes.
struct CommonSubsequence: ~Copyable {
  /// Its length in bytes.
  let length: Int
  /// One bit per cell, row by row; rows begin at a word.
  private let directions: [UInt64]
  private let wordsPerRow: Int

  init(_ left: RawSpan, _ right: RawSpan) {
    let columns = right.byteCount
    let wordsPerRow = (columns + 63) / 64
    var directions = [UInt64](repeating: 0, count: left.byteCount * wordsPerRow)
    // lengths[j]: of the row above until column j is reached, of this row behind it.
    var lengths = [UInt32](repeating: 0, count: columns + 1)
    for row in 0..<left.byteCount {
      let byte = left.byte(row)
      var diagonal: UInt32 = 0
      var word: UInt64 = 0
      for column in 0..<columns {
        let above = lengths[column + 1]
        let before = lengths[column]
        if byte == right.byte(column) {
          lengths[column + 1] = diagonal + 1
        } else if above > before {
          word |= 1 << UInt64(column & 63)
        } else {
          lengths[column + 1] = before
        }
        diagonal = above
        if column & 63 == 63 || column == columns - 1 {
          directions[row * wordsPerRow + column >> 6] = word
          word = 0
        }
      }
    }
    length = Int(lengths[columns])
    self.directions = directions
    self.wordsPerRow = wordsPerRow
  }

  /// A run of bytes that both strings have.
  struct Match {
    /// Where it begins in the first string.
    let left: Int
    /// Where it begins in the second string.
    let right: Int
    let count: Int
  }

  /// The runs of the subsequence, the last first.
  @_lifetime(borrow self, copy left, copy right)
  func matches(_ left: RawSpan, _ right: RawSpan) -> Matches {
    Matches(self, left, right)
  }

  /// The bytes of the subsequence.
  func bytes(_ left: RawSpan, _ right: RawSpan) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: length)
    var end = length
    var walk = matches(left, right)
    while let match = walk.next() {
      end -= match.count
      for offset in 0..<match.count { bytes[end + offset] = left.byte(match.left + offset) }
    }
    return bytes
  }

  /// Walks from the ends of both strings to their beginnings.
  struct Matches: ~Copyable, ~Escapable {
    private let directions: [UInt64]
    private let wordsPerRow: Int
    private let left: RawSpan
    private let right: RawSpan
    private var row: Int
    private var column: Int

    @_lifetime(borrow owner, copy left, copy right)
    fileprivate init(_ owner: borrowing CommonSubsequence, _ left: RawSpan, _ right: RawSpan) {
      directions = owner.directions
      wordsPerRow = owner.wordsPerRow
      self.left = left
      self.right = right
      row = left.byteCount
      column = right.byteCount
    }

    /// The next run, nearer to the beginnings.
    @_lifetime(self: copy self)
    mutating func next() -> Match? {
      while row > 0, column > 0, left.byte(row - 1) != right.byte(column - 1) { step() }
      guard row > 0, column > 0 else { return nil }
      var count = 0
      while row > 0, column > 0, left.byte(row - 1) == right.byte(column - 1) {
        row -= 1
        column -= 1
        count += 1
      }
      return Match(left: row, right: column, count: count)
    }

    private mutating func step() {
      let cell = column - 1
      let word = directions[(row - 1) * wordsPerRow + cell >> 6]
      if word >> UInt64(cell & 63) & 1 == 1 { row -= 1 } else { column -= 1 }
    }
  }
}
