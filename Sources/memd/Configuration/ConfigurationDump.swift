// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// The effective values of all directives, each with its source (`memd --dump-config`).
///
/// The text is a redis.conf that means the same, but for secrets, which aren't shown.
enum ConfigurationDump {
  static func text(_ configuration: Configuration) -> String {
    var set = ""
    var defaults = ""
    for option in OptionTable.options {
      let lines = text(of: option, configuration)
      if let place = configuration.place(of: option.name) {
        set += "# \(place.text)\n\(lines)"
      } else {
        defaults += lines
      }
    }
    for user in configuration.declaredUsers {
      let place = user.place.map { "\($0.text): " } ?? ""
      set += "# \(place)user \(user.name.rawSpan.logText()) is declared (rules not shown)\n"
    }
    for renamed in configuration.renamedCommands {
      let name = DirectiveText.quoted(renamed.newName)
      set += "rename-command \(renamed.name.logText) \(name.logText)\n"
    }
    return notice(configuration) + set + (set.isEmpty ? "" : "\n") + "# Defaults\n" + defaults
  }

  /// What whoever starts a server with this text has to add.
  private static func notice(_ configuration: Configuration) -> String {
    let hidden = OptionTable.options.filter { hides($0, configuration) }.map(\.name)
    let names = hidden + (configuration.declaredUsers.isEmpty ? [] : ["user"])
    guard !names.isEmpty else { return "" }
    return "# Not shown, and to be added before a server is started with this: "
      + names.joined(separator: ", ") + "\n\n"
  }

  private static func hides(_ option: Option, _ configuration: Configuration) -> Bool {
    option.traits.contains(.sensitive) && !option.read(configuration).isEmpty
  }

  private static func text(of option: Option, _ configuration: Configuration) -> String {
    if hides(option, configuration) {
      return "# \(option.name) is set (not shown)\n"
    }
    return option.fileLines(configuration).map { $0.logText + "\n" }.joined()
  }
}
