// SPDX-License-Identifier: Apache-2.0

/// The client's end of a simulated connection, in the hands of a test.
public final class SimulatedClient {
  private let endpoint: SimulatedEndpoint
  /// Whether the server ended the connection or the network cut it; known after a `receive`.
  public private(set) var isClosed = false

  internal init(endpoint: SimulatedEndpoint) { self.endpoint = endpoint }

  /// How many bytes the server may send ahead of what is read here; nil for the network's default.
  public var windowByteCount: Int? {
    get { endpoint.windowByteCount }
    set { endpoint.windowByteCount = newValue }
  }

  /// The next moment at which `receive` may bring something; nil if nothing is under way.
  public var nextArrivalNanoseconds: Int64? { endpoint.nextArrival }

  /// "host:port" of this end.
  public var address: String { endpoint.localAddress }

  /// Sends; the result tells how many bytes were taken.
  @discardableResult
  public func send(_ bytes: [UInt8]) -> IOResult { endpoint.write(bytes) }

  /// Sends a text.
  @discardableResult
  public func send(_ text: String) -> IOResult { send(Array(text.utf8)) }

  /// Takes what has arrived, `limit` bytes at most; a server that can't be read from gets
  /// back-pressure.
  public func receive(limit: Int = .max) -> [UInt8] {
    var received: [UInt8] = []
    while received.count < limit {
      let (result, bytes) = endpoint.read(limit: limit - received.count)
      received += bytes
      switch result {
      case .bytes: continue
      case .wouldBlock: return received
      case .closed, .failed:
        isClosed = true
        return received
      }
    }
    return received
  }

  /// Takes what has arrived as a text.
  public func receiveText() -> String { String(decoding: receive(), as: UTF8.self) }

  /// Closes this end; the server receives what was sent before, then the end.
  public func close() { endpoint.close() }

  /// Ends the sending direction only, as shutdown(2) does; replies still arrive.
  public func finishSending() { endpoint.finishSending() }

  /// Resets the connection; bytes under way are lost.
  public func cut() { endpoint.cut() }
}
