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
    return set + (set.isEmpty ? "" : "\n") + "# Defaults\n" + defaults
  }

  private static func text(of option: Option, _ configuration: Configuration) -> String {
    if option.traits.contains(.sensitive), !option.read(configuration).isEmpty {
      return "# \(option.name) is set (not shown)\n"
    }
    return option.fileLines(configuration).map { $0.logText + "\n" }.joined()
  }
}
