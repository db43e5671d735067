// SPDX-License-Identifier: Apache-2.0
// Fuzz modules: RESP DataStructures PubSub EventLoop memd

import DataStructures
import EventLoop
import RESP

@testable import memd

// An RDB file, whatever its bytes, is loaded or refused. What was loaded can be walked, saved and
// loaded again, and then is the same.

nonisolated(unsafe) private var server = FuzzServer()

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ data: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  let bytes = Array(UnsafeBufferPointer(start: data, count: count))
  guard server.load(bytes) else {
    server.empty()
    return 0
  }
  let digest = DatasetDigest(server.server.keyspace).text
  precondition(server.server.save(), "what was loaded can't be saved")
  let saved = server.disk.content(of: "dump.rdb") ?? []
  server.empty()
  precondition(server.load(saved), "what was saved can't be loaded")
  precondition(DatasetDigest(server.server.keyspace).text == digest, "a round trip loses something")
  server.empty()
  return 0
}

/// A server in simulation, used for all inputs.
private final class FuzzServer {
  let disk = SimulatedDisk()
  let server: Server

  init() {
    let clock = SimulatedClock()
    let transport = SimulatedTransport(clock: clock, seed: 1)
    let configuration = Configuration()
    configuration.rdbCompression = false
    let world = World(
      clock: clock, transport: transport, disk: disk,
      helpers: SimulatedHelpers(transport: transport, seed: 1), seed: 1)
    server = Server(configuration: configuration, world: world, log: Log())
  }

  /// Loads a file; false if it is refused. Its checksum doesn't count.
  func load(_ bytes: [UInt8]) -> Bool {
    disk.setContent(bytes, of: "dump.rdb")
    var options = RDBLoader.Options()
    options.verifiesChecksum = false
    var isLoaded = false
    server.startLoading(options) { isLoaded = $0 }
    server.finishLoading()
    return isLoaded
  }

  /// Removes all keys.
  func empty() { _ = server.keyspace.flushAll(lazily: false) }
}
