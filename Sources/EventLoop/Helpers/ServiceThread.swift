// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A thread that does one thing until it is told to stop.
public final class ServiceThread: @unchecked Sendable {
  private let name: String
  private let body: @Sendable () -> Void
  private var handle = pthread_t()

  /// Starts the thread. It has a low priority and gets no signals.
  ///
  /// - Parameter body: what it does; whoever owns the thread can make it return.
  public init(name: String, body: @escaping @Sendable () -> Void) {
    self.name = name
    self.body = body
    // The thread holds the object until it ends.
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    let code = unsafe pthread_create(
      &handle, nil,
      { context in
        guard let context = unsafe context else { return nil }
        unsafe Unmanaged<ServiceThread>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, context)
    precondition(code == 0, "the system refuses a thread")
  }

  /// Waits until the body has returned; called once.
  public func join() { pthread_join(handle, nil) }

  private func run() {
    ProcessSignals.blockInThisThread()
    CrashReport.prepareThread()
    ProcessTitle.nameThread(name)
    Syscall.lowerPriority()
    body()
  }
}
