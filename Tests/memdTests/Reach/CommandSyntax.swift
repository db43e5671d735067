// SPDX-License-Identifier: Apache-2.0

@testable import memd

/// One element of a command's declared syntax, prepared for making requests of it.
final class SyntaxElement {
  let kind: ArgumentSpec.Kind
  let name: String
  let token: [UInt8]?
  let isOptional: Bool
  let isMultiple: Bool
  let repeatsToken: Bool
  let meaning: ArgumentMeaning
  /// What the command does to the key that stands here.
  let access: KeySpec.Access
  let keySpecIndex: Int
  let members: [SyntaxElement]
  /// Its number among the command's options; nil if it can't be left out.
  let option: Int?
  /// The key specs of the keys within it.
  let keySpecs: [Int]
  /// Its own number and those of everything within it.
  let covered: Range<Int>

  init(
    _ spec: ArgumentSpec, isAlternative: Bool, path: String, options: inout [String],
    of description: CommandTable.Description
  ) {
    kind = spec.kind
    name = spec.name.description
    let text = (spec.token ?? (spec.kind == .pureToken ? spec.name : nil))?.description
    token = text.map { Array($0.utf8) }
    isOptional = spec.isOptional
    isMultiple = spec.isMultiple
    repeatsToken = spec.repeatsToken
    meaning = ArgumentMeaning.of(spec, in: description)
    let keys = description.command.keys
    keySpecIndex = spec.keySpecIndex ?? 0
    access =
      spec.kind == .key && keys.indices.contains(keySpecIndex) ? keys[keySpecIndex].access : []
    var path = path
    let first = options.count
    let label = text.flatMap { $0.isEmpty ? nil : $0 } ?? name
    if spec.isOptional || isAlternative {
      option = options.count
      path += (path.isEmpty ? "" : " ") + label
      options.append(path)
    } else {
      option = nil
    }
    var members: [SyntaxElement] = []
    for member in spec.members {
      members.append(
        SyntaxElement(
          member, isAlternative: spec.kind == .oneOf, path: path, options: &options,
          of: description))
    }
    self.members = members
    covered = first..<options.count
    keySpecs = (spec.kind == .key ? [keySpecIndex] : []) + members.flatMap(\.keySpecs)
  }

  /// Whether one of the alternatives is this word.
  func offers(_ token: String) -> Bool {
    kind == .oneOf && members.contains { $0.token.map { $0.elementsEqual(token.utf8) } ?? false }
  }
}

/// A command that can be called, and what came of it in this run.
final class CommandSyntax {
  let description: CommandTable.Description
  let name: String
  let words: [[UInt8]]
  let arguments: [SyntaxElement]
  /// What its syntax leaves open: options, alternatives and the words within them.
  let options: [String]
  /// Keys that it may overwrite or remove, by number of their key spec.
  let targetSpecs: [Int]

  var calls = 0
  var successes = 0
  var reached: [Int]
  /// How often a key of each form was overwritten or removed, per target.
  var met: [[Int]]

  init(_ description: CommandTable.Description) {
    self.description = description
    name = description.fullName
    words = name.split(separator: "|").map { Array($0.uppercased().utf8) }
    var options: [String] = []
    var arguments: [SyntaxElement] = []
    for spec in description.command.arguments {
      arguments.append(
        SyntaxElement(spec, isAlternative: false, path: "", options: &options, of: description))
    }
    self.arguments = arguments
    self.options = options
    reached = Array(repeating: 0, count: options.count)
    targetSpecs = description.command.keys.indices.filter {
      CommandSyntax.isTarget(description.command.keys[$0].access, description)
    }
    met = Array(
      repeating: Array(repeating: 0, count: ValueForm.all.count), count: targetSpecs.count)
  }

  /// Every command and subcommand of a table that has a handler of its own.
  static func all(_ table: CommandTable) -> [CommandSyntax] {
    table.descriptions.filter(\.subcommands.isEmpty).map { CommandSyntax($0) }
  }

  // MARK: - Targets

  /// Whether a key may be gone or hold something else altogether when such a command has run.
  ///
  /// Commands that take elements away remove the key with the last of them. Those that set
  /// deadlines remove it when the deadline has passed already.
  private static func isTarget(
    _ access: KeySpec.Access, _ description: CommandTable.Description
  ) -> Bool {
    guard description.command.flags.contains(.write) else { return false }
    // SETNX and the like are declared so: they make keys, and leave those that exist alone.
    if access.isSuperset(of: [.overwrite, .insert]), !access.contains(.update) { return false }
    if !access.isDisjoint(with: [.overwrite, .remove]) { return true }
    guard access.contains(.readWrite) else { return false }
    return access.contains(.delete) || description.takesDeadline
  }

  /// Whether the value goes as a whole; else a part of it is taken, or it is given a deadline.
  func takesWhole(target: Int) -> Bool {
    let access = description.command.keys[targetSpecs[target]].access
    return !access.isDisjoint(with: [.overwrite, .remove])
  }

  /// The forms of value that the command may find where it overwrites or removes.
  func forms(ofTarget target: Int) -> [ValueForm] {
    let types = types(ofTarget: target)
    let needsGroup = arguments.contains { $0.meaning == .group && !$0.isOptional }
    return ValueForm.all.filter { form in
      if needsGroup, form.shape == .stream { return false }
      if name == "increx", [.stringBlock, .stringHuge].contains(form.shape) { return false }
      return types.contains(form.shape.type)
    }
  }

  private func types(ofTarget target: Int) -> [Entry.ValueType] {
    let type = takesWhole(target: target) ? nil : description.group.valueType
    return type.map { [$0] } ?? [.string, .list, .set, .sortedSet, .hash, .stream]
  }
}

extension CommandGroup {
  /// The type of the values that the commands of a group are about.
  var valueType: Entry.ValueType? {
    switch self {
    case .string, .bitmap, .hyperloglog: .string
    case .list: .list
    case .set: .set
    case .sortedSet, .geo: .sortedSet
    case .hash: .hash
    case .stream: .stream
    default: nil
    }
  }
}

extension CommandTable.Description {
  /// Whether a request can say when something is due.
  fileprivate var takesDeadline: Bool {
    func takes(_ specs: [ArgumentSpec]) -> Bool {
      specs.contains { $0.kind == .unixTime || takes($0.members) }
    }
    return takes(command.arguments) || command.arguments.contains { $0.name == "seconds" }
      || command.arguments.contains { $0.name == "milliseconds" && $0.token == nil }
  }
}

private func == (left: StaticString, right: String) -> Bool { left.description == right }
