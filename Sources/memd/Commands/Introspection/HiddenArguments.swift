// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// Which arguments of a request are secrets that SLOWLOG and MONITOR must not show.
struct HiddenArguments {
  /// What is shown instead.
  static let substitute = Array("(redacted)".utf8)

  private var indices: [Int] = []

  /// - Parameter name: the command's full name, such as "config|set".
  init(_ name: String, _ arguments: Arguments) {
    switch name {
    case "auth": indices = Array(1..<max(1, arguments.count))
    case "acl|setuser", "acl|deluser", "acl|getuser": indices = Array(2..<max(2, arguments.count))
    case "config|set":
      indices = (0..<arguments.count).filter { ConfigCommands.isSecret($0, in: arguments) }
    case "hello": hide(behind: "auth", count: 2, in: arguments)
    case "migrate":
      hide(behind: "auth", count: 1, in: arguments)
      hide(behind: "auth2", count: 2, in: arguments)
    default: break
    }
  }

  private mutating func hide(behind word: String, count: Int, in arguments: Arguments) {
    for index in 1..<max(1, arguments.count) where arguments[index].text.lowercased() == word {
      indices += (index + 1..<index + 1 + count).filter { $0 < arguments.count }
    }
  }

  func contains(_ index: Int) -> Bool { indices.contains(index) }
}
