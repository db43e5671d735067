// SPDX-License-Identifier: Apache-2.0

/// Where a command's keys stand among its arguments, and what it does to them.
struct KeySpec: Sendable {
  /// What the command does to the keys, in COMMAND INFO's words.
  struct Access: OptionSet, Sendable {
    let rawValue: UInt16

    static let readOnly = Access(rawValue: 1 << 0)
    static let readWrite = Access(rawValue: 1 << 1)
    static let overwrite = Access(rawValue: 1 << 2)
    static let remove = Access(rawValue: 1 << 3)
    static let access = Access(rawValue: 1 << 4)
    static let insert = Access(rawValue: 1 << 5)
    static let delete = Access(rawValue: 1 << 6)
    static let update = Access(rawValue: 1 << 7)
    static let notKey = Access(rawValue: 1 << 8)
    static let incomplete = Access(rawValue: 1 << 9)
    static let variableFlags = Access(rawValue: 1 << 10)

    static let names: [(Access, StaticString)] = [
      (.readOnly, "RO"), (.readWrite, "RW"), (.overwrite, "OW"), (.remove, "RM"),
      (.access, "access"), (.insert, "insert"), (.delete, "delete"), (.update, "update"),
      (.notKey, "not_key"), (.incomplete, "incomplete"), (.variableFlags, "variable_flags"),
    ]
  }

  /// Where the search begins.
  enum Start: Sendable {
    case index(Int)
    /// Behind the option `token`. `from` is what COMMAND INFO says of it (negative: backwards);
    /// `KeyFinder` goes by the syntax instead.
    case keyword(StaticString, from: Int)
    case unknown
    /// Behind the last occurrence of `token`; COMMAND INFO, for compatibility, calls it unknown.
    case lastKeyword(StaticString)
  }

  /// How many keys follow.
  enum Extent: Sendable {
    /// Keys up to `last` (relative to the start; negative: from the end), every `step`-th argument.
    /// With a `last` of -1, `limit` > 1 stops after that fraction of the arguments.
    case range(last: Int, step: Int, limit: Int)
    /// A count at `count` (relative to the start), keys from `first` on.
    case counted(count: Int, first: Int, step: Int)
    case unknown
  }

  var start: Start
  var extent: Extent
  var access: Access
  var notes: StaticString?

  /// True if an option says where the keys are.
  var isBehindOption: Bool { if case .keyword = start { true } else { false } }

  /// One key at a fixed position.
  static func key(_ index: Int, _ access: Access, notes: StaticString? = nil) -> KeySpec {
    KeySpec(
      start: .index(index), extent: .range(last: 0, step: 1, limit: 0), access: access,
      notes: notes)
  }

  /// Every `step`-th argument from `index` to the end, less the last `except`.
  static func keys(
    from index: Int, step: Int = 1, except: Int = 0, _ access: Access, notes: StaticString? = nil
  ) -> KeySpec {
    KeySpec(
      start: .index(index), extent: .range(last: -1 - except, step: step, limit: 0),
      access: access, notes: notes)
  }

  /// A count of keys at `index`, then the keys.
  static func counted(at index: Int, step: Int = 1, _ access: Access) -> KeySpec {
    KeySpec(
      start: .index(index), extent: .counted(count: 0, first: 1, step: step), access: access)
  }
}
