// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Commands, keys and channels that go together: a request is allowed if one selector of its user
/// allows all of it.
struct AccessSelector {
  private(set) var commands: CommandPermissions
  private(set) var keys = KeyPatterns()
  private(set) var channels: ChannelPatterns

  /// A selector that allows nothing, except channels where the configuration says so.
  init(_ context: RuleContext) {
    commands = CommandPermissions(context.commands)
    channels = ChannelPatterns(allowsAll: context.allowsChannels)
  }

  /// The selector that "(rule rule ...)" describes.
  init(_ rules: [UInt8], _ context: RuleContext) throws(RuleError) {
    self.init(context)
    // Compatibility: blanks are not enough, words may be in quotes.
    guard let words = DirectiveText.split(rules.dropFirst().dropLast()) else { throw .syntax }
    for word in words { try apply(word, context) }
  }

  /// Everything is allowed.
  var allowsEverything: Bool { commands.allowAll && keys.allowsAll && channels.allowsAll }

  /// Applies one rule.
  mutating func apply(_ rule: [UInt8], _ context: RuleContext) throws(RuleError) {
    switch FoldedName(folding: rule.rawSpan) {
    case FoldedName("allkeys"), FoldedName("~*"): keys.allowAll()
    case FoldedName("resetkeys"): keys.removeAll()
    case FoldedName("allchannels"), FoldedName("&*"): channels.allowAll()
    case FoldedName("resetchannels"): channels.removeAll()
    case FoldedName("allcommands"), FoldedName("+@all"): commands.reset(allowsAll: true)
    case FoldedName("nocommands"), FoldedName("-@all"): commands.reset(allowsAll: false)
    default:
      switch rule.first {
      case UInt8(ascii: "~"), UInt8(ascii: "%"): try keys.add(rule)
      case UInt8(ascii: "&"): try channels.add(rule)
      case UInt8(ascii: "+"), UInt8(ascii: "-"): try commands.apply(rule, context.commands)
      default: throw .syntax
      }
    }
  }

  /// The rules that make this selector, in Redis's order: keys, channels, commands.
  func text(quotesWords: Bool) -> [UInt8] {
    var words = keys.rules
    if !channels.allowsAll { words.append(Array("resetchannels".utf8)) }
    words += channels.rules
    if quotesWords { words = words.map(AccessSelector.quotedIfNeeded) }
    words.append(commands.text)
    return Array(words.joined(separator: [UInt8(ascii: " ")]))
  }

  /// Within parentheses a quote begins a quoted word, and a closing parenthesis ends the selector.
  private static func quotedIfNeeded(_ word: [UInt8]) -> [UInt8] {
    let isPlain =
      word.last != UInt8(ascii: ")")
      && !word.contains { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") }
    return isPlain ? word : DirectiveText.quoted(ByteText(word)).bytes
  }

  // MARK: - Decisions

  /// What stands against a request; nil if all of it is allowed.
  func denial(of request: inout AccessRequest) -> AccessDenial? {
    let arguments = request.arguments
    guard commands.allow(request.command, arguments) else {
      return AccessDenial(reason: .command, position: 0)
    }
    if !keys.allowsAll, let position = request.firstKey(notIn: keys) {
      return AccessDenial(reason: .key, position: position)
    }
    if !channels.allowsAll, let position = request.firstChannel(notIn: channels) {
      return AccessDenial(reason: .channel, position: position)
    }
    return nil
  }
}
