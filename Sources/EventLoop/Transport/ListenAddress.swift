// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Where a server listens.
public enum ListenAddress: Equatable, Sendable {
  /// A TCP port of one address; a failure to bind an optional one may be passed over.
  case internet(host: String, port: UInt16, isOptional: Bool)
  /// A unix socket; `mode` are its permissions (nil leaves them to the umask), and `group` is the
  /// name of the group that owns it (nil leaves that to the system).
  case unix(path: String, mode: UInt32?, group: String? = nil)

  /// Reads one word of the `bind` directive: "127.0.0.1", "-::1", "*" (all IPv4), "::*" (all IPv6).
  public init(bind word: String, port: UInt16) {
    let isOptional = word.utf8.first == UInt8(ascii: "-")
    let host = isOptional ? String(word.dropFirst()) : word
    switch host {
    case "*": self = .internet(host: "0.0.0.0", port: port, isOptional: isOptional)
    case "::*": self = .internet(host: "::", port: port, isOptional: isOptional)
    default: self = .internet(host: host, port: port, isOptional: isOptional)
    }
  }

  /// Whether only one of two listeners can have these addresses, as far as their words tell.
  public func excludes(_ other: ListenAddress) -> Bool {
    switch (self, other) {
    case (.internet(let host, let port, _), .internet(let otherHost, let otherPort, _)):
      let wildcards = ["0.0.0.0", "::"]
      func isOfSameKind(_ wildcard: String, _ name: String) -> Bool {
        wildcards.contains(wildcard) && wildcard.contains(":") == name.contains(":")
      }
      return port == otherPort
        && (host == otherHost || isOfSameKind(host, otherHost) || isOfSameKind(otherHost, host))
    case (.unix(let path, _, _), .unix(let otherPath, _, _)): return path == otherPath
    default: return false
    }
  }

  /// "127.0.0.1:6379" or "[::1]:6379", as a URL has it; the path of a unix socket.
  public var authority: String {
    guard case .internet(let host, let port, _) = self, host.utf8.contains(UInt8(ascii: ":")) else {
      return text
    }
    return "[\(host)]:\(port)"
  }

  /// "127.0.0.1:6379" or the path, as messages print it.
  public var text: String {
    switch self {
    case .internet(let host, let port, _): "\(host):\(port)"
    case .unix(let path, _, _): path
    }
  }
}

/// Why a server can't listen.
public struct ListenError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Where it was to listen.
  public let address: ListenAddress
  /// The call that failed: "socket", "bind", "listen", "chown error for group 'wheel'"...
  public let operation: String
  /// The error number; 0 when the host name couldn't be resolved.
  public let code: Int32

  /// Describes a failure.
  public init(address: ListenAddress, operation: String, code: Int32) {
    self.address = address
    self.operation = operation
    self.code = code
  }

  /// "bind: Address already in use".
  public var description: String {
    code == 0
      ? "\(operation): Name or service not known" : "\(operation): \(SystemError(code).text)"
  }

  /// "Could not create server TCP listening socket 127.0.0.1:6379: bind: Address already in use".
  public var message: String {
    switch address {
    case .internet: "Could not create server TCP listening socket \(address.text): \(description)"
    case .unix: "Failed opening Unix socket: \(description)"
    }
  }

  /// Whether start-up goes on without this address.
  ///
  /// Compatibility: Redis passes over a missing address only if it is marked with '-', but over a
  /// protocol that the system lacks always.
  public var isTolerated: Bool {
    guard case .internet(_, _, let isOptional) = address else { return false }
    switch code {
    case EADDRNOTAVAIL: return isOptional
    case ENOPROTOOPT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EPFNOSUPPORT, EAFNOSUPPORT: return true
    default: return false
    }
  }
}
