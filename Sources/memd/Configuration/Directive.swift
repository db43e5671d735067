// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The lines of redis.conf: options, and the few directives that are no option of CONFIG.
enum Directive {
  private static let unknown = OptionError("Bad directive or wrong number of arguments")

  /// Lets a directive take effect.
  static func apply(
    _ name: ByteText, _ words: [ByteText], to configuration: Configuration
  ) throws(OptionError) {
    guard let entry = OptionTable.find(name) else {
      return try applySpecial(name, words, to: configuration)
    }
    let option = entry.option
    if option.traits.contains(.severalWords) {
      // One word in quotes may stand for several.
      let split = words.count == 1 ? option.words(of: words[0]) : words
      if option.name == "save" { return try addSaveRules(split, to: configuration) }
      return try option.write(configuration, split)
    }
    guard words.count == 1 else { throw .wrongArgumentCount }
    try option.write(configuration, words)
  }

  /// Lines with rules add up; the first one replaces the default, and an empty one all before it.
  private static func addSaveRules(
    _ words: [ByteText], to configuration: Configuration
  ) throws(OptionError) {
    let rules = try OptionTable.saveRules(words)
    let earlier = configuration.hasDefaultSaveRules || rules.isEmpty ? [] : configuration.saveRules
    configuration.saveRules = earlier + rules
    configuration.hasDefaultSaveRules = false
  }

  private static func applySpecial(
    _ name: ByteText, _ words: [ByteText], to configuration: Configuration
  ) throws(OptionError) {
    switch name {
    case "user": try declareUser(words.map(\.bytes), in: configuration)
    case "loadmodule":
      guard !words.isEmpty else { throw unknown }
      throw OptionError("modules are not supported")
    case "rename-command":
      guard words.count == 2 else { throw unknown }
      try configuration.renameCommand(words[0], to: words[1])
    case "sentinel": throw OptionError("sentinel directive while not in sentinel mode")
    default:
      guard OptionTable.obsolete.contains(name), words.count == 1 else { throw unknown }
    }
  }

  /// A `user` line: name and rules, which may be other bytes than text.
  private static func declareUser(
    _ words: [[UInt8]], in configuration: Configuration
  ) throws(OptionError) {
    guard let name = words.first else { throw unknown }
    try configuration.declare(DeclaredUser(name: name, rules: Array(words.dropFirst())))
  }
}
