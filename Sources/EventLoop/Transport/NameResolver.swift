// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// Finds addresses of hosts by their names. A look-up may take seconds, so it is a helper's job.
open class NameResolver: @unchecked Sendable {
  /// For subclasses.
  public init() {}

  /// Whether a host can be connected to as it is: an address, or the path of a unix socket. In a
  /// simulation every name is one.
  open func isAddress(_ host: String) -> Bool { true }

  /// The address of a host, for a caller that can wait; called on a helper.
  open func address(of host: String) throws(NameError) -> String { host }
}

/// Why a name has no address.
public struct NameError: Error, Equatable {
  /// As the system says it: "Name or service not known".
  public let text: String

  /// A reason in the system's words.
  public init(_ text: String) { self.text = text }
}

/// Asks the system: its files, and the servers of the domain name system.
public final class SystemNameResolver: NameResolver, @unchecked Sendable {
  /// A numeric address or a path.
  public override func isAddress(_ host: String) -> Bool {
    var raw = memd_address()
    return unsafe host.utf8.first == UInt8(ascii: "/") || memd_address_numeric(&raw, host, 0) == 0
  }

  /// getaddrinfo.
  public override func address(of host: String) throws(NameError) -> String {
    var address = SocketAddress()
    let code = unsafe memd_address_resolve(&address.raw, host, 0)
    guard code == 0 else { throw NameError(unsafe String(cString: gai_strerror(code))) }
    // Without the port, and the brackets in front of it.
    let end = address.text.lastIndex(of: ":") ?? address.text.endIndex
    return address.text[..<end].filter { $0 != "[" && $0 != "]" }
  }
}

/// A look-up by a helper.
public final class NameJob: Job, @unchecked Sendable {
  private let host: String
  private let resolver: NameResolver
  private let done: (Result<String, NameError>) -> Void
  private var result: Result<String, NameError>

  /// - Parameter done: called on the loop with an address, or why there is none.
  public init(
    _ host: String, _ resolver: NameResolver,
    done: @escaping (Result<String, NameError>) -> Void
  ) {
    self.host = host
    self.resolver = resolver
    self.done = done
    result = .failure(NameError(""))
  }

  /// Waits for the address.
  public override func perform() {
    do throws(NameError) {
      result = .success(try resolver.address(of: host))
    } catch {
      result = .failure(error)
    }
  }

  /// Hands it over.
  public override func finish() { done(result) }
}
