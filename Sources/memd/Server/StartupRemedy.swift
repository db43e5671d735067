// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import Glibc

/// What helps when a server can't start, in words that follow "Remedy: ".
enum StartupRemedy {
  static let directory =
    "let the directory belong to the user who runs memd ('chown'), choose another one ('dir'), or"
    + " turn saving off ('save \"\"', 'appendonly no')."
  static let nowhere = "set 'port', or 'unixsocket' to the path of a socket."
  static let unreadable =
    "let the file belong to the user who runs memd ('chown'), who must be allowed to read it."

  /// - Parameters:
  ///   - configuration: tells which line names the address.
  ///   - portName: the directive of the port.
  ///   - bindName: the directive of the addresses.
  static func text(
    for error: ListenError, _ configuration: Configuration, portName: String = "port",
    bindName: String = "bind"
  ) -> String {
    guard case .internet(_, let port, _) = error.address else {
      return "the directory of the unix socket must be there, and the user who runs memd must be"
        + " allowed to write in it\(place("unixsocket", configuration))."
    }
    switch error.code {
    case EADDRINUSE:
      let names = configuration.directives(ofPort: Int(port))
      if names.count > 1 {
        return "\(names.joined(separator: " and ")) have the same number: choose another for one of"
          + " them\(place(portName, configuration))."
      }
      return "another process listens on port \(port): end it (ss -ltnp 'sport = :\(port)' tells"
        + " which it is), or choose another port\(place(portName, configuration))."
    case EACCES:
      return "ports below 1024 are for root or need CAP_NET_BIND_SERVICE; choose another"
        + " port\(place(portName, configuration))."
    case EADDRNOTAVAIL:
      return "this machine has no such address ('ip address' lists them); correct"
        + " '\(bindName)'\(place(bindName, configuration)), or put a '-' in front of what"
        + " may be missing."
    case 0: return "correct the name of the host in '\(bindName)'\(place(bindName, configuration))."
    default: return "look at '\(bindName)' and '\(portName)'\(place(bindName, configuration))."
    }
  }

  static func text(for error: UserFileError) -> String {
    let place = error.place.map { " (\($0.text))" } ?? ""
    return "correct the line of the user\(place), or the path of 'aclfile'. A rule is such as"
      + " on, >password, ~keys:*, &channels:*, +get, +@read (ACL CAT lists the categories)."
  }

  private static func place(_ name: String, _ configuration: Configuration) -> String {
    configuration.place(of: name).map { " (\($0.text))" } ?? ""
  }
}
