// SPDX-License-Identifier: Apache-2.0

/// One command: everything that is known about it, declared once, beside its handler.
///
/// COMMAND INFO and DOCS, arity, key extraction, ACL categories, admission, what followers get and
/// the README's table are derived from this value.
struct Command: Sendable {
  /// The calling convention of every handler, known here and nowhere else. A thin function pointer
  /// costs no reference counting; see the swiftlang issue 65280 before making it generic.
  typealias Handler = @Sendable @convention(thin) (inout Call) throws(CommandError) -> Void

  /// What reaches followers when the command has changed something.
  enum Effect: Sendable {
    /// Nothing: it reads.
    case none
    /// The request as it came.
    case verbatim
    /// Something else, in these words; the handler emits it through `Call.effects`.
    case rewritten(StaticString)
  }

  var name: StaticString
  var flags: CommandFlags
  var keys: [KeySpec] = []
  var channels: ChannelSpec?
  var arguments: [ArgumentSpec] = []
  var subcommands: [Command] = []
  /// Categories beyond those that group and flags imply.
  var categories: ACLCategories = []
  var effect: Effect?
  var tips: [StaticString] = []
  var since: StaticString
  var complexity: StaticString = ""
  var summary: StaticString
  var history: [(version: StaticString, change: StaticString)] = []
  var deprecatedSince: StaticString?
  var replacedBy: StaticString?
  /// Arguments that SLOWLOG and MONITOR don't show.
  var secrets: [SecretSpec] = []
  /// Overrides the derived arity where the reference server's differs from its own syntax.
  var declaredArity: Int?
  /// Lines of HELP, without the frame: usage, then indented explanation.
  var help: [StaticString] = []
  var handler: Handler

  init(
    _ name: StaticString, _ flags: CommandFlags, keys: [KeySpec] = [],
    channels: ChannelSpec? = nil, _ arguments: [ArgumentSpec] = [],
    subcommands: [Command] = [], categories: ACLCategories = [],
    effect: Effect? = nil, secrets: [SecretSpec] = [], tips: [StaticString] = [],
    since: StaticString, complexity: StaticString = "", summary: StaticString,
    history: [(version: StaticString, change: StaticString)] = [],
    deprecatedSince: StaticString? = nil, replacedBy: StaticString? = nil, arity: Int? = nil,
    help: [StaticString] = [], handler: @escaping Handler
  ) {
    self.name = name
    self.flags = flags
    self.keys = keys
    self.channels = channels
    self.arguments = arguments
    self.subcommands = subcommands
    self.categories = categories
    self.effect = effect
    self.secrets = secrets
    self.tips = tips
    self.since = since
    self.complexity = complexity
    self.summary = summary
    self.history = history
    self.deprecatedSince = deprecatedSince
    self.replacedBy = replacedBy
    self.declaredArity = arity
    self.help = help
    self.handler = handler
  }

  /// What the command sends on; a write that says nothing else is sent as it came.
  var derivedEffect: Effect {
    effect ?? (flags.contains(.write) || flags.contains(.mayReplicate) ? .verbatim : .none)
  }

  /// Number of words of a request, the name included; negative: at least that many.
  ///
  /// - Parameter depth: 1 for a command, 2 for a subcommand.
  func arity(depth: Int = 1) -> Int {
    if let declaredArity { return declaredArity }
    if !subcommands.isEmpty { return -2 }
    let required = depth + arguments.reduce(0) { $0 + $1.minimumCount }
    return arguments.contains(where: \.isVariable) ? -required : required
  }

  /// The argument that names the first member or field of a collection whose key comes first, if
  /// no option is given; 0 if the syntax has none. A hint for prefetching.
  var memberPosition: UInt8 {
    guard arguments.first?.kind == .key else { return 0 }
    var position: UInt8 = 1
    for argument in arguments where !argument.isOptional {
      for part in argument.kind == .block ? argument.members : [argument] {
        guard part.token == nil, argument.token == nil else { return 0 }
        let name = part.name.description
        if name == "member" || name == "field" { return position }
        position += 1
      }
    }
    return 0
  }
}

/// A file of commands; `commands` is its table of contents.
protocol CommandFamily {
  static var group: CommandGroup { get }
  static var commands: [Command] { get }
  /// Whether what the commands need is there; without it they are unknown.
  static var isAvailable: Bool { get }
}

extension CommandFamily {
  static var isAvailable: Bool { true }
}
