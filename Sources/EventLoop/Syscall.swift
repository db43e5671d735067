// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import Glibc

/// An error number of the operating system.
public struct SystemError: Error, Equatable, Hashable, Sendable, CustomStringConvertible {
  /// The value of errno.
  public let code: Int32

  /// Wraps an error number.
  public init(_ code: Int32) { self.code = code }

  /// What strerror says: "Address already in use".
  public var text: String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let base = buffer.baseAddress else { return "" }
      guard let text = unsafe strerror_r(code, base, buffer.count) else { return "" }
      return unsafe String(cString: text)
    }
  }

  /// The same as `text`.
  public var description: String { text }

  /// Whether the process, or the system, has no more descriptors or memory for a connection.
  public var isExhaustion: Bool { [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code) }

  /// A symbolic link stands where none may be.
  public static let tooManyLinks = SystemError(ELOOP)
  /// No route to the host.
  public static let unreachable = SystemError(EHOSTUNREACH)
  /// The other side refuses.
  public static let refused = SystemError(ECONNREFUSED)
  /// The disk is full.
  public static let noSpace = SystemError(ENOSPC)
  /// The device failed.
  public static let inputOutput = SystemError(EIO)
  /// The connection was reset.
  public static let reset = SystemError(ECONNRESET)
  /// Somebody listens there already.
  public static let addressInUse = SystemError(EADDRINUSE)
  /// The descriptor is not open.
  public static let badDescriptor = SystemError(EBADF)
  /// Permission denied.
  public static let accessDenied = SystemError(EACCES)
  /// No such file or directory.
  public static let missing = SystemError(ENOENT)
  /// A directory where a file is meant.
  public static let isDirectory = SystemError(EISDIR)
  /// The file system takes no changes.
  public static let readOnly = SystemError(EROFS)
  /// Somebody else has the lock.
  public static let locked = SystemError(EWOULDBLOCK)
  /// Nobody answered.
  public static let timedOut = SystemError(ETIMEDOUT)
  /// The call doesn't fit what it is applied to.
  public static let invalidArgument = SystemError(EINVAL)
}

/// Every system call of the sockets, the poller and the clock; files and process are beside this.
///
/// Policy: EINTR is retried here, EAGAIN is a result and no error, errno is read right after the
/// call (so the functions are not inlined, lest a release between the two overwrites it).
internal enum Syscall {
  /// Niceness of threads whose work may take its time.
  private static let patientNiceness: Int32 = 10

  /// setpriority(2) of the calling thread: where processors are short, clients are served first.
  @inline(never)
  internal static func lowerPriority() {
    // A refusal changes nothing but the speed of others.
    _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, patientNiceness)
  }

  /// Repeats a call while it is interrupted; returns its result or the negated error number.
  @inline(__always)
  internal static func retrying(_ call: () -> Int) -> Int {
    while true {
      let result = call()
      if result >= 0 { return result }
      let code = errno
      if code != EINTR { return -Int(code) }
    }
  }

  /// Repeats a call while it is interrupted; throws its error.
  @inline(__always)
  @discardableResult
  internal static func checking(_ call: () -> Int) throws(SystemError) -> Int {
    let result = retrying(call)
    if result < 0 { throw SystemError(Int32(-result)) }
    return result
  }

  /// Nanoseconds of a clock; answered without entering the kernel.
  internal static func time(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    unsafe clock_gettime(clock, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }

  // MARK: - Streams

  /// recv(2); an empty stream is `.closed`.
  @inline(never)
  internal static func receive(
    _ descriptor: Int32, _ base: UnsafeMutableRawPointer?, _ byteCount: Int
  ) -> IOResult {
    let result = retrying { unsafe recv(descriptor, base, byteCount, 0) }
    if result > 0 { return .bytes(result) }
    if result == 0 { return byteCount == 0 ? .bytes(0) : .closed }
    return failure(result)
  }

  /// send(2), without SIGPIPE.
  @inline(never)
  internal static func send(
    _ descriptor: Int32, _ base: UnsafeRawPointer?, _ byteCount: Int
  ) -> IOResult {
    let flags = Int32(MSG_NOSIGNAL)
    let result = retrying { unsafe Glibc.send(descriptor, base, byteCount, flags) }
    return result >= 0 ? .bytes(result) : failure(result)
  }

  /// sendmsg(2) of three pieces.
  @inline(never)
  internal static func send(_ descriptor: Int32, _ pieces: SendPieces) -> IOResult {
    func vector(_ piece: UnsafeRawBufferPointer) -> iovec {
      unsafe iovec(
        iov_base: UnsafeMutableRawPointer(mutating: piece.baseAddress), iov_len: piece.count)
    }
    var vectors = unsafe [
      vector(pieces.first), vector(pieces.second), vector(pieces.third),
    ]
    let result = unsafe vectors.withUnsafeMutableBufferPointer { vectors in
      var message = unsafe msghdr()
      unsafe message.msg_iov = vectors.baseAddress
      unsafe message.msg_iovlen = vectors.count
      return retrying { unsafe sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL)) }
    }
    return result >= 0 ? .bytes(result) : failure(result)
  }

  private static func failure(_ result: Int) -> IOResult {
    let code = Int32(-result)
    if code == EAGAIN { return .wouldBlock }
    return code == EPIPE ? .closed : .failed(code)
  }

  /// close(2). Not retried: on Linux the descriptor is gone even when it reports EINTR.
  @inline(never)
  internal static func close(_ descriptor: Int32) {
    _ = Glibc.close(descriptor)
  }

  // MARK: - Sockets

  /// A non-blocking stream socket.
  @inline(never)
  internal static func streamSocket(_ family: Int32) throws(SystemError) -> Int32 {
    Int32(try checking { Int(memd_stream_socket(family)) })
  }

  /// bind(2).
  @inline(never)
  internal static func bind(
    _ descriptor: Int32, _ address: memd_address
  ) throws(SystemError) {
    var address = address
    try checking { unsafe Int(memd_bind(descriptor, &address)) }
  }

  /// listen(2).
  @inline(never)
  internal static func listen(_ descriptor: Int32, backlog: Int32) throws(SystemError) {
    try checking { Int(Glibc.listen(descriptor, backlog)) }
  }

  /// accept4(2); the negated error number on failure. A peer that gave up meanwhile is passed over.
  @inline(never)
  internal static func accept(_ listener: Int32, _ peer: inout memd_address) -> Int {
    while true {
      let result = retrying { unsafe Int(memd_accept(listener, &peer)) }
      if result != -Int(ECONNABORTED) { return result }
    }
  }

  /// connect(2) of a non-blocking socket; being in progress is success.
  @inline(never)
  internal static func connect(
    _ descriptor: Int32, _ address: memd_address
  ) throws(SystemError) {
    var address = address
    if unsafe memd_connect(descriptor, &address) == 0 { return }
    let code = errno
    if code != EINPROGRESS && code != EINTR { throw SystemError(code) }
  }

  /// poll(2) of one descriptor; false if the time was over first.
  @inline(never)
  internal static func poll(
    _ descriptor: Int32, events: Int16, timeoutMilliseconds: Int32
  ) throws(SystemError) -> Bool {
    var entry = pollfd(fd: descriptor, events: events, revents: 0)
    return try checking { Int(unsafe Glibc.poll(&entry, 1, timeoutMilliseconds)) } > 0
  }

  /// setsockopt(2) with a number.
  @inline(never)
  internal static func setOption(
    _ descriptor: Int32, level: Int32, name: Int32, _ value: Int32
  ) throws(SystemError) {
    try checking { Int(memd_set_option(descriptor, level, name, value)) }
  }

  // MARK: - Poller

  /// epoll_create1(2).
  @inline(never)
  internal static func makePoller() throws(SystemError) -> Int32 {
    Int32(try checking { Int(epoll_create1(Int32(O_CLOEXEC))) })
  }

  /// epoll_ctl(2).
  @inline(never)
  @discardableResult
  internal static func control(
    _ poller: Int32, _ operation: Int32, _ descriptor: Int32, interest: UInt32, data: UInt64
  ) -> Int {
    retrying { Int(memd_epoll_control(poller, operation, descriptor, interest, data)) }
  }

  /// epoll_pwait2 for exact timeouts; the count or the negated error number. Not retried: after a
  /// signal the caller computes its timeout again.
  @inline(never)
  internal static func wait(
    _ poller: Int32, _ events: UnsafeMutableRawPointer, _ capacity: Int32, nanoseconds: Int64
  ) -> Int32 {
    let count = unsafe memd_epoll_wait_nanoseconds(poller, events, capacity, nanoseconds)
    return count >= 0 ? count : -errno
  }

  /// epoll_wait(2); the count or the negated error number.
  @inline(never)
  internal static func wait(
    _ poller: Int32, _ events: UnsafeMutableRawPointer, _ capacity: Int32, milliseconds: Int32
  ) -> Int32 {
    let count = unsafe memd_epoll_wait(poller, events, capacity, milliseconds)
    return count >= 0 ? count : -errno
  }

  // MARK: - Event counters and pipes

  /// eventfd(2), non-blocking.
  @inline(never)
  internal static func makeEvent() throws(SystemError) -> Int32 {
    Int32(try checking { Int(eventfd(0, Int32(O_NONBLOCK | O_CLOEXEC))) })
  }

  /// Adds one to an event counter. A full counter is signalled already.
  @inline(never)
  internal static func signalEvent(_ descriptor: Int32) {
    var one: UInt64 = 1
    _ = retrying { unsafe Glibc.write(descriptor, &one, 8) }
  }

  /// Sets an event counter back to zero.
  @inline(never)
  internal static func clearEvent(_ descriptor: Int32) {
    var value: UInt64 = 0
    _ = retrying { unsafe Glibc.read(descriptor, &value, 8) }
  }

  /// pipe2(2), both ends non-blocking.
  @inline(never)
  internal static func makePipe() throws(SystemError) -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    try checking { unsafe Int(pipe2(&ends, O_NONBLOCK | O_CLOEXEC)) }
    return (ends[0], ends[1])
  }

  /// One byte out of a non-blocking pipe; nil when it is empty.
  @inline(never)
  internal static func byte(from descriptor: Int32) -> UInt8? {
    var byte: UInt8 = 0
    return retrying { unsafe Glibc.read(descriptor, &byte, 1) } == 1 ? byte : nil
  }
}
