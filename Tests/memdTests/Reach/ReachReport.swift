// SPDX-License-Identifier: Apache-2.0

@testable import memd

extension ReachRun {
  /// What was reached, one fact per line; runs are added up by those who read them.
  var report: [String] {
    var lines: [String] = ["requests \(requestCount)"]
    for command in commands {
      lines.append("command \(command.name) \(command.calls) \(command.successes)")
      for index in command.options.indices {
        lines.append("option \(command.reached[index]) \(command.name) \(command.options[index])")
      }
      for target in command.targetSpecs.indices {
        for form in command.forms(ofTarget: target) {
          let count = command.met[target][form.number]
          lines.append("pair \(count) \(command.name) \(target) \(form.name)")
        }
      }
    }
    return lines
  }
}
