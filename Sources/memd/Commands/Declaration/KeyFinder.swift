// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Finds the keys of a request by the command's key specs: the one interpreter of them.
enum KeyFinder {
  /// A key and what the command does to it.
  struct Found: Equatable {
    let index: Int
    let access: KeySpec.Access

    static func == (left: Found, right: Found) -> Bool {
      left.index == right.index && left.access == right.access
    }
  }

  /// First, last and step of a command whose keys one spec of fixed positions describes.
  static func fixedRange(of specs: [KeySpec]) -> CommandRecord.KeyRange {
    let none = CommandRecord.KeyRange(first: 0, last: 0, step: 0)
    guard let spec = specs.first, case .index(let first) = spec.start,
      case .range(let last, let step, let limit) = spec.extent, limit <= 1,
      !spec.access.contains(.notKey)
    else { return none }
    var end = last >= 0 ? first + last : last
    // Two adjacent single keys (RENAME, COPY) are one range for prefetching.
    for other in specs.dropFirst() {
      guard case .index(let next) = other.start, case .range(0, _, _) = other.extent, end >= 0,
        next == end + 1
      else {
        return CommandRecord.KeyRange(first: Int16(first), last: Int16(end), step: Int16(step))
      }
      end = next
    }
    return CommandRecord.KeyRange(first: Int16(first), last: Int16(end), step: Int16(step))
  }

  /// The keys of a request, or nil if its form doesn't tell them (bad counts, missing arguments).
  static func keys(of command: Command, in arguments: Arguments) -> [Found]? {
    var found: [Found] = []
    for spec in command.keys where !spec.access.contains(.notKey) {
      guard append(spec, in: arguments, to: &found) else { return nil }
    }
    return found
  }

  private static func append(
    _ spec: KeySpec, in arguments: Arguments, to found: inout [Found]
  ) -> Bool {
    let start: Int
    switch spec.start {
    case .index(let index): start = index
    case .keyword(let token, let from):
      guard let index = position(of: token, from: from, in: arguments) else { return true }
      start = index + 1
    case .lastKeyword(let token):
      if let index = position(of: token, from: -2, in: arguments) {
        found.append(Found(index: index + 1, access: spec.access))
      }
      return true
    case .unknown: return true
    }
    switch spec.extent {
    case .range(let last, let step, let limit):
      guard start < arguments.count else { return false }
      var end = start + last
      if last < 0 {
        end = arguments.count + last
        if last == -1, limit > 1 { end = start + (arguments.count - start) / limit - 1 }
      }
      guard end < arguments.count else { return false }
      for index in stride(from: start, through: end, by: max(1, step)) {
        found.append(Found(index: index, access: spec.access))
      }
      return true
    case .counted(let count, let first, let step):
      guard start + count < arguments.count,
        let number = DecimalText.parse(arguments[start + count]), number >= 0,
        number <= arguments.count
      else { return false }
      for ordinal in 0..<number {
        let index = start + first + ordinal * step
        guard index < arguments.count else { return false }
        found.append(Found(index: index, access: spec.access))
      }
      return true
    case .unknown: return true
    }
  }

  private static func position(
    of token: StaticString, from: Int, in arguments: Arguments
  ) -> Int? {
    let wanted = token.description.lowercased()
    if from >= 0 {
      guard from < arguments.count else { return nil }
      return (from..<arguments.count).first { arguments[$0].text.lowercased() == wanted }
    }
    let last = arguments.count + from
    guard last >= 1 else { return nil }
    return stride(from: last, through: 1, by: -1).first {
      arguments[$0].text.lowercased() == wanted
    }
  }
}
