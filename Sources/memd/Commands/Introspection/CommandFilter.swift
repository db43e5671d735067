// SPDX-License-Identifier: Apache-2.0

import DataStructures

/// What COMMAND LIST shows.
enum CommandFilter {
  case everything
  case nothing
  case category(ACLCategories)
  /// A glob pattern for full names.
  case pattern([UInt8])

  /// Commands of the category with this name; none if there is no such category.
  init(category name: RawSpan) {
    self = ACLCategories(name: name).map { .category($0) } ?? .nothing
  }

  /// Whether the command is shown.
  func admits(_ description: CommandTable.Description) -> Bool {
    switch self {
    case .everything: return true
    case .nothing: return false
    case .category(let category): return description.categories.contains(category)
    case .pattern(let pattern):
      let name = Array(description.fullName.utf8)
      return GlobPattern.matches(
        pattern: pattern.rawSpan, text: name.rawSpan, ignoringCase: true)
    }
  }
}

extension CommandTable.Description {
  /// All categories of the command: declared ones and those that follow from flags and group.
  var categories: ACLCategories {
    // Compatibility: a container runs nothing, so its group implies nothing for it.
    let group = command.subcommands.isEmpty ? self.group : .server
    let categories = command.categories.union(.implied(by: command.flags, group: group))
    // What is about collections alone, as SORT is, doesn't belong to the keyspace's commands.
    return command.categories.contains(.sortedset)
      ? categories.subtracting(.keyspace) : categories
  }
}
