// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// A directive of redis.conf and parameter of CONFIG: everything that is known about it.
struct Option: Sendable {
  /// Properties that say where and how the option may be set and shown.
  struct Traits: OptionSet, Sendable {
    let rawValue: UInt8

    /// Only set at start.
    static let immutable = Traits(rawValue: 1 << 0)
    /// Set at run time only if `enable-protected-configs` allows it.
    static let protected = Traits(rawValue: 1 << 1)
    /// CONFIG GET shows it under its full name only.
    static let hidden = Traits(rawValue: 1 << 2)
    /// A secret: logs, MONITOR and SLOWLOG don't show it.
    static let sensitive = Traits(rawValue: 1 << 3)
    /// Takes several words; one with blanks is split.
    static let severalWords = Traits(rawValue: 1 << 4)
    /// Not set while a dataset is being loaded.
    static let settled = Traits(rawValue: 1 << 5)
    /// What the value names may have changed: setting the same again is a change.
    static let volatile = Traits(rawValue: 1 << 6)
  }

  /// What has to be done when the value has changed at run time, beyond reading it next time.
  struct Effect: OptionSet, Sendable {
    let rawValue: UInt16

    /// Cached copies of settings are renewed.
    static let settings = Effect(rawValue: 1 << 0)
    /// Listeners are opened and closed.
    static let listeners = Effect(rawValue: 1 << 1)
    /// The limit on descriptors is adjusted.
    static let maxClients = Effect(rawValue: 1 << 2)
    /// Memory over its limit is freed.
    static let memory = Effect(rawValue: 1 << 3)
    /// The password of the default user is another.
    static let password = Effect(rawValue: 1 << 4)
    /// The kernel is told a new score.
    static let outOfMemoryScore = Effect(rawValue: 1 << 5)
    static let processTitle = Effect(rawValue: 1 << 6)
    static let crashReport = Effect(rawValue: 1 << 7)
    /// Monitors are answered elsewhere.
    static let monitoring = Effect(rawValue: 1 << 8)
    /// Certificates, keys and rules of encryption are read.
    static let encryption = Effect(rawValue: 1 << 9)
  }

  /// Where the value lies.
  enum Storage: Sendable {
    typealias Property<Value> = any ReferenceWritableKeyPath<Configuration, Value> & Sendable

    case flag(Property<Bool>)
    case number(Property<Int>)
    case text(Property<ByteText>)
    /// A String, since the system wants one.
    case path(Property<String>)
    /// Anything else, as words. Writing may refuse.
    case words(
      read: @Sendable (Configuration) -> ByteText,
      write: @Sendable (Configuration, [ByteText]) throws(OptionError) -> Void)
    /// Nothing in memd depends on it: the value is only remembered, so that it can be shown.
    case remembered(defaultText: ByteText)
  }

  let name: String
  var aliases: [String] = []
  let syntax: OptionSyntax
  let storage: Storage
  var traits: Traits = []
  var effect: Effect = .settings
  /// Says why a value that is well formed is refused nevertheless; nil if it isn't.
  var refusal: (@Sendable (ByteText) -> ByteText?)?

  /// Nothing depends on the option.
  var isWithoutEffect: Bool {
    if case .remembered = storage { return refusal == nil }
    return false
  }

  /// The value as CONFIG GET shows it.
  func read(_ configuration: Configuration) -> ByteText {
    switch storage {
    case .flag(let property): configuration[keyPath: property] ? "yes" : "no"
    case .number(let property): ByteText(syntax.text(of: configuration[keyPath: property]))
    case .text(let property): configuration[keyPath: property]
    case .path(let property): ByteText(configuration[keyPath: property])
    case .words(let read, _): read(configuration)
    case .remembered(let defaultText): configuration.remembered[name] ?? defaultText
    }
  }

  /// Gives the option a value.
  ///
  /// - Throws: the reason why the value is not accepted; nothing has changed then.
  func write(_ configuration: Configuration, _ words: [ByteText]) throws(OptionError) {
    if case .words(_, let writeWords) = storage {
      return try writeWords(configuration, words)
    }
    let value = try syntax.parse(words)
    if let reason = refusal?(value.text) { throw OptionError(reason) }
    switch storage {
    case .flag(let property): configuration[keyPath: property] = value.number != 0
    case .number(let property): configuration[keyPath: property] = value.number
    case .text(let property): configuration[keyPath: property] = value.text
    case .path(let property): configuration[keyPath: property] = try OptionSyntax.path(value.text)
    case .words: break
    case .remembered(let defaultText):
      configuration.remembered[name] = value.text == defaultText ? nil : value.text
    }
  }

  /// The same, from the one text of CONFIG SET.
  func write(_ configuration: Configuration, text: ByteText) throws(OptionError) {
    try write(configuration, words(of: text))
  }

  /// The words that a single text stands for.
  func words(of text: ByteText) -> [ByteText] {
    guard traits.contains(.severalWords) else { return [text] }
    guard !text.isEmpty else { return [] }
    return text.partsBetweenBlanks
  }
}
