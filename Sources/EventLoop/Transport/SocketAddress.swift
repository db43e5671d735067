// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// An address as the kernel takes it, with the texts that Redis prints.
internal struct SocketAddress {
  /// The kernel's bytes.
  var raw: memd_address

  /// An address with nothing in it, to be filled by the kernel.
  init() { raw = memd_address() }

  /// A numeric address or, with a look-up that may block, a host name; nil if there is no such
  /// host.
  init?(host: String, port: UInt16) {
    self.init()
    if unsafe memd_address_numeric(&raw, host, port) == 0 { return }
    if unsafe memd_address_resolve(&raw, host, port) != 0 { return nil }
  }

  /// A numeric address; nil for a host name.
  init?(numeric host: String) {
    self.init()
    if unsafe memd_address_numeric(&raw, host, 0) != 0 { return nil }
  }

  /// A unix socket's path; nil if it is too long.
  init?(path: String) {
    self.init()
    if unsafe memd_address_local(&raw, path) != 0 { return nil }
  }

  /// The local end of a socket.
  init(localOf descriptor: Int32) {
    self.init()
    _ = unsafe memd_local_address(descriptor, &raw)
  }

  /// The remote end of a socket.
  init(peerOf descriptor: Int32) {
    self.init()
    _ = unsafe memd_peer_address(descriptor, &raw)
  }

  /// AF_INET, AF_INET6 or AF_UNIX.
  var family: Int32 {
    var copy = raw
    return unsafe memd_address_family(&copy)
  }

  /// 0 for unix sockets.
  var port: UInt16 {
    var copy = raw
    return unsafe memd_address_port(&copy)
  }

  /// "127.0.0.1:50000" or "[::1]:50000".
  var text: String {
    var copy = raw
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 80) { buffer in
      guard let base = buffer.baseAddress else { return "" }
      unsafe memd_address_text(&copy, base, buffer.count)
      return unsafe String(cString: base)
    }
  }

  /// 127.0.0.0/8 or ::1.
  var isLoopback: Bool {
    var copy = raw
    return unsafe memd_address_is_loopback(&copy) != 0
  }

  /// 0.0.0.0 or ::.
  var isWildcard: Bool {
    var copy = raw
    return unsafe memd_address_is_wildcard(&copy) != 0
  }
}
