// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// Messages to systemd by the protocol of sd_notify: one datagram to the socket in NOTIFY_SOCKET.
public enum ServiceNotification {
  /// Whether a supervisor waits for messages.
  public static var isExpected: Bool { ProcessFacts.environment("NOTIFY_SOCKET") != nil }

  /// Sends lines such as "READY=1" or "STATUS=Loading"; false if nobody takes them.
  @discardableResult
  public static func send(_ lines: String) -> Bool {
    guard let path = ProcessFacts.environment("NOTIFY_SOCKET") else { return false }
    return send(lines, to: path)
  }

  /// Sends to a given socket; a leading '@' means an abstract address.
  @discardableResult
  public static func send(_ lines: String, to path: String) -> Bool {
    let bytes = Array(lines.utf8)
    return unsafe bytes.withUnsafeBytes { pointer in
      unsafe memd_send_datagram(path, pointer.baseAddress, pointer.count) == 0
    }
  }
}
