// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// What a script says of itself in its first line: `#!lua flags=no-writes,allow-stale`.
struct ScriptFlags: OptionSet {
  let rawValue: UInt8

  static let noWrites = ScriptFlags(rawValue: 1 << 0)
  static let allowOOM = ScriptFlags(rawValue: 1 << 1)
  static let allowStale = ScriptFlags(rawValue: 1 << 2)
  static let noCluster = ScriptFlags(rawValue: 1 << 3)
  static let allowCrossSlotKeys = ScriptFlags(rawValue: 1 << 4)
  /// There is no such line: what the script does is looked at call by call.
  static let undeclared = ScriptFlags(rawValue: 1 << 5)

  /// The flags by name, in the order in which they are listed.
  static let names: [(flag: ScriptFlags, name: String)] = [
    (.noWrites, "no-writes"), (.allowOOM, "allow-oom"), (.allowStale, "allow-stale"),
    (.noCluster, "no-cluster"), (.allowCrossSlotKeys, "allow-cross-slot-keys"),
  ]

  /// The flag with this name.
  static func named(_ name: [UInt8]) -> ScriptFlags? {
    names.first { name.rawSpan.equals($0.name) }?.flag
  }

  /// Whether the script can't change anything.
  var promisesNoWrites: Bool { contains(.noWrites) && !contains(.undeclared) }

  /// The flags of a command that runs the script, if what it says of itself is taken for granted.
  func restricting(_ flags: CommandFlags) -> CommandFlags {
    var result = flags.subtracting([.stale, .denyOOM, .write, .mayReplicate])
    if isDisjoint(with: [.allowOOM, .noWrites]) { result.insert(.denyOOM) }
    if !contains(.noWrites) { result.insert(.write) }
    if contains(.allowStale) { result.insert(.stale) }
    return result
  }
}

/// The first line of a script, if it begins with `#!`.
struct Shebang {
  let flags: ScriptFlags
  /// Bytes in front of the line's end, which stays so that lines keep their numbers.
  let byteCount: Int

  /// Reads the first line of a script; throws what is wrong with it.
  init(of body: RawSpan, _ errorText: ErrorText) throws(CommandError) {
    guard body.byteCount >= 2, body.byte(0) == UInt8(ascii: "#"), body.byte(1) == UInt8(ascii: "!")
    else {
      flags = .undeclared
      byteCount = 0
      return
    }
    let line = body.copied.prefix { $0 != UInt8(ascii: "\n") }
    guard line.count < body.byteCount, !line.contains(0) else {
      throw CommandError("ERR Invalid script shebang")
    }
    byteCount = line.count
    guard let words = DirectiveText.split(line), let engine = words.first else {
      throw CommandError("ERR Invalid engine in script shebang")
    }
    guard engine.rawSpan.equals("#!lua") else {
      errorText.message = "ERR Unexpected engine in script shebang: \(echo: engine)"
      throw .formatted
    }
    var flags: ScriptFlags = []
    for word in words.dropFirst() {
      guard word.starts(with: Array("flags=".utf8)) else {
        errorText.message = "ERR Unknown lua shebang option: \(echo: word)"
        throw .formatted
      }
      let list = word.dropFirst(6)
      for name in list.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
      where !list.isEmpty {
        guard let flag = ScriptFlags.named(Array(name)) else {
          errorText.message = "ERR Unexpected flag in script shebang: \(echo: Array(name))"
          throw .formatted
        }
        flags.insert(flag)
      }
    }
    self.flags = flags
  }
}
