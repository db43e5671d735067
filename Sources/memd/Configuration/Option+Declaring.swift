// SPDX-License-Identifier: Apache-2.0

import DataStructures

// The words in which the tables of options are written.

extension Option {
  /// yes or no, kept in a property.
  static func flag(_ name: String, _ property: Storage.Property<Bool>) -> Option {
    Option(name: name, syntax: .flag, storage: .flag(property))
  }

  /// A number, kept in a property.
  static func integer(
    _ name: String, _ range: ClosedRange<Int>, _ property: Storage.Property<Int>
  ) -> Option {
    Option(name: name, syntax: .integer(range), storage: .number(property))
  }

  /// A number of bytes, kept in a property.
  static func memory(
    _ name: String, _ range: ClosedRange<Int>, _ property: Storage.Property<Int>
  ) -> Option {
    Option(name: name, syntax: .memory(range), storage: .number(property))
  }

  /// Any bytes, kept in a property.
  static func text(_ name: String, _ property: Storage.Property<ByteText>) -> Option {
    Option(name: name, syntax: .text, storage: .text(property))
  }

  /// The path of a file, kept in a property.
  static func path(_ name: String, _ property: Storage.Property<String>) -> Option {
    Option(name: name, syntax: .text, storage: .path(property))
  }

  /// One of the words of a type, kept in a property.
  static func choice<Choice: ConfigurationChoice>(
    _ name: String, _ property: Storage.Property<Choice>
  ) -> Option {
    let words = Choice.allCases.map(\.rawValue)
    return Option(
      name: name, syntax: .choice(words),
      storage: .words(
        read: { configuration in ByteText(configuration[keyPath: property].rawValue) },
        write: { (configuration, given) throws(OptionError) in
          guard given.count == 1, let word = given.first else { throw .wrongArgumentCount }
          let found = try OptionSyntax.choice(word, of: words)
          guard let choice = Choice(rawValue: found) else { throw OptionSyntax.notAmong(words) }
          configuration[keyPath: property] = choice
        }))
  }

  /// Words that the option reads by itself.
  static func special(
    _ name: String, read: @escaping @Sendable (Configuration) -> ByteText,
    write: @escaping @Sendable (Configuration, [ByteText]) throws(OptionError) -> Void
  ) -> Option {
    Option(name: name, syntax: .special, storage: .words(read: read, write: write))
  }

  /// Accepted and shown, but nothing in memd depends on it.
  static func remembered(
    _ name: String, _ syntax: OptionSyntax, _ defaultText: ByteText
  ) -> Option {
    Option(name: name, syntax: syntax, storage: .remembered(defaultText: defaultText), effect: [])
  }

  /// An accepted yes or no.
  static func remembered(_ name: String, _ isOn: Bool) -> Option {
    remembered(name, .flag, isOn ? "yes" : "no")
  }

  /// An accepted number.
  static func remembered(_ name: String, _ range: ClosedRange<Int>, _ value: Int) -> Option {
    remembered(name, .integer(range), "\(value)")
  }

  /// An accepted text.
  static func remembered(_ name: String, _ text: ByteText = "") -> Option {
    remembered(name, .text, text)
  }

  // MARK: - Modifiers

  /// Known under other names, too.
  func alias(_ names: String...) -> Option {
    var copy = self
    copy.aliases = names
    return copy
  }

  func with(_ traits: Traits) -> Option {
    var copy = self
    copy.traits.formUnion(traits)
    return copy
  }

  /// What a change at run time brings about.
  func effect(_ effect: Effect) -> Option {
    var copy = self
    copy.effect = effect
    return copy
  }

  /// Refuses well-formed values for a reason that the check gives.
  func refusing(_ check: @escaping @Sendable (ByteText) -> ByteText?) -> Option {
    var copy = self
    copy.refusal = check
    return copy
  }

  /// Accepts one value only: any other would be a promise that is not kept.
  func only(_ harmless: ByteText, because reason: ByteText) -> Option {
    refusing { $0 == harmless ? nil : reason }
  }
}

extension ClosedRange where Bound == Int {
  /// Zero and everything above, in 32 bits, as the options of Redis have it.
  static var natural32: ClosedRange<Int> { 0...Int(Int32.max) }
  /// One and everything above, in 32 bits.
  static var positive32: ClosedRange<Int> { 1...Int(Int32.max) }
  static var integer32: ClosedRange<Int> { Int(Int32.min)...Int(Int32.max) }
  static var natural: ClosedRange<Int> { 0...Int.max }
  static var positive: ClosedRange<Int> { 1...Int.max }
  static var port: ClosedRange<Int> { 0...65535 }
}
