// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A connection on which the caller waits, encrypted.
internal final class EncryptedBlockingConnection: BlockingConnection {
  private let carrier: BlockingConnection
  private let session: TLSSession
  private let output = TLSOutput()
  private var unused: [UInt8] = []

  /// Shakes hands over a connection that was made; every step may take the whole timeout.
  init(
    _ carrier: BlockingConnection, _ context: TLSContext, name: String, timeoutMilliseconds: Int
  ) throws(SystemError) {
    let isName = SocketAddress(numeric: name) == nil
    guard
      let session = TLSSession(
        context, accepts: false, .required, name: isName ? name : "", output: output)
    else { throw SystemError(ENOMEM) }
    self.carrier = carrier
    self.session = session
    super.init()
    do throws(SystemError) {
      try shakeHands(timeoutMilliseconds)
    } catch {
      carrier.close()
      throw error
    }
  }

  private func shakeHands(_ timeoutMilliseconds: Int) throws(SystemError) {
    while true {
      let step = unsafe unused.withUnsafeBytes { unsafe session.continueHandshake($0) }
      unused.removeFirst(unused.count - session.unusedByteCount)
      try deliverOutput(timeoutMilliseconds)
      switch step {
      case .done: return
      case .wantsRoom: continue
      case .wantsInput: try fetch(timeoutMilliseconds)
      case .closed, .failed: throw SystemError(EPROTO)
      }
    }
  }

  private func deliverOutput(_ timeoutMilliseconds: Int) throws(SystemError) {
    guard output.count > 0 else { return }
    let bytes = unsafe Array(output.bytes)
    output.clear()
    try unsafe carrier.send(bytes.span.bytes, timeoutMilliseconds: timeoutMilliseconds)
  }

  private func fetch(_ timeoutMilliseconds: Int) throws(SystemError) {
    let bytes = try carrier.receive(timeoutMilliseconds: timeoutMilliseconds)
    if bytes.isEmpty { throw .reset }
    unused += bytes
  }

  override func send(_ bytes: RawSpan, timeoutMilliseconds: Int) throws(SystemError) {
    var rest = bytes
    while rest.byteCount > 0 {
      let (count, step) = unsafe rest.withUnsafeBytes { unsafe session.write($0) }
      try deliverOutput(timeoutMilliseconds)
      guard count > 0 || step == .wantsRoom else { throw SystemError(EPROTO) }
      rest = rest.extracting(droppingFirst: count)
    }
  }

  override func receive(timeoutMilliseconds: Int) throws(SystemError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let (count, step) = unsafe bytes.withUnsafeMutableBytes { room in
        unsafe unused.withUnsafeBytes { unsafe session.read($0, into: room) }
      }
      unused.removeFirst(unused.count - session.unusedByteCount)
      try deliverOutput(timeoutMilliseconds)
      if count > 0 {
        bytes.removeLast(bytes.count - count)
        return bytes
      }
      switch step {
      case .closed: return []
      case .failed: throw SystemError(EPROTO)
      case .done, .wantsRoom, .wantsInput: try fetch(timeoutMilliseconds)
      }
    }
  }

  override func close() {
    session.sayGoodbye()
    // Nobody waits for the goodbye.
    try? deliverOutput(0)
    carrier.close()
  }
}
