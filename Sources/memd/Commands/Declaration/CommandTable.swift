// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Number of a command in its table; the index of everything that is kept per command.
typealias CommandID = Int

/// What execution needs to know of a command, copied from its declaration at start-up.
struct CommandRecord {
  let handler: Command.Handler
  let flags: CommandFlags
  let concerns: Gate
  let id: UInt16
  /// Words of a request, negative: at least.
  let arity: Int16
  /// The keys of the common cases; others are found by `KeyFinder`.
  let keys: KeyRange
  /// What it does to those keys, or that `KeyFinder` has to be asked.
  let keyUse: KeyUse
  /// Whether `keys` are all of its keys, and `keyAccess` what it does to each; see `RequestKeys`.
  let hasPlainKeys: Bool
  /// Whether it names keys at all.
  let hasKeys: Bool
  let keyAccess: KeySpec.Access
  let keyVariation: KeyAccess.Variation
  /// The argument that names a member or field of the first key's collection; 0 if none does.
  let member: UInt8
  let isVerbatim: Bool

  /// Keys that stand at fixed distances, or none.
  struct KeyRange {
    /// Index of the first key; 0 if the command has none, or none that is found this way.
    let first: Int16
    /// Index of the last key; negative: from the end.
    let last: Int16
    let step: Int16

    /// Where the keys of a request of `count` words stand; nowhere if it is too short for them.
    func positions(in count: Int) -> StrideThrough<Int> {
      let end = last >= 0 ? Int(last) : count + Int(last)
      guard first != 0, end < count else { return stride(from: 1, through: 0, by: 1) }
      return stride(from: Int(first), through: end, by: max(1, Int(step)))
    }
  }
}

/// A command in its table: a reference of one word that never changes.
@safe
struct CommandReference: Equatable {
  private let record: UnsafePointer<CommandRecord>

  init(_ record: UnsafePointer<CommandRecord>) { unsafe self.record = record }

  static func == (left: CommandReference, right: CommandReference) -> Bool {
    unsafe left.record == right.record
  }

  var handler: Command.Handler { unsafe record.pointee.handler }
  var flags: CommandFlags { unsafe record.pointee.flags }
  var concerns: Gate { unsafe record.pointee.concerns }
  var id: CommandID { unsafe Int(record.pointee.id) }
  var arity: Int { unsafe Int(record.pointee.arity) }
  var keys: CommandRecord.KeyRange { unsafe record.pointee.keys }
  var keyUse: KeyUse { unsafe record.pointee.keyUse }
  var hasPlainKeys: Bool { unsafe record.pointee.hasPlainKeys }
  var hasKeys: Bool { unsafe record.pointee.hasKeys }
  var keyAccess: KeySpec.Access { unsafe record.pointee.keyAccess }
  var keyVariation: KeyAccess.Variation { unsafe record.pointee.keyVariation }
  var member: Int { unsafe Int(record.pointee.member) }
  var isVerbatim: Bool { unsafe record.pointee.isVerbatim }

  /// True if a request of `count` words is long enough and not too long.
  @inline(__always)
  func accepts(_ count: Int) -> Bool {
    let arity = self.arity
    return arity >= 0 ? count == arity : count >= -arity
  }
}

/// All commands by name, and what was declared of each.
@safe
final class CommandTable {
  /// A declaration with its place among the others.
  struct Description {
    let command: Command
    let group: CommandGroup
    let id: CommandID
    /// The container of a subcommand.
    let parent: CommandID?
    var subcommands: [CommandID] = []
    /// "get", "client|list".
    let fullName: String

    /// Words of a request in front of its arguments: 1 for a command, 2 for a subcommand.
    var depth: Int { parent == nil ? 1 : 2 }
  }

  /// By number; subcommands stand behind their container.
  private(set) var descriptions: [Description] = []
  private let records: UnsafeMutablePointer<CommandRecord>
  /// Open addressing; entries are command numbers plus one.
  private let slots: UnsafeMutablePointer<UInt16>
  private let mask: Int
  /// Commands whose names don't fit into a `FoldedName`.
  private var longNames: [(name: ByteText, id: CommandID)] = []
  /// Names that commands were given instead of their own; empty: none.
  private var renamed: [CommandID: ByteText] = [:]
  /// By number; look-up by name compares these.
  private let foldedNames: UnsafeMutablePointer<FoldedName>

  init(families: [any CommandFamily.Type] = unsafe CommandTable.families) {
    var descriptions: [Description] = []
    for family in families where family.isAvailable {
      for command in family.commands {
        let parent = descriptions.count
        descriptions.append(
          Description(
            command: command, group: family.group, id: parent, parent: nil,
            fullName: command.name.description))
        for subcommand in command.subcommands {
          let id = descriptions.count
          descriptions[parent].subcommands.append(id)
          descriptions.append(
            Description(
              command: subcommand, group: family.group, id: id, parent: parent,
              fullName: "\(command.name)|\(subcommand.name)"))
        }
      }
    }
    unsafe records = .allocate(capacity: max(1, descriptions.count))
    var size = 64
    while size < descriptions.count * 4 { size *= 2 }
    unsafe slots = .allocate(capacity: size)
    unsafe slots.initialize(repeating: 0, count: size)
    unsafe foldedNames = .allocate(capacity: max(1, descriptions.count))
    mask = size - 1
    self.descriptions = descriptions
    for description in descriptions { register(description) }
  }

  deinit {
    unsafe records.deinitialize(count: descriptions.count)
    unsafe records.deallocate()
    unsafe slots.deallocate()
    unsafe foldedNames.deallocate()
  }

  private func register(_ description: Description) {
    let command = description.command
    var flags = command.flags
    if !command.subcommands.isEmpty { flags.insert(.container) }
    // What the client sends behind it may have to wait.
    // While a script takes long, nobody else is to wait behind it in the batch.
    if !flags.isDisjoint(with: [.blocking, .runsScripts]) { flags.insert(.parserBarrier) }
    var isVerbatim = false
    if case .verbatim = command.derivedEffect { isVerbatim = true }
    let plainAccess = KeyFinder.plainAccess(of: command.keys)
    let record = CommandRecord(
      handler: command.handler, flags: flags, concerns: .concerns(of: flags),
      id: UInt16(description.id),
      arity: Int16(command.arity(depth: description.depth)),
      keys: KeyFinder.fixedRange(of: command.keys), keyUse: KeyFinder.use(of: command.keys),
      hasPlainKeys: plainAccess != nil, hasKeys: !command.keys.isEmpty,
      keyAccess: plainAccess ?? [], keyVariation: KeyAccess.Variation(of: command),
      member: command.memberPosition, isVerbatim: isVerbatim)
    unsafe (records + description.id).initialize(to: record)
    enter(ByteText(command.name), description.id, isTopLevel: description.parent == nil)
  }

  /// Makes a command known under a name.
  private func enter(_ name: ByteText, _ id: CommandID, isTopLevel: Bool) {
    let isLong = name.count > 16
    let folded = isLong ? FoldedName("") : FoldedName(folding: name.rawSpan)
    unsafe (foldedNames + id).initialize(to: folded)
    guard isTopLevel else { return }
    guard !isLong else {
      longNames.append((name, id))
      return
    }
    var slot = CommandTable.slot(folded) & mask
    while unsafe slots[slot] != 0 { slot = (slot + 1) & mask }
    unsafe slots[slot] = UInt16(id + 1)
  }

  @inline(__always)
  private static func slot(_ name: FoldedName) -> Int {
    let mixed = (name.low ^ name.high &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
    return Int(truncatingIfNeeded: mixed >> 32)
  }

  // MARK: - Look-up

  /// The command with this number.
  @inline(__always)
  subscript(id: CommandID) -> CommandReference {
    precondition(id >= 0 && id < descriptions.count)
    return unsafe CommandReference(UnsafePointer(records + id))
  }

  /// The command of a request, subcommands resolved; nil if its name is unknown.
  @inline(__always)
  func find(_ arguments: Arguments) -> CommandReference? {
    guard let command = find(name: arguments[0]) else { return nil }
    guard command.flags.contains(.container), arguments.count > 1 else { return command }
    return findSubcommand(arguments[1], of: command)
  }

  /// The command with this name in any case.
  @inline(__always)
  func find(name bytes: RawSpan) -> CommandReference? {
    let name = FoldedName(folding: bytes)
    var slot = CommandTable.slot(name) & mask
    while true {
      let entry = unsafe slots[slot]
      if entry == 0 { break }
      let id = Int(entry) &- 1
      if unsafe foldedNames[id] ~= name {
        return unsafe CommandReference(UnsafePointer(records + id))
      }
      slot = (slot &+ 1) & mask
    }
    return findLong(name: bytes)
  }

  @inline(never)
  private func findLong(name bytes: RawSpan) -> CommandReference? {
    guard bytes.byteCount > 16 else { return nil }
    for long in longNames where bytes.spells(long.name) { return self[long.id] }
    return nil
  }

  /// The subcommand with this name; nil if the container has none of that name.
  func findSubcommand(_ bytes: RawSpan, of container: CommandReference) -> CommandReference? {
    let name = FoldedName(folding: bytes)
    for id in descriptions[container.id].subcommands {
      if unsafe foldedNames[id] ~= name, descriptions[id].command.name.utf8CodeUnitCount <= 16 {
        return self[id]
      }
      let declared = descriptions[id].command.name
      if declared.utf8CodeUnitCount > 16, bytes.spells(declared) { return self[id] }
    }
    return nil
  }

  /// What was declared of a command.
  func description(of command: CommandReference) -> Description { descriptions[command.id] }

  /// Top-level commands that can be called, in the order of their declaration.
  var topLevel: [Description] { descriptions.filter { $0.parent == nil && isReachable($0) } }
}

// MARK: - Other names

extension CommandTable {
  /// Gives a command another name, or none if it is empty (`rename-command`).
  ///
  /// Only requests have to use it: documentation, statistics and access control know the command
  /// by the name that it was declared with.
  func rename(_ name: ByteText, to newName: ByteText) throws(OptionError) {
    guard let command = find(name: name.rawSpan) else {
      throw OptionError("No such command in rename-command")
    }
    guard newName.isEmpty || find(name: newName.rawSpan) == nil else {
      throw OptionError("Target command name already exists")
    }
    renamed[command.id] = newName
    enterAll()
  }

  private func enterAll() {
    longNames = []
    unsafe slots.update(repeating: 0, count: mask + 1)
    for description in descriptions where description.parent == nil && isReachable(description) {
      let name = renamed[description.id] ?? ByteText(description.fullName)
      enter(name, description.id, isTopLevel: true)
    }
  }

  /// Whether requests can name the command, which `rename-command` may forbid.
  func isReachable(_ description: Description) -> Bool {
    renamed[description.parent ?? description.id] != ""
  }

  /// The command or subcommand that was declared with a name such as "get" or "config|get",
  /// whatever requests have to call it.
  func find(declared bytes: RawSpan) -> CommandReference? {
    guard !renamed.isEmpty else { return find(fullName: bytes) }
    for description in descriptions where bytes.spells(description.fullName) {
      return self[description.id]
    }
    return nil
  }
}
