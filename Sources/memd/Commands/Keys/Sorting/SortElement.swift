// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// An element with what it is sorted by.
struct SortElement {
  let text: [UInt8]
  var weight = 0.0
  var weightText: [UInt8]?

  init(_ text: [UInt8]) { self.text = text }

  /// The elements of a list, set or sorted set, in their own order.
  static func all(of entry: Entry) -> [SortElement] {
    var elements: [SortElement] = []
    var scratch = DecimalScratch()
    switch entry.header.type {
    case .list:
      var cursor = ListValue(entry).first
      while let element = cursor {
        elements.append(SortElement(element.text(&scratch).copied))
        cursor = element.next
      }
    case .set:
      SetValue(entry).forEach {
        elements.append(SortElement($0.copied))
        return true
      }
    case .sortedSet:
      let value = SortedSetValue(entry)
      var walk = SortedSetWalk(value, from: 0, count: value.count)
      while let element = walk.next() {
        elements.append(SortElement(element.text(&scratch).copied))
      }
    case .string, .hash, .stream: break
    }
    return elements
  }

  /// The element is its own weight.
  mutating func readOwnWeight() throws(CommandError) { try readWeight(text) }

  mutating func readWeight(_ text: [UInt8]) throws(CommandError) {
    // Compatibility: a zero byte ends the text, no text at all weighs zero, blanks may come first.
    let shown = text.prefix { $0 != 0 }
    if shown.isEmpty { return }
    let digits = Array(shown.drop { $0 == 0x20 || (0x09...0x0D).contains($0) })
    guard let number = DoubleText.parse(digits.rawSpan) else {
      throw CommandError("ERR One or more scores can't be converted into double")
    }
    weight = number
  }
}

/// In which order elements are returned.
struct SortOrder {
  var sorts: Bool
  var isDescending: Bool
  var isAlphabetic: Bool
  private var usesWeights: Bool

  init(_ options: SortOptions) {
    sorts = options.sorts
    isDescending = options.isDescending
    isAlphabetic = options.isAlphabetic
    usesWeights = options.weights != nil
  }

  /// By the elements' bytes: the same on every server.
  init(canonicalDescending isDescending: Bool) {
    sorts = true
    self.isDescending = isDescending
    isAlphabetic = true
    usesWeights = false
  }

  /// Whether `one` comes before `other`.
  func precedes(_ one: SortElement, _ other: SortElement) -> Bool {
    isDescending ? compare(other, one) < 0 : compare(one, other) < 0
  }

  /// Negative if `one` is less, positive if it is more.
  private func compare(_ one: SortElement, _ other: SortElement) -> Int {
    if !isAlphabetic {
      if one.weight != other.weight { return one.weight < other.weight ? -1 : 1 }
      return SortOrder.compare(one.text, other.text)
    }
    guard usesWeights else { return SortOrder.compare(one.text, other.text) }
    // Equal weights leave the order open in Redis: followers would store sets in another one,
    // whose tables have another seed.
    switch (one.weightText, other.weightText) {
    case (nil, nil): return SortOrder.compare(one.text, other.text)
    case (nil, _): return -1
    case (_, nil): return 1
    case (let first?, let second?):
      let order = SortOrder.compare(first, second)
      return order != 0 ? order : SortOrder.compare(one.text, other.text)
    }
  }

  private static func compare(_ one: [UInt8], _ other: [UInt8]) -> Int {
    one.rawSpan.compare(other.rawSpan)
  }
}
