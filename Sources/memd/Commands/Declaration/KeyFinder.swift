// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Finds the keys of a request by the command's key specs: the one interpreter of them.
enum KeyFinder {
  /// A key and what the command does to it.
  struct Found: Equatable {
    let index: Int
    var access: KeySpec.Access
    /// An option that is given again further on: named, but not used.
    var isOverridden = false

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

  /// What a command does to its keys if these are those of `fixedRange` and one spec says it; nil
  /// if `keys` has to be asked.
  static func plainAccess(of specs: [KeySpec]) -> KeySpec.Access? {
    guard specs.count == 1, fixedRange(of: specs).first != 0,
      !specs[0].access.contains(.incomplete)
    else { return nil }
    return specs[0].access
  }

  /// What a command does to all of its keys, if these are those of `fixedRange` and nothing depends
  /// on options.
  static func use(of specs: [KeySpec]) -> KeyUse {
    let specs = specs.filter { !$0.access.contains(.notKey) }
    guard let spec = specs.first else { return [] }
    let isPlain =
      specs.count == 1 && fixedRange(of: specs).first != 0
      && spec.access.isDisjoint(with: [.variableFlags, .incomplete])
    return isPlain ? KeyUse(spec.access) : .varies
  }

  /// The keys of a request, or nil if its form doesn't tell them (bad counts, missing arguments).
  ///
  /// - Parameter depth: 1 for a command, 2 for a subcommand.
  static func keys(of command: Command, depth: Int = 1, in arguments: Arguments) -> [Found]? {
    var found: [Found] = []
    for spec in command.keys where !spec.access.contains(.notKey) {
      guard append(spec, of: command, depth: depth, in: arguments, to: &found) else { return nil }
    }
    // A key that may also stand behind an option is left empty then (MIGRATE).
    if found.count > 1, case .index = command.keys[0].start,
      command.keys.contains(where: { $0.access.contains(.incomplete) }),
      arguments.byteCount(at: found[0].index) == 0
    {
      found.removeFirst()
    }
    // Options come in any order (EXEC); their keys are named in that of the request.
    if command.keys.count > 1, command.keys.allSatisfy(\.isBehindOption) {
      found.sort { $0.index < $1.index }
    }
    return found
  }

  private static func append(
    _ spec: KeySpec, of command: Command, depth: Int, in arguments: Arguments,
    to found: inout [Found]
  ) -> Bool {
    let token: StaticString
    switch spec.start {
    case .index(let index):
      return append(spec, from: index, in: arguments, to: &found)
    case .keyword(let word, _), .lastKeyword(let word): token = word
    case .unknown: return true
    }
    let positions = OptionSearch(command, depth: depth).positions(of: token, in: arguments)
    guard case .range(let last, _, _) = spec.extent, last < 0 else {
      // One key. Where the option is given twice, access to both is asked for.
      var usesLast = false
      if case .lastKeyword = spec.start { usesLast = true }
      for position in positions where position + 1 < arguments.count {
        found.append(
          Found(
            index: position + 1, access: spec.access,
            isOverridden: usesLast && position != positions.last))
      }
      return true
    }
    // Everything behind the first one belongs to it.
    guard let first = positions.first else { return true }
    return append(spec, from: first + 1, in: arguments, to: &found)
  }

  private static func append(
    _ spec: KeySpec, from start: Int, in arguments: Arguments, to found: inout [Found]
  ) -> Bool {
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
}
