// SPDX-License-Identifier: Apache-2.0
// Fuzz modules: EventLoop

import Glibc

@testable import EventLoop

// A client whose bytes are cut, changed, repeated or left out as the input says meets a server: the
// server's session goes on, fails or waits, and never claims more bytes than it was given. The
// input is a list of operations, each with a number; without any both ends agree.

private nonisolated(unsafe) let contexts: (server: TLSContext, client: TLSContext) = {
  var template = Array("/tmp/memd-fuzz-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { preconditionFailure("no directory") }
  let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  let status = system(
    "cd \(directory) && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
      + " -keyout key -out certificate -days 10 -subj /CN=fuzz >/dev/null 2>&1")
  precondition(status == 0, "openssl")
  var settings = TLSSettings()
  settings.certificateFile = "\(directory)/certificate"
  settings.keyFile = "\(directory)/key"
  settings.authorityFile = "\(directory)/certificate"
  guard let server = try? TLSContext(settings), let client = try? TLSContext(settings) else {
    preconditionFailure("no context")
  }
  return (server, client)
}()

/// One end: it shakes hands, then reads.
private struct End {
  let session: TLSSession
  let output: TLSOutput
  var arrived: [UInt8] = []
  var text = 0
  var isOpen = false
  var isOver = false

  init(_ context: TLSContext, accepts: Bool) {
    output = TLSOutput()
    guard let made = TLSSession(context, accepts: accepts, .ifGiven, output: output) else {
      preconditionFailure("no session")
    }
    session = made
  }

  /// What it says to what has arrived.
  mutating func proceed() -> [UInt8] {
    guard !isOver else { return [] }
    var said: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 700)
    while true {
      let before = arrived.count
      var step: TLSSession.Step
      if isOpen {
        let result = room.withUnsafeMutableBytes { room in
          arrived.withUnsafeBytes { session.read($0, into: room) }
        }
        precondition(result.count <= room.count)
        text += result.count
        step = result.step
      } else {
        step = arrived.withUnsafeBytes { session.continueHandshake($0) }
      }
      precondition(session.unusedByteCount <= before)
      arrived.removeFirst(before - session.unusedByteCount)
      said += output.bytes
      output.clear()
      switch step {
      case .done: isOpen = true
      case .wantsRoom: continue
      case .wantsInput: return said
      case .closed, .failed:
        isOver = true
        return said
      }
      if isOpen, arrived.isEmpty, session.readableByteCount == 0 { return said }
    }
  }
}

/// What happens on the way to the server.
private func disturb(_ bytes: inout [UInt8], _ operation: UInt8, _ number: UInt8) {
  guard !bytes.isEmpty else { return }
  let place = Int(number) * 7 % bytes.count
  switch operation % 6 {
  case 0: bytes[place] ^= operation | 1
  case 1: bytes.remove(at: place)
  case 2: bytes.insert(number, at: place)
  case 3: bytes += bytes[place...]
  case 4: bytes.removeLast(bytes.count - place)
  default: bytes.replaceSubrange(..<min(5, bytes.count), with: [operation, 3, 3, 0, number])
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ data: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  var input = Array(UnsafeBufferPointer(start: data, count: count))[...]
  var client = End(contexts.client, accepts: false)
  var server = End(contexts.server, accepts: true)
  var toServer = client.proceed()
  for _ in 0..<20 {
    if let operation = input.popFirst(), let number = input.popFirst(), operation < 128 {
      disturb(&toServer, operation, number)
    }
    let pieceByteCount = max(1, Int(input.popFirst() ?? 255) * 8)
    while !toServer.isEmpty {
      server.arrived += toServer.prefix(pieceByteCount)
      toServer.removeFirst(min(pieceByteCount, toServer.count))
      client.arrived += server.proceed()
    }
    toServer = client.proceed()
    if client.isOpen, !client.isOver {
      let (_, step) = Array("PING\r\n".utf8).withUnsafeBytes { client.session.write($0) }
      precondition(step == .done || step == .failed)
      toServer += client.output.bytes
      client.output.clear()
    }
    if server.isOver || (client.isOpen && server.text > 20) { break }
  }
  server.session.noteEnd()
  _ = server.proceed()
  precondition(count > 0 || server.text > 20, "nobody disturbed them")
  return 0
}
