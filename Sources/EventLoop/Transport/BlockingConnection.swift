// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// A connection of its own on which the caller waits; the loop knows nothing of it.
///
/// For the few exchanges during which everybody has to wait anyway (MIGRATE).
open class BlockingConnection {
  /// For subclasses.
  public init() {}

  /// Sends all bytes; every step may take the whole timeout.
  open func send(_ bytes: RawSpan, timeoutMilliseconds: Int) throws(SystemError) {}

  /// Receives what there is, at least one byte; an empty array at the end of the connection.
  open func receive(timeoutMilliseconds: Int) throws(SystemError) -> [UInt8] { [] }

  /// Closes the connection.
  open func close() {}
}

/// A socket of the operating system with a timeout per step.
internal final class SocketConnection: BlockingConnection {
  private var descriptor: Int32

  /// Connects, or fails within the timeout.
  init(to address: SocketAddress, timeoutMilliseconds: Int) throws(SystemError) {
    descriptor = try Syscall.streamSocket(address.family)
    super.init()
    do throws(SystemError) {
      try Syscall.connect(descriptor, address.raw)
      try wait(for: Int16(POLLOUT), timeoutMilliseconds)
      let code = memd_socket_error(descriptor)
      if code != 0 { throw SystemError(code) }
    } catch {
      close()
      throw error
    }
  }

  deinit { close() }

  private func wait(for events: Int16, _ timeoutMilliseconds: Int) throws(SystemError) {
    let isReady = try Syscall.poll(
      descriptor, events: events, timeoutMilliseconds: Int32(clamping: timeoutMilliseconds))
    if !isReady { throw SystemError(ETIMEDOUT) }
  }

  override func send(_ bytes: RawSpan, timeoutMilliseconds: Int) throws(SystemError) {
    var rest = bytes
    while rest.byteCount > 0 {
      let result = unsafe rest.withUnsafeBytes {
        unsafe Syscall.send(descriptor, $0.baseAddress, $0.count)
      }
      switch result {
      case .bytes(let count): rest = rest.extracting(droppingFirst: count)
      case .wouldBlock: try wait(for: Int16(POLLOUT), timeoutMilliseconds)
      case .closed: throw .reset
      case .failed(let code): throw SystemError(code)
      }
    }
  }

  override func receive(timeoutMilliseconds: Int) throws(SystemError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let result = unsafe bytes.withUnsafeMutableBytes {
        unsafe Syscall.receive(descriptor, $0.baseAddress, $0.count)
      }
      switch result {
      case .bytes(let count):
        bytes.removeLast(bytes.count - count)
        return bytes
      case .wouldBlock: try wait(for: Int16(POLLIN), timeoutMilliseconds)
      case .closed: return []
      case .failed(let code): throw SystemError(code)
      }
    }
  }

  override func close() {
    if descriptor >= 0 { Syscall.close(descriptor) }
    descriptor = -1
  }
}
