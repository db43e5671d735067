// SPDX-License-Identifier: Apache-2.0

import DataStructures
import EventLoop
import RESP

/// Executes a leader's stream of effects, command by command.
///
/// The stream never sees a key as expired, meets no admission, and its replies go nowhere.
final class StreamApplier {
  private let server: Server
  private let client: Client
  /// Bytes of the stream that have been applied.
  private(set) var offset = 0
  private let input = InputBuffer(capacity: 16 << 10)

  init(server: Server) {
    self.server = server
    client = Client(
      id: server.clients.nextID(), connection: .none, address: "", localAddress: "",
      now: server.moment.milliseconds, database: server.keyspace.databases[0])
    client.flags.insert(.leader)
  }

  /// Applies all complete commands; what is incomplete waits for the next bytes.
  ///
  /// - Returns: false if the bytes are no commands; nothing more can be applied then.
  func apply(_ bytes: [UInt8]) -> Bool {
    unsafe bytes.withUnsafeBytes { unsafe input.append($0) }
    var position = 0
    let batch = Batch()
    let mode = server.moment.expiryMode
    server.moment.expiryMode = .ignore
    server.effects.isMuted = true
    defer {
      server.moment.expiryMode = mode
      server.effects.isMuted = false
      input.consumed += position
    }
    let buffer = unsafe input.bytes
    while position < buffer.count {
      let start = position
      var parser = RequestParser()
      let outcome = unsafe parser.next(
        in: buffer, position: &position, limits: RequestLimits(), slices: &batch.slices)
      switch outcome {
      case .request:
        unsafe batch.append(
          Batch.Request(
            client: .passUnretained(client), database: .passUnretained(client.database),
            base: UnsafeRawPointer(buffer.baseAddress.unsafelyUnwrapped + start), firstSlice: 0,
            argumentCount: batch.slices.count, rawCount: 0,
            command: server.commands.find(
              Arguments(
                base: UnsafeRawPointer(buffer.baseAddress.unsafelyUnwrapped + start),
                slices: batch.slices.base, count: batch.slices.count))))
        server.run(batch)
        client.reply.removeAll()
        offset += position - start
      case .empty: offset += position - start
      case .incomplete:
        position = start
        return true
      case .failure: return false
      }
    }
    return true
  }
}
