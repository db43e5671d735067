// SPDX-License-Identifier: Apache-2.0

import DataStructures
import RESP

/// What a request does to its keys where that depends on its options.
enum KeyAccess {
  /// What the access depends on.
  enum Variation {
    case none
    /// SET may answer the old value.
    case set
    /// BITFIELD may read only.
    case bitfield

    init(of command: Command) {
      switch command.name.description {
      case "set": self = .set
      case "bitfield": self = .bitfield
      default: self = .none
      }
    }
  }

  /// The access of one request, for a command whose declaration says that it varies.
  static func refined(
    _ access: KeySpec.Access, of command: Command, in request: Arguments
  ) -> KeySpec.Access {
    refined(access, Variation(of: command), in: request)
  }

  /// The same by what is known of the command.
  static func refined(
    _ access: KeySpec.Access, _ variation: Variation, in request: Arguments
  ) -> KeySpec.Access {
    guard access.contains(.variableFlags) else { return access }
    switch variation {
    case .set:
      return hasOption("get", from: 3, in: request)
        ? [.readWrite, .access, .update]
        : [.overwrite, .update]
    case .bitfield:
      return onlyReads(request)
        ? [.readOnly, .access]
        : [.readWrite, .access, .update]
    case .none: return access
    }
  }

  private static func hasOption(
    _ option: StaticString, from: Int, in request: Arguments
  ) -> Bool {
    (from..<max(from, request.count)).contains { request[$0].spells(option) }
  }

  /// BITFIELD with no other operation than GET.
  private static func onlyReads(_ request: Arguments) -> Bool {
    var index = 2
    while index < request.count {
      guard Keyword(folding: request[index]) == Keyword("get") else { return false }
      index += 3
    }
    return true
  }
}
