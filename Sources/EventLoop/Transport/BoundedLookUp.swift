// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// The look-up of a host name for a caller that waits, but not for ever: a thread of its own asks
/// the system, and goes on alone if it is too slow.
internal final class BoundedLookUp: @unchecked Sendable {
  private let host: String
  private let monitor = Monitor()
  /// Guarded by `monitor`.
  private var isDone = false
  private var address: SocketAddress?

  private init(_ host: String) { self.host = host }

  /// The address of a host.
  ///
  /// - Throws: ETIMEDOUT if it isn't known in time, EHOSTUNREACH if there is none.
  static func address(
    of host: String, port: UInt16, timeoutMilliseconds: Int
  ) throws(SystemError) -> SocketAddress {
    var address = SocketAddress()
    if unsafe memd_address_numeric(&address.raw, host, port) == 0 { return address }
    let lookUp = BoundedLookUp(host)
    try lookUp.start()
    guard var found = try lookUp.wait(milliseconds: timeoutMilliseconds) else {
      throw .unreachable
    }
    unsafe memd_address_set_port(&found.raw, port)
    return found
  }

  private func start() throws(SystemError) {
    var handle = pthread_t()
    // The thread holds the object until it ends.
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    let code = unsafe pthread_create(
      &handle, nil,
      { context in
        guard let context = unsafe context else { return nil }
        unsafe Unmanaged<BoundedLookUp>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, context)
    guard code == 0 else {
      unsafe Unmanaged<BoundedLookUp>.fromOpaque(context).release()
      throw SystemError(code)
    }
    pthread_detach(handle)
  }

  private func run() {
    ProcessSignals.blockInThisThread()
    CrashReport.prepareThread()
    ProcessTitle.nameThread("memd-lookup")
    let found = SocketAddress(host: host, port: 0)
    monitor.lock()
    address = found
    isDone = true
    monitor.notify()
    monitor.unlock()
  }

  private func wait(milliseconds: Int) throws(SystemError) -> SocketAddress? {
    monitor.lock()
    defer { monitor.unlock() }
    let deadline = SystemClock().wallMicroseconds() + Int64(milliseconds) * 1000
    while !isDone {
      guard monitor.wait(untilWallMicroseconds: deadline) else { throw SystemError(ETIMEDOUT) }
    }
    return address
  }
}
