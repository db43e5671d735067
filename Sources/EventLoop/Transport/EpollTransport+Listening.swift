// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// A listener of the operating system. Its index is never used again, so that the addresses of the
/// connections that came in through it can still be told when it is closed.
internal struct EpollListener {
  /// -1 when closed.
  var descriptor: Int32
  /// The path of a unix socket, nil for TCP.
  let path: String?
  /// The local address of its connections, if it is the same for all of them.
  let localAddress: String?
}

extension EpollTransport {
  internal func openListener(
    host: String, port: UInt16, _ address: ListenAddress, _ backlog: Int32
  ) throws(ListenError) -> EpollListener {
    let descriptor = try openBound(host: host, port: port, address)
    try listen(descriptor, address, backlog)
    let bound = SocketAddress(localOf: descriptor)
    return EpollListener(
      descriptor: descriptor, path: nil, localAddress: bound.isWildcard ? nil : bound.text)
  }

  /// A socket that is bound to an address, and on which nobody listens yet.
  private func openBound(
    host: String, port: UInt16, _ address: ListenAddress
  ) throws(ListenError) -> Int32 {
    guard let socketAddress = SocketAddress(host: host, port: port) else {
      throw ListenError(address: address, operation: "getaddrinfo", code: 0)
    }
    return try openBound(socketAddress, address) { (descriptor) throws(SystemError) in
      try Syscall.setOption(descriptor, level: SOL_SOCKET, name: SO_REUSEADDR, 1)
      if socketAddress.family == AF_INET6 {
        try Syscall.setOption(descriptor, level: Int32(IPPROTO_IPV6), name: IPV6_V6ONLY, 1)
      }
    }
  }

  internal func rehearse(_ address: ListenAddress) throws(ListenError) {
    switch address {
    case .internet(let host, let port, _):
      Syscall.close(try openBound(host: host, port: port, address))
    case .unix(let path, _, let group):
      _ = try Self.socketAddress(path, address)
      guard let group else { return }
      do throws(SystemError) {
        _ = try Syscall.groupNumber(of: group)
      } catch {
        throw ListenError(
          address: address, operation: "getgrnam error for group '\(group)'", code: error.code)
      }
    }
  }

  private static func socketAddress(
    _ path: String, _ address: ListenAddress
  ) throws(ListenError) -> SocketAddress {
    guard let socketAddress = SocketAddress(path: path) else {
      throw ListenError(address: address, operation: "bind", code: ENAMETOOLONG)
    }
    return socketAddress
  }

  internal func openListener(
    path: String, mode: UInt32?, group: String?, _ address: ListenAddress, _ backlog: Int32
  ) throws(ListenError) -> EpollListener {
    let socketAddress = try Self.socketAddress(path, address)
    // A file that an earlier process left behind would make bind fail.
    try? Syscall.remove(path)
    let descriptor = try openBound(socketAddress, address) { _ throws(SystemError) in }
    // Before anybody can connect.
    do throws(ListenError) {
      try restrict(path, mode: mode, group: group, address)
    } catch {
      Syscall.close(descriptor)
      try? Syscall.remove(path)
      throw error
    }
    try listen(descriptor, address, backlog)
    return EpollListener(descriptor: descriptor, path: path, localAddress: path + ":0")
  }

  /// Gives the file of a unix socket its permissions, then its group.
  private func restrict(
    _ path: String, mode: UInt32?, group: String?, _ address: ListenAddress
  ) throws(ListenError) {
    var operation = "chmod"
    do throws(SystemError) {
      if let mode { try Syscall.setMode(path, mode) }
      guard let group else { return }
      operation = "getgrnam error for group '\(group)'"
      let number = try Syscall.groupNumber(of: group)
      operation = "chown error for group '\(group)'"
      try Syscall.setGroup(path, number)
    } catch {
      throw ListenError(address: address, operation: operation, code: error.code)
    }
  }

  /// socket, options, bind; says which of them failed.
  private func openBound(
    _ socketAddress: SocketAddress, _ address: ListenAddress,
    configure: (Int32) throws(SystemError) -> Void
  ) throws(ListenError) -> Int32 {
    var operation = "socket"
    var descriptor: Int32 = -1
    do throws(SystemError) {
      descriptor = try Syscall.streamSocket(socketAddress.family)
      operation = "setsockopt"
      try configure(descriptor)
      operation = "bind"
      try Syscall.bind(descriptor, socketAddress.raw)
      return descriptor
    } catch {
      if descriptor >= 0 { Syscall.close(descriptor) }
      throw ListenError(address: address, operation: operation, code: error.code)
    }
  }

  private func listen(
    _ descriptor: Int32, _ address: ListenAddress, _ backlog: Int32
  ) throws(ListenError) {
    do throws(SystemError) {
      try Syscall.listen(descriptor, backlog: backlog)
    } catch {
      Syscall.close(descriptor)
      throw ListenError(address: address, operation: "listen", code: error.code)
    }
  }

  /// Whether the listener exists and is open.
  internal func isListening(_ listener: Int) -> Bool {
    listeners.indices.contains(listener) && listeners[listener].descriptor >= 0
  }
}
