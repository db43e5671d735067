// SPDX-License-Identifier: Apache-2.0

/// Sorting of an array as far as its first elements: those that a reply shows.
///
/// A quicksort that leaves alone what lies behind the wanted elements. Bentley and McIlroy,
/// "Engineering a Sort Function" (1993), say how pivots are chosen and equal elements gathered;
/// redis-server sorts this way, so elements that compare equal come out in its order.
///
/// - Complexity: O(n + k log k) for the first k of n as a rule.
public enum PartialSort {
  /// Sorts `elements` so that the first `count` are right; `compare` is negative, zero or positive.
  public static func sort<Element>(
    _ elements: inout [Element], first count: Int, by compare: (Element, Element) -> Int
  ) {
    guard count > 0 else { return }
    sort(&elements, 0, elements.count, wanted: count, depth: 0, compare)
  }

  /// Sorts the elements from `start` up to `end`, of which those below `wanted` matter.
  private static func sort<Element>(
    _ elements: inout [Element], _ start: Int, _ end: Int, wanted: Int, depth: Int,
    _ compare: (Element, Element) -> Int
  ) {
    var start = start
    while true {
      let count = end - start
      if count < 7 || depth > 64 {
        // Few elements, or ones that were chosen to make the pivots bad.
        if count < 7 { return insertionSort(&elements, start, end, compare) }
        return elements[start..<end].sort { compare($0, $1) < 0 }
      }
      elements.swapAt(start, pivot(elements, start, count, compare))
      let (below, above) = partition(&elements, start, end, compare)
      if below > 1, wanted > start {
        sort(&elements, start, start + below, wanted: wanted, depth: depth + 1, compare)
      }
      guard above > 1, wanted > end - above else { return }
      start = end - above
    }
  }

  private static func insertionSort<Element>(
    _ elements: inout [Element], _ start: Int, _ end: Int, _ compare: (Element, Element) -> Int
  ) {
    for index in start..<end {
      var place = index
      while place > start, compare(elements[place - 1], elements[place]) > 0 {
        elements.swapAt(place, place - 1)
        place -= 1
      }
    }
  }

  /// The middle element, the median of three or, of many elements, that of three medians.
  private static func pivot<Element>(
    _ elements: [Element], _ start: Int, _ count: Int, _ compare: (Element, Element) -> Int
  ) -> Int {
    var middle = start + count / 2
    guard count > 7 else { return middle }
    var first = start
    var last = start + count - 1
    if count > 40 {
      let step = count / 8
      first = median(elements, first, first + step, first + 2 * step, compare)
      middle = median(elements, middle - step, middle, middle + step, compare)
      last = median(elements, last - 2 * step, last - step, last, compare)
    }
    return median(elements, first, middle, last, compare)
  }

  private static func median<Element>(
    _ elements: [Element], _ a: Int, _ b: Int, _ c: Int, _ compare: (Element, Element) -> Int
  ) -> Int {
    if compare(elements[a], elements[b]) < 0 {
      if compare(elements[b], elements[c]) < 0 { return b }
      return compare(elements[a], elements[c]) < 0 ? c : a
    }
    if compare(elements[b], elements[c]) > 0 { return b }
    return compare(elements[a], elements[c]) < 0 ? a : c
  }

  /// Parts the elements by the first of them, equal ones in the middle; returns how many are below
  /// it and how many above.
  private static func partition<Element>(
    _ elements: inout [Element], _ start: Int, _ end: Int, _ compare: (Element, Element) -> Int
  ) -> (below: Int, above: Int) {
    // start [equal] equalEnd [below] low ... high [above] equalStart [equal] end
    var equalEnd = start + 1
    var low = equalEnd
    var high = end - 1
    var equalStart = high
    while true {
      while low <= high {
        let order = compare(elements[low], elements[start])
        if order > 0 { break }
        if order == 0 {
          elements.swapAt(equalEnd, low)
          equalEnd += 1
        }
        low += 1
      }
      while low <= high {
        let order = compare(elements[high], elements[start])
        if order < 0 { break }
        if order == 0 {
          elements.swapAt(high, equalStart)
          equalStart -= 1
        }
        high -= 1
      }
      if low > high { break }
      elements.swapAt(low, high)
      low += 1
      high -= 1
    }
    let left = min(equalEnd - start, low - equalEnd)
    for index in 0..<left { elements.swapAt(start + index, low - left + index) }
    let right = min(equalStart - high, end - equalStart - 1)
    for index in 0..<right { elements.swapAt(low + index, end - right + index) }
    return (low - equalEnd, equalStart - high)
  }
}
