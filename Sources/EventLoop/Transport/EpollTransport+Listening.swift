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
    guard let socketAddress = SocketAddress(host: host, port: port) else {
      throw ListenError(address: address, operation: "getaddrinfo", code: 0)
    }
    let descriptor = try open(socketAddress, address, backlog) { (descriptor) throws(SystemError) in
      try Syscall.setOption(descriptor, level: SOL_SOCKET, name: SO_REUSEADDR, 1)
      if socketAddress.family == AF_INET6 {
        try Syscall.setOption(descriptor, level: Int32(IPPROTO_IPV6), name: IPV6_V6ONLY, 1)
      }
    }
    let bound = SocketAddress(localOf: descriptor)
    return EpollListener(
      descriptor: descriptor, path: nil, localAddress: bound.isWildcard ? nil : bound.text)
  }

  internal func openListener(
    path: String, mode: UInt32?, _ address: ListenAddress, _ backlog: Int32
  ) throws(ListenError) -> EpollListener {
    guard let socketAddress = SocketAddress(path: path) else {
      throw ListenError(address: address, operation: "bind", code: ENAMETOOLONG)
    }
    // A file that an earlier process left behind would make bind fail.
    try? Syscall.remove(path)
    let descriptor = try open(socketAddress, address, backlog) { _ throws(SystemError) in }
    if let mode {
      do throws(SystemError) {
        try Syscall.setMode(path, mode)
      } catch {
        Syscall.close(descriptor)
        throw ListenError(address: address, operation: "chmod", code: error.code)
      }
    }
    return EpollListener(descriptor: descriptor, path: path, localAddress: path + ":0")
  }

  /// socket, options, bind, listen; says which of them failed.
  private func open(
    _ socketAddress: SocketAddress, _ address: ListenAddress, _ backlog: Int32,
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
      operation = "listen"
      try Syscall.listen(descriptor, backlog: backlog)
      return descriptor
    } catch {
      if descriptor >= 0 { Syscall.close(descriptor) }
      throw ListenError(address: address, operation: operation, code: error.code)
    }
  }

  /// Whether the listener exists and is open.
  internal func isListening(_ listener: Int) -> Bool {
    listeners.indices.contains(listener) && listeners[listener].descriptor >= 0
  }
}
