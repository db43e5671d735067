// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// Small generative pictures of text, for LOLWUT; another one each time.
enum TextArt {
  private static let width = 64
  private static let height = 16

  /// Draws the picture with this number; there are two, and every number means one of them.
  static func draw(_ number: Int, using random: inout RandomGenerator) -> String {
    number.isMultiple(of: 2) ? maze(using: &random) : automaton(using: &random)
  }

  /// Diagonals thrown like coins; paths and rooms appear by themselves.
  private static func maze(using random: inout RandomGenerator) -> String {
    var text = ""
    for _ in 0..<height {
      for _ in 0..<width { text.append(random.next(below: 2) == 0 ? "╱" : "╲") }
      text += "\n"
    }
    return text
  }

  /// The history of a row of cells, each of which decides by itself and its neighbours whether it
  /// lives on (Wolfram's elementary automata; these rules are the lively ones).
  private static func automaton(using random: inout RandomGenerator) -> String {
    let rules = [18, 22, 30, 45, 60, 73, 90, 105, 110, 126, 150]
    let rule = rules[random.next(below: rules.count)]
    var cells = (0..<width).map { _ in random.next(below: 8) == 0 }
    var text = ""
    for _ in 0..<height {
      for cell in cells { text.append(cell ? "█" : " ") }
      text += "\n"
      cells = cells.indices.map { index in
        let left = cells[(index + width - 1) % width] ? 4 : 0
        let middle = cells[index] ? 2 : 0
        let right = cells[(index + 1) % width] ? 1 : 0
        return rule >> (left + middle + right) & 1 == 1
      }
    }
    return text
  }
}
