// SPDX-License-Identifier: Apache-2.0

extension Client {
  /// Whether the connection comes from this machine.
  var isLocal: Bool {
    flags.contains(.unixSocket) || address.hasPrefix("127.") || address.hasPrefix("[::1]")
      || address.hasPrefix("::1")
  }
}
