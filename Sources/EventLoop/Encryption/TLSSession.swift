// SPDX-License-Identifier: Apache-2.0

internal import CTLS

/// What an end does about the certificate of its peer.
public enum TLSVerification: Int32, Sendable {
  /// Asks for none.
  case none
  /// Takes none, or a good one.
  case ifGiven
  /// Takes a good one only.
  case required
}

/// Names in a certificate.
public enum TLSNameKind: Int32, Sendable {
  /// The one common name of the subject.
  case commonName
  /// The URIs among the alternative names.
  case uri
}

/// One end of a TLS connection, without a connection: bytes of the peer are given to it, bytes for
/// the peer are taken from it, in pieces of any size. So it runs over sockets, over a simulation,
/// and against its peer in one test.
///
///     continueHandshake --done--> read, write --closed--> nothing more to read
///                  \--------------------\---failed---> nothing more at all
///
/// Bytes for the peer are left in the session's `TLSOutput`, which many sessions share: whoever
/// calls takes them out before another session is called.
@safe
internal final class TLSSession {
  /// What came of a call.
  enum Step: Int32 {
    /// It is done.
    case done = 1
    /// It goes on with more bytes of the peer.
    case wantsInput
    /// It goes on when the output has been taken.
    case wantsRoom
    /// The peer has taken leave.
    case closed
    /// The session can't go on; `failure` says why.
    case failed
  }

  private let raw: UnsafeMutablePointer<memd_tls_session>
  private let output: TLSOutput
  private let context: TLSContext
  /// Why the last call failed, in OpenSSL's words.
  private(set) var failure = ""

  /// Begins as the accepting end, or as the connecting one that asks for the server `name`; nil if
  /// memory is out.
  init?(
    _ context: TLSContext, accepts: Bool, _ verification: TLSVerification, name: String = "",
    output: TLSOutput
  ) {
    unsafe raw = .allocate(capacity: 1)
    unsafe raw.initialize(to: memd_tls_session())
    self.output = output
    self.context = context
    let isOpen = unsafe name.withCString { name in
      unsafe memd_tls_open(
        raw, context.raw, accepts ? 1 : 0, verification.rawValue,
        name.pointee == 0 ? nil : name)
    }
    guard isOpen != 0 else { return nil }
  }

  deinit {
    unsafe memd_tls_close(raw)
    unsafe raw.deallocate()
  }

  /// Bytes of the peer that were given to the last call and not used.
  var unusedByteCount: Int { unsafe raw.pointee.in_count }

  /// Plaintext that can be read without more bytes of the peer.
  var readableByteCount: Int { Int(unsafe memd_tls_pending(raw)) }

  /// Nothing follows the bytes that are given from now on.
  func noteEnd() { unsafe raw.pointee.has_ended = 1 }

  /// Goes on with the handshake.
  ///
  /// - Parameter received: bytes of the peer; those that stay unused are given again.
  func continueHandshake(_ received: UnsafeRawBufferPointer) -> Step {
    unsafe call(received) { unsafe memd_tls_handshake(raw) }
  }

  /// Reads plaintext until the room is full or the bytes of the peer are used up.
  ///
  /// - Parameter received: bytes of the peer; those that stay unused are given again.
  /// - Returns: how many bytes were read, and `done` or why there are no more.
  func read(
    _ received: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer
  ) -> (count: Int, step: Step) {
    var filled = 0
    let step = unsafe call(received) {
      while filled < room.count {
        var count = 0
        let code = unsafe memd_tls_read(
          raw, room.baseAddress?.advanced(by: filled), room.count - filled, &count)
        guard code == MEMD_TLS_DONE else { return code }
        filled += count
        // Another look would find nothing, and costs.
        if unsafe raw.pointee.in_count == 0, filled < room.count,
          unsafe raw.pointee.has_ended == 0, unsafe memd_tls_pending(raw) == 0
        {
          return Int32(MEMD_TLS_WANTS_INPUT)
        }
      }
      return Int32(MEMD_TLS_DONE)
    }
    return (filled, step)
  }

  /// Writes plaintext as long as there is room for a whole record of output.
  ///
  /// - Returns: how many bytes were taken, and `done` or why not more.
  func write(_ bytes: UnsafeRawBufferPointer) -> (count: Int, step: Step) {
    var taken = 0
    let step = unsafe call(UnsafeRawBufferPointer(start: nil, count: 0)) {
      while taken < bytes.count {
        if unsafe raw.pointee.out_capacity - raw.pointee.out_count < TLSOutput.recordByteCountMax {
          return Int32(MEMD_TLS_WANTS_ROOM)
        }
        var count = 0
        let code = unsafe memd_tls_write(
          raw, bytes.baseAddress?.advanced(by: taken), bytes.count - taken, &count)
        guard code == MEMD_TLS_DONE else { return code }
        taken += count
      }
      return Int32(MEMD_TLS_DONE)
    }
    return (taken, step)
  }

  /// Takes leave of the peer.
  func sayGoodbye() {
    _ = unsafe call(UnsafeRawBufferPointer(start: nil, count: 0)) {
      unsafe memd_tls_say_goodbye(raw)
      return Int32(MEMD_TLS_DONE)
    }
  }

  /// Lends memory for the time of a call.
  private func call(_ received: UnsafeRawBufferPointer, _ body: () -> Int32) -> Step {
    unsafe raw.pointee.in = received.baseAddress?.assumingMemoryBound(to: UInt8.self)
    unsafe raw.pointee.in_count = received.count
    unsafe raw.pointee.out = output.base.assumingMemoryBound(to: UInt8.self)
    unsafe raw.pointee.out_count = output.count
    unsafe raw.pointee.out_capacity = TLSOutput.capacity
    let step = Step(rawValue: body()) ?? .failed
    unsafe output.count = raw.pointee.out_count
    if step == .failed { failure = unsafe String(cString: memd_tls_failure()) }
    return step
  }

  // MARK: - The peer

  /// The longest name that is told.
  private static let nameByteCountMax = 1024

  /// The names in the peer's certificate; none if it has shown none.
  func peerNames(_ kind: TLSNameKind) -> [[UInt8]] {
    var names: [[UInt8]] = []
    while true {
      var text = [UInt8](repeating: 0, count: TLSSession.nameByteCountMax)
      let count = unsafe text.withUnsafeMutableBytes {
        unsafe memd_tls_peer_name(
          raw, kind.rawValue, Int32(names.count), $0.baseAddress, $0.count)
      }
      // What is cut off could be somebody else's name.
      guard count >= 0, count <= text.count else { return names }
      names.append(Array(text[..<count]))
    }
  }

  /// "TLSv1.3".
  var version: String { unsafe String(cString: memd_tls_version(raw)) }
}

/// Where sessions leave bytes for their peers.
@safe
internal final class TLSOutput {
  /// A record of 16 KB and the most that encryption adds to it, with room to spare.
  static let recordByteCountMax = (16 << 10) + 512
  /// Four records: what one system call sends.
  static let capacity = 4 * recordByteCountMax

  fileprivate(set) var count = 0
  let base: UnsafeMutableRawPointer

  init() { unsafe base = .allocate(byteCount: TLSOutput.capacity, alignment: 64) }

  deinit { unsafe base.deallocate() }

  /// What is there.
  var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: base, count: count) }

  /// It has been taken.
  func clear() { count = 0 }
}
