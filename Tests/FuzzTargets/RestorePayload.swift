// SPDX-License-Identifier: Apache-2.0
// Fuzz modules: RESP DataStructures PubSub EventLoop memd

import DataStructures
import EventLoop
import RESP

@testable import memd

// A payload for RESTORE, whatever its bytes, becomes a value or is refused. The value can be
// dumped, and what was dumped can be restored and is the same.
//
// Input: one byte with the version, then type and value; footer and checksum are added here.

nonisolated(unsafe) private var server = makeServer()

private func makeServer() -> Server {
  let clock = SimulatedClock()
  let transport = SimulatedTransport(clock: clock, seed: 1)
  let world = World(
    clock: clock, transport: transport, disk: SimulatedDisk(),
    helpers: SimulatedHelpers(transport: transport, seed: 1), seed: 1)
  let configuration = Configuration()
  configuration.rdbCompression = false
  return Server(configuration: configuration, world: world, log: Log())
}

/// The entry of a payload; nil if it is refused.
private func entry(_ payload: [UInt8], _ database: Database) -> Entry? {
  guard let version = DumpPayload.version(of: payload.rawSpan, verifiesChecksum: true) else {
    return nil
  }
  let key = Array("key".utf8)
  return try? DumpPayload.entry(
    payload.rawSpan, version: version, key: key.rawSpan, hasDeadline: false, in: database)
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ data: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  guard count > 1 else { return 0 }
  let body = Array(UnsafeBufferPointer(start: data + 1, count: count - 1)) + [data[0], 0]
  let sum = CRC64.of(body.rawSpan)
  let payload = body + (0..<8).map { UInt8(truncatingIfNeeded: sum >> UInt64(8 * $0)) }
  let database = server.keyspace.databases[0]
  guard let first = entry(payload, database) else { return 0 }
  let digest = DatasetDigest(valueOf: first).text
  let dumped = DumpPayload.make(of: first, compresses: false)
  guard let second = entry(dumped, database) else {
    preconditionFailure("what was dumped can't be restored")
  }
  precondition(DatasetDigest(valueOf: second).text == digest, "a round trip loses something")
  first.free(database.allocator)
  second.free(database.allocator)
  return 0
}
